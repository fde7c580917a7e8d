"""Pictures: stored frames and numbers in, PNG bytes or a film's frames out; no file is touched."""
