"""One-off studies: each answers one question about a run, and is kept with its command."""
