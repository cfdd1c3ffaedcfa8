"""What is this made of? A photo and a region in, the material of the region out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeof.client import Client
    from madeof.dense import MaterialMap, map_materials
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
    from madeof.explanation import Explanation, explain
    from madeof.learning import Lesson, learn
    from madeof.predictor import Prediction, Predictor, classify, load

__version__ = "0.1.0"

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
    "Client": "client",
    "Explanation": "explanation",
    "Lesson": "learning",
    "MaterialMap": "dense",
    "Prediction": "predictor",
    "Predictor": "predictor",
    "classify": "predictor",
    "explain": "explanation",
    "learn": "learning",
    "load": "predictor",
    "map_materials": "dense",
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
