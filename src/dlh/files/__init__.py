"""Writing files so that nothing is half-written: atomic replacement, locks, archives, strict JSON."""
