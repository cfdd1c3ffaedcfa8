"""Training: one loop, two steps (the head on cached features, then the last stages), checkpoints, export."""

import madeof.nets.libraries  # noqa: F401  # isort: skip  (first: it says which extra is missing)
from madeof.training.config import Config
from madeof.training.run import train

__all__ = ["Config", "train"]
