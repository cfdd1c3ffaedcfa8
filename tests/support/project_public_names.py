"""What several tests of project/public_names share."""

from __future__ import annotations

NAMES = [
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
