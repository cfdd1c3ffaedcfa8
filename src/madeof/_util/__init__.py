"""Helpers that know nothing of materials: text, files, CSV rows, arrays."""
