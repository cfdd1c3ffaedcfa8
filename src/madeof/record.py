"""model.json: what a model folder is, read, checked and written."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madeof import files
from madeof.errors import ModelError
from madeof.preprocess import Preprocessing

FORMAT = 1
RECORD = "model.json"
ENCODER = "encoder.onnx"
CLASSIFIER = "classifier.onnx"
WEIGHTS = "weights.safetensors"

_LFS = b"version https://git-lfs"


@dataclass(frozen=True)
class Record:
    """Everything that one must know of a model besides its two graphs."""

    name: str
    version: str
    materials: tuple[str, ...]
    """In the order of the outputs, the background left out."""
    preprocessing: Preprocessing
    architecture: dict[str, Any]
    """What `madeof.nets.build` takes."""
    temperature: float = 1.0
    """Logits are divided by this before the softmax: the calibration."""
    background: int | None = None
    """The output that stands for no material and is never an answer; its probability is nobody's."""
    training: dict[str, Any] = field(default_factory=dict)
    """Config, data and its licences, versions of the libraries."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What was measured, and on what."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Size in bytes and SHA-256 of each file of the folder."""

    def __post_init__(self) -> None:
        if not self.materials or len({m.casefold() for m in self.materials}) != len(self.materials):
            raise ModelError(f"expected different names of materials and at least one, got {list(self.materials)[:5]}")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ModelError(f"the temperature is {self.temperature}; expected a finite number above 0")

    @property
    def outputs(self) -> int:
        """How many logits the classifier gives."""
        return len(self.materials) + (self.background is not None)

    def write(self, folder: str | Path) -> Record:
        """Write `model.json` into `folder`, with size and hash of the files that lie there now; return what it says."""
        folder = Path(folder)
        present = [folder / name for name in (ENCODER, CLASSIFIER, WEIGHTS) if (folder / name).is_file()]
        sums = {path.name: {"bytes": path.stat().st_size, "sha256": files.sha256(path)} for path in present}
        record = dataclasses.replace(self, files=sums)
        values = {"format": FORMAT, **dataclasses.asdict(record)}
        files.write_json(folder / RECORD, values)
        return record

    @classmethod
    def read(cls, folder: str | Path) -> Record:
        """Read and check `model.json` of `folder`; the other files are checked by `checked_bytes` when they are used.

        Raises:
            ModelError: there is none, it is not JSON, or a field is missing, unknown or wrong.
        """
        path = Path(folder) / RECORD
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text, parse_constant=_no_constant)
        except FileNotFoundError as error:
            raise ModelError(f"{folder} is not a model folder: it has no {RECORD}") from error
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ModelError(f"cannot read {path}: {error}") from error
        try:
            return _from_json(values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    def checked_bytes(self, folder: str | Path, name: str) -> bytes:
        """The bytes of the file `name` of the folder, when they are those that the record speaks of.

        Raises:
            ModelError: it is missing, a Git-LFS pointer, or of another size or hash.
        """
        path = Path(folder) / name
        expected = self.files.get(name)
        if expected is None:
            raise ModelError(f"{folder}: {RECORD} does not list {name}; export the model again")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
        if data.startswith(_LFS):
            raise ModelError(f"{path} is a Git-LFS pointer, not the file itself: run  git lfs pull")
        if len(data) != expected["bytes"]:
            raise ModelError(f"{path} has {len(data)} bytes, its record says {expected['bytes']}: copy it again")
        import hashlib

        if hashlib.sha256(data).hexdigest() != expected["sha256"]:
            raise ModelError(f"{path} is not the file that its record was written for (SHA-256 differs): copy it again")
        return data


def _from_json(values: Any) -> Record:
    if not isinstance(values, Mapping):
        raise ModelError("expected a JSON object")
    if values.get("format") != FORMAT:
        raise ModelError(f"format is {values.get('format')!r}; this madeof reads format {FORMAT}")
    known = {f.name: f for f in dataclasses.fields(Record)}
    given = {key: value for key, value in values.items() if key != "format"}
    required = [name for name, f in known.items() if f.default is f.default_factory is dataclasses.MISSING]
    missing = [name for name in required if name not in given]
    unknown = [name for name in given if name not in known]
    if missing or unknown:
        raise ModelError(f"missing fields: {missing}; unknown fields: {unknown}")
    _check_types(given)
    given["materials"] = tuple(given["materials"])
    given["preprocessing"] = Preprocessing.from_dict(given["preprocessing"])
    return Record(**given)


def _check_types(given: dict[str, Any]) -> None:
    texts = ("name", "version")
    objects = ("preprocessing", "architecture", "training", "metrics", "files")
    for name in texts:
        if not isinstance(given[name], str):
            raise ModelError(f"{name} is {given[name]!r}; expected a text")
    for name in objects:
        if not isinstance(given.get(name, {}), dict):
            raise ModelError(f"{name} is {given[name]!r}; expected an object")
    names = given["materials"]
    if not isinstance(names, list) or not all(isinstance(n, str) and n.strip() for n in names):
        raise ModelError("materials must be a list of names")
    background = given.get("background")
    if background is not None and not (type(background) is int and 0 <= background <= len(names)):
        raise ModelError(f"background is {background!r}; expected null or the number of an output")
    if type(given.get("temperature", 1.0)) not in (int, float):
        raise ModelError(f"temperature is {given['temperature']!r}; expected a number")
    _check_numbers(given["preprocessing"])
    for name, entry in given.get("files", {}).items():
        if (
            not isinstance(entry, dict)
            or type(entry.get("bytes")) is not int
            or not isinstance(entry.get("sha256"), str)
        ):
            raise ModelError(f"files: the entry of {name!r} must have bytes and sha256")


def _check_numbers(preprocessing: dict[str, Any]) -> None:
    for name, value in preprocessing.items():
        values = value if isinstance(value, list) else [value]
        wanted = (str,) if name == "resize" else (int, float) if name in ("mean", "std") else (int,)
        if not all(type(v) in wanted for v in values):
            raise ModelError(f"preprocessing: {name} is {value!r}, which is of the wrong type")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")
