"""Metrics: arrays in, numbers out; no files, no model."""

from madeof.metrics.classification import Metrics, measure

__all__ = ["Metrics", "measure"]
