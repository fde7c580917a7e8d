"""Files that are never half-written: atomic replacement, locks, archives, strict JSON, tables."""
