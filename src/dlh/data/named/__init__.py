"""Manifests: lists of clips that others can repeat."""
