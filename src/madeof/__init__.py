"""What is this made of? A photo and a region in, the material of the region out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from madeof._util.moved import Moved
from madeof._version import __version__ as __version__

if TYPE_CHECKING:
    from madeof.batch import run_batch
    from madeof.datasets import convert, open_dataset
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
    from madeof.evaluation import evaluate
    from madeof.few_shot.learning import LearningResult, learn
    from madeof.images.photo import ImageLike
    from madeof.inference.explanation import Explanation, explain
    from madeof.inference.prediction import Prediction
    from madeof.inference.predictions import Predictions
    from madeof.inference.predictor import Predictor, classify, load
    from madeof.inference.segmentation import MaterialMap, map_materials
    from madeof.regions import MaskLike, Region
    from madeof.serve.client import Client
    from madeof.training import train as train
    from madeof.viz import draw


sys.meta_path.append(Moved())  # asked last, so only for paths that nothing else finds

__all__ = [
    "BatchError",
    "Client",
    "ConfigError",
    "DatasetError",
    "Explanation",
    "ImageLike",
    "InputError",
    "LearningResult",
    "MadeofError",
    "MaskLike",
    "MaterialMap",
    "MissingExtraError",
    "ModelError",
    "PhotoError",
    "Prediction",
    "Predictions",
    "Predictor",
    "Region",
    "RegionError",
    "ServiceError",
    "TrainingError",
    "WriteError",
    "classify",
    "convert",
    "draw",
    "evaluate",
    "explain",
    "learn",
    "load",
    "map_materials",
    "open_dataset",
    "run_batch",
]  # not `train`: to import all names must not need the extra `train`

_MODULES = {
    "Client": "serve.client",
    "Explanation": "inference.explanation",
    "ImageLike": "images.photo",
    "LearningResult": "few_shot.learning",
    "MaskLike": "regions",
    "MaterialMap": "inference.segmentation",
    "Prediction": "inference.prediction",
    "Predictions": "inference.predictions",
    "Predictor": "inference.predictor",
    "Region": "regions",
    "classify": "inference.predictor",
    "convert": "datasets",
    "draw": "viz",
    "evaluate": "evaluation",
    "explain": "inference.explanation",
    "learn": "few_shot.learning",
    "load": "inference.predictor",
    "map_materials": "inference.segmentation",
    "open_dataset": "datasets",
    "run_batch": "batch",
    "train": "training",
}
"""The modules of the names; all others of `__all__` are errors."""

_ROOMS = (
    "batch", "datasets", "errors", "evaluation", "export", "few_shot", "images", "inference", "materials", "metrics",
    "model", "nets", "properties", "regions", "serve", "training", "viz",
)  # fmt: skip
"""The packages that `madeof.NAME` imports on first use."""


def __getattr__(name: str) -> object:
    """Import on first use: `import madeof` and `madeof --help` stay as quick as Python itself."""
    if name == "Lesson":
        import warnings

        warnings.warn("madeof.Lesson is now madeof.LearningResult", DeprecationWarning, stacklevel=2)
        name = "LearningResult"
    if name not in __all__ and name not in _MODULES and name not in _ROOMS:
        raise AttributeError(f"module 'madeof' has no attribute {name!r}")
    import importlib

    if name in _ROOMS:
        return importlib.import_module(f"madeof.{name}")
    return getattr(importlib.import_module(f"madeof.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, *_ROOMS, "__version__"})
