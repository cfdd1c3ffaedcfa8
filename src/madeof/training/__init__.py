"""Training: one loop, two steps (the head on cached features, then the last stages), checkpoints, export."""

from madeof.training.config import Config
from madeof.training.run import train

__all__ = ["Config", "train"]
