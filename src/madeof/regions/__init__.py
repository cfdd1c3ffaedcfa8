"""Regions: everything that becomes a mask."""
