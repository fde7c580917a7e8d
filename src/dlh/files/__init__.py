"""Files on disk, never half-written: atomic writing, locks, archives, strict JSON, tables."""
