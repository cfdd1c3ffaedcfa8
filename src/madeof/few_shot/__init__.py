"""New materials from a few examples."""
