"""A run, from its preset to its trained model: experiment, presets, builder, starts, subject."""
