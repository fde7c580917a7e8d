"""Files on disk, never half-written: writing, locks, arrays of an .npz, tables of text."""
