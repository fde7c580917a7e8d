"""Video models: one folder each, which no other model imports."""
