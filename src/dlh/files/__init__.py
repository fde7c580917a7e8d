"""Files on disk, never half-written: atomic replacement, locks, archives, strict JSON."""
