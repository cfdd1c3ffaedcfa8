"""Pictures of regions and answers."""

from madeof.viz.overlay import draw

__all__ = ["draw"]
