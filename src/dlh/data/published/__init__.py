"""Data sets that have a name: what they are, how their files lie, and how they become a store."""
