"""Region classifiers as PyTorch modules, each in two steps: `encode(image)` and `classify(features, masks)`."""

import madeof.nets.libraries  # noqa: F401  # isort: skip  (first: it says which extra is missing)
from madeof.nets.backbones import Backbone
from madeof.nets.build import Net, build, build_any
from madeof.nets.ensemble import Ensemble
from madeof.nets.mask_at_pooling import MaskAtPooling
from madeof.nets.mask_at_stem import MaskAtStem

__all__ = ["Backbone", "Ensemble", "MaskAtPooling", "MaskAtStem", "Net", "build", "build_any"]
