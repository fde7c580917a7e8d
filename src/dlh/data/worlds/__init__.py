"""Generated clips: a ball, digits, mazes."""
