"""What is this made of? A photo and a region in, the material of the region out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from madeof._util.moved import Moved
from madeof._version import __version__ as __version__

if TYPE_CHECKING:
    from madeof.errors import (
        BatchError,
        ConfigError,
        DatasetError,
        InputError,
        MadeofError,
        MissingExtraError,
        ModelError,
        PhotoError,
        RegionError,
        ServiceError,
        TrainingError,
        WriteError,
    )
    from madeof.few_shot.learning import Lesson, learn
    from madeof.inference.explanation import Explanation, explain
    from madeof.inference.prediction import Prediction
    from madeof.inference.predictor import Predictor, classify, load
    from madeof.inference.segmentation import MaterialMap, map_materials
    from madeof.serve.client import Client


sys.meta_path.append(Moved())  # asked last, so only for paths that nothing else finds

__all__ = [
    "BatchError",
    "Client",
    "ConfigError",
    "DatasetError",
    "Explanation",
    "InputError",
    "Lesson",
    "MadeofError",
    "MaterialMap",
    "MissingExtraError",
    "ModelError",
    "PhotoError",
    "Prediction",
    "Predictor",
    "RegionError",
    "ServiceError",
    "TrainingError",
    "WriteError",
    "classify",
    "explain",
    "learn",
    "load",
    "map_materials",
]

_MODULES = {
    "Client": "serve.client",
    "Explanation": "inference.explanation",
    "Lesson": "few_shot.learning",
    "MaterialMap": "inference.segmentation",
    "Prediction": "inference.predictor",
    "Predictor": "inference.predictor",
    "classify": "inference.predictor",
    "explain": "inference.explanation",
    "learn": "few_shot.learning",
    "load": "inference.predictor",
    "map_materials": "inference.segmentation",
}
"""The modules of the names; all others are errors."""


def __getattr__(name: str) -> object:
    """Import on first use: `import madeof` and `madeof --help` stay as quick as Python itself."""
    if name not in __all__:
        raise AttributeError(f"module 'madeof' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"madeof.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
