"""Everything that madeof raises on purpose.

MadeofError
├── InputError (ValueError)      a photo, mask, label map, box or polygon that a user gave
│   ├── PhotoError
│   └── RegionError
│       └── EmptyRegionError
├── DatasetError (ValueError)    a data set: a missing partner, an unknown class, a bad table
├── ModelError (ValueError)      a model folder or a weights file
├── ConfigError (ValueError)     a setting of a training
├── TrainingError (RuntimeError) a training that cannot go on
├── BatchError (RuntimeError)    a batch that cannot go on
├── WriteError (OSError)         a file that cannot be written
├── ServiceError (OSError)       a service that cannot be reached, is busy, refuses, or cannot be started
└── MissingExtraError (ImportError)

Each message is one line that says what we got, what we expected and what to do.
"""

from __future__ import annotations


class MadeofError(Exception):
    """The base of all of them: catch this to catch what madeof raises on purpose."""


class InputError(MadeofError, ValueError):
    """Something that a user gave cannot be used."""


class PhotoError(InputError):
    """A photo cannot be read."""


class RegionError(InputError):
    """A mask, box, polygon or label map cannot be used with its photo."""


class EmptyRegionError(RegionError):
    """A region has no pixel."""


class DatasetError(MadeofError, ValueError):
    """A data set is not in a layout that we know, or its parts do not fit together."""


class ModelError(MadeofError, ValueError):
    """A model folder or a weights file is not what it should be."""


class ConfigError(MadeofError, ValueError):
    """A setting does not exist or has a value that cannot work."""


class TrainingError(MadeofError, RuntimeError):
    """A training cannot go on."""


class BatchError(MadeofError, RuntimeError):
    """A batch cannot go on, or not with these settings; what it has written is kept."""


class WriteError(MadeofError, OSError):
    """A file cannot be written; what stood there before is whole."""


class ServiceError(MadeofError, OSError):
    """A service cannot be reached, is busy or refuses to answer; or it cannot be started."""


class MissingExtraError(MadeofError, ImportError):
    """A part of madeof needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: run  pip install 'madeof[{extra}]'")
