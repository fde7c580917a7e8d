"""Videos on disk: imported once, found again as clips."""
