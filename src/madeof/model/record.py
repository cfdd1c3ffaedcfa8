"""model.json: what a model folder is, read, checked and written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madeof._util import files
from madeof._util.text import brief_json, show
from madeof.errors import ModelError
from madeof.materials.lists import key
from madeof.metrics.conformal import is_number
from madeof.model import calibration
from madeof.model.calibration import UNCALIBRATED, Calibration
from madeof.model.preprocess import Preprocessing
from madeof.model.zooming import ZoomRule

FORMAT = 1
RECORD = "model.json"
ENCODER = "encoder.onnx"
CLASSIFIER = "classifier.onnx"
WEIGHTS = "weights.safetensors"
RANGES = "ranges.json"
MEMORY = "memory.npz"
LEARNED = "learned.npz"
FILES = (ENCODER, CLASSIFIER, WEIGHTS, RANGES, MEMORY, LEARNED)
"""All that a model folder may hold beside its record."""

_LFS = b"version https://git-lfs"
_MOST_BYTES = 16 << 20  # of model.json
_MOST_COLUMNS = 1 << 20
_FORMER = ("group_below",)  # that model.json had in 0.1.0; no answer depends on them any more


@dataclass(frozen=True)
class Record:
    """Everything that one must know of a model besides its two graphs."""

    name: str
    version: str
    materials: tuple[str, ...]
    """In the order of the outputs, the background left out."""
    preprocessing: Preprocessing
    architecture: dict[str, Any]
    """Net and its settings, as `madeof.nets.build` takes them."""
    calibration: Calibration = UNCALIBRATED
    """Temperature, threshold and prediction sets."""
    zoom: ZoomRule | None = None
    """When a region is looked at again, and when it is small; None for the rule that `ZoomRule` has by itself."""
    background: int | None = None
    """Index of the background output, which is dropped before scores are reported."""
    net_materials: tuple[str, ...] | None = None
    """Materials of the net's own outputs (no background), if `madeof learn` changed `materials`."""
    columns: tuple[tuple[int, ...], ...] | None = None
    """Per material, if `materials` was changed: the logits whose probabilities are summed. They are numbered from
    the net's outputs to the learned ones behind them; unused ones are left out of the softmax."""
    training: dict[str, Any] = field(default_factory=dict)
    """Config, data and its licences, versions of the libraries."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Metrics, by the data on which they were measured."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Size in bytes and SHA-256 of each file of the folder."""

    def __post_init__(self) -> None:
        if not self.materials:
            raise ModelError("materials is an empty list; expected at least one name")
        keys = [key(name) for name in self.materials]
        if twice := [name for name in self.materials if keys.count(key(name)) > 1]:
            raise ModelError(f"materials has {show(twice[-1])!r} twice; expected different names")
        _check_columns(self)

    @property
    def title(self) -> str:
        """Name and version, as answers have them."""
        return f"{self.name} {self.version}"

    @property
    def outputs(self) -> int:
        """How many logits the classifier gives."""
        return len(self.materials if self.net_materials is None else self.net_materials) + (self.background is not None)

    @property
    def learned(self) -> int:
        """How many materials were learned, whose logits stand behind the classifier's."""
        return sum(column >= self.outputs for columns in self.columns or () for column in columns)

    @property
    def used_outputs(self) -> list[int]:
        """The classifier's outputs that take part in the softmax, the background among them."""
        if self.columns is None:
            return list(range(self.outputs))
        used = {column for columns in self.columns for column in columns if column < self.outputs}
        return sorted(used | ({self.background} if self.background is not None else set()))

    def write(self, folder: str | Path) -> Record:
        """Write `model.json` into `folder`, with size and hash of the files that lie there now; return what it says."""
        folder = Path(folder)
        present = [folder / name for name in FILES if (folder / name).is_file()]
        sums = {path.name: {"bytes": path.stat().st_size, "sha256": files.sha256(path)} for path in present}
        record = dataclasses.replace(self, files=sums)
        values: dict[str, Any] = {"format": FORMAT}
        for name, value in dataclasses.asdict(record).items():
            values |= self.calibration.to_json() if name == "calibration" else {name: value}
        files.write_json(folder / RECORD, values)
        return record

    @classmethod
    def read(cls, folder: str | Path) -> Record:
        """Read and check `model.json` of `folder`; the other files are checked by `checked_bytes` when they are used.

        Raises:
            ModelError: there is none, it is not JSON, or a field is missing, unknown or wrong.
        """
        path = Path(folder) / RECORD
        if not path.exists():
            raise ModelError(f"{show(folder)} is not a model folder: it has no {RECORD}")
        data = _read(path, _MOST_BYTES)
        try:
            values = json.loads(data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
        except RecursionError as error:
            raise ModelError(f"{show(path)} is nested too deeply; expected the JSON of a model record") from error
        except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are ones
            raise ModelError(f"{show(path)} is not the JSON of a model record: {show(str(error))}") from error
        try:
            return _from_json(values)
        except ModelError as error:
            raise ModelError(f"{show(path)}: {error}") from error

    def checked_bytes(self, folder: str | Path, name: str) -> bytes:
        """Read the file `name` of the folder, checked against the record's size and hash.

        Raises:
            ModelError: it is missing, a Git-LFS pointer, or of another size or hash.
        """
        path = Path(folder) / name
        expected = self.files.get(name)
        if expected is None:
            raise ModelError(f"{show(folder)}: {RECORD} does not list {name}; export the model again")
        data = _read(path, max(expected["bytes"], len(_LFS)))
        if len(data) != expected["bytes"]:
            raise ModelError(
                f"{show(path)} has {len(data)} bytes, its record says {expected['bytes']}: copy it again, whole"
            )
        if hashlib.sha256(data).hexdigest() != expected["sha256"]:
            raise ModelError(
                f"{show(path)} is not the file that its record was written for (SHA-256 differs): copy it again"
            )
        return data


def _read(path: Path, most: int) -> bytes:
    """A file's bytes, when it is an ordinary file of at most `most` bytes and no Git-LFS pointer."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would block, a device might never end
            raise ModelError(f"{show(path)} is not an ordinary file; expected a part of a model: copy it again")
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                raise ModelError(f"{show(path)} is a Git-LFS pointer, not the file itself: run  git lfs pull")
            if status.st_size > most:
                raise ModelError(f"{show(path)} has {status.st_size} bytes; expected {most} at most: copy it again")
            file.seek(0)
            return file.read(most)
    except OSError as error:
        raise ModelError(f"cannot read {show(path)}: {error.strerror or error}; copy the model again") from error


def _from_json(values: Any) -> Record:
    if not isinstance(values, Mapping):
        raise ModelError("expected a JSON object")
    if type(values.get("format")) is not int or values["format"] != FORMAT:
        raise ModelError(f"format is {brief_json(values.get('format'))}; this madeof reads format {FORMAT}")
    known = {f.name: f for f in dataclasses.fields(Record)}
    given = {key: value for key, value in values.items() if key not in ("format", *_FORMER)}
    required = [name for name, f in known.items() if f.default is f.default_factory is dataclasses.MISSING]
    missing = [name for name in required if name not in given]
    unknown = [name for name in given if (name not in known and name not in calibration.KEYS) or name == "calibration"]
    if missing or unknown:
        raise ModelError(
            "; ".join(
                f"{kind} fields: {show(', '.join(names))}"
                for kind, names in (("missing", missing), ("unknown", unknown))
                if names
            )
        )
    _check_types(given)
    given["materials"] = tuple(given["materials"])
    if given.get("columns") is not None:
        given["columns"] = tuple(map(tuple, given["columns"]))
        given["net_materials"] = tuple(given["net_materials"])
    given["preprocessing"] = Preprocessing.from_dict(given["preprocessing"])
    if given.get("zoom") is not None:
        given["zoom"] = ZoomRule.from_dict(given["zoom"])
    own = Calibration.from_json(given)
    return Record(**{name: value for name, value in given.items() if name in known}, calibration=own)


def copy_model(folder: Path, record: Record, out: str | Path) -> Record:
    """Write a model folder of another one's files with a record of its own; whole, or not at all.

    Raises:
        ModelError: a file is not what the record of `folder` says.
        WriteError: there is something at `out`, or it cannot be written.
    """
    out = Path(out)
    files.check_free(out, folder=True)
    with files.all_new(out, folder=True) as place:
        for name in (name for name in FILES if name in record.files):  # another one could lead out of the folder
            files.write_bytes(place / name, record.checked_bytes(folder, name))
        return record.write(place)


def _check_columns(record: Record) -> None:
    """That each material has its columns, and the learned ones are all there."""
    if record.columns is None:
        return
    flat = [column for columns in record.columns for column in columns]
    learned = sorted(column for column in flat if column >= record.outputs)
    whole = learned == list(range(record.outputs, record.outputs + len(learned)))
    if (
        len(record.columns) != len(record.materials)
        or not all(record.columns)
        or len(set(flat)) != len(flat)
        or record.background in flat
        or len(learned) == len(flat)
        or not whole
    ):
        raise ModelError(
            f"columns is {brief_json(record.columns)}; expected some for each of {len(record.materials)} materials, "
            f"each once, with some of the net's {record.outputs}: copy the model again"
        )


def _are_columns(values: Any) -> bool:
    if not isinstance(values, list) or not all(isinstance(value, list) for value in values):
        return False
    return all(type(column) is int and 0 <= column < _MOST_COLUMNS for value in values for column in value)


def _check_types(given: dict[str, Any]) -> None:
    texts = ("name", "version")
    objects = ("preprocessing", "architecture", "training", "metrics", "files")
    for name in texts:
        if not _is_text(given[name]):
            raise ModelError(f"{name} is {brief_json(given[name])}; expected a text")
    for name in objects:
        if not isinstance(given.get(name, {}), dict):
            raise ModelError(f"{name} is {brief_json(given[name])}; expected an object")
    names = given["materials"]
    if not isinstance(names, list):
        raise ModelError(f"materials is {brief_json(names)}; expected a list of names")
    for name in names:
        if not _is_text(name) or not name.strip():
            raise ModelError(f"materials holds {brief_json(name)}; expected names")
    own = given.get("net_materials")
    if own is not None and not (isinstance(own, list) and all(_is_text(name) and name.strip() for name in own)):
        raise ModelError(f"net_materials is {brief_json(own)}; expected a list of names, or null")
    columns = given.get("columns")
    if (own is None) != (columns is None) or not (columns is None or _are_columns(columns)):
        raise ModelError(
            f"columns is {brief_json(columns)}; expected, with net_materials, a list of lists of whole numbers"
        )
    background = given.get("background")
    if background is not None and not (
        type(background) is int and 0 <= background <= len(names if own is None else own)
    ):
        raise ModelError(f"background is {brief_json(background)}; expected null or the number of an output")
    if not isinstance(given.get("zoom"), dict | None):
        raise ModelError(f"zoom is {brief_json(given['zoom'])}; expected an object or null")
    _check_numbers(given["preprocessing"])
    for name, entry in given.get("files", {}).items():
        if (
            not isinstance(entry, dict)
            or type(entry.get("bytes")) is not int
            or entry["bytes"] < 0
            or not isinstance(entry.get("sha256"), str)
        ):
            raise ModelError(f"files: the entry of {show(name)} is {brief_json(entry)}; expected its bytes and sha256")


def _check_numbers(preprocessing: dict[str, Any]) -> None:
    for name, value in preprocessing.items():
        if name in ("mean", "std"):
            right, wanted = isinstance(value, list) and all(map(is_number, value)), "a list of three numbers"
        elif name == "resize":
            right, wanted = isinstance(value, str), "a text"
        else:
            right, wanted = type(value) is int, "a whole number"
        if not right:
            raise ModelError(f"preprocessing: {show(name)} is {brief_json(value)}; expected {wanted}")


def _is_text(value: Any) -> bool:
    r"""Whether it is a text that can be printed: JSON's "\ud800" is half a character, which no encoding holds."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number of JSON")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the field {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return values
