"""Experiments: configuration, presets, building and the snapshot of a run."""
