"""What is this made of? A photo and a region in, the material of the region out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeof.errors import (
        ConfigError,
        DatasetError,
        InputError,
        MadeofError,
        MissingExtraError,
        ModelError,
        PhotoError,
        RegionError,
        TrainingError,
        WriteError,
    )
    from madeof.predictor import Prediction, Predictor, classify, load

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "DatasetError",
    "InputError",
    "MadeofError",
    "MissingExtraError",
    "ModelError",
    "PhotoError",
    "Prediction",
    "Predictor",
    "RegionError",
    "TrainingError",
    "WriteError",
    "classify",
    "load",
]

_PREDICTOR_NAMES = {"Prediction", "Predictor", "classify", "load"}


def __getattr__(name: str) -> object:
    """Import on first use: `import madeof` and `madeof --help` stay as quick as Python itself."""
    if name not in __all__:
        raise AttributeError(f"module 'madeof' has no attribute {name!r}")
    import importlib

    module = "madeof.predictor" if name in _PREDICTOR_NAMES else "madeof.errors"
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
