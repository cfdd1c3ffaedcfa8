"""What several tests of project/public_names share."""

from __future__ import annotations

NAMES = [
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
]
ALIASES = ["ImageLike", "MaskLike"]
