"""Metrics: arrays in, numbers out; no files, no model."""
