"""`_manifest.json`: what a batch is, and when it is done, what it did.

The underscore keeps the file out of the way of what reads the folder as one table (pyarrow, pandas, Spark, DuckDB).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from madeof._util.files import sha256
from madeof._util.text import join_some, show, utf8
from madeof._version import __version__
from madeof.batch.shards import Shard
from madeof.batch.sources.opening import Source
from madeof.batch.store import Store
from madeof.batch.tasks import Options
from madeof.errors import BatchError
from madeof.inference.prediction import no_sets
from madeof.model.hub import folder_of
from madeof.model.record import CLASSIFIER, ENCODER, RECORD, Record

MANIFEST = "_manifest.json"
_FORMAT = 1
_COMPARED = ("madeof", "source", "settings", "model")


def describe(
    source: Source, place: str, where: dict[str, str | None], options: Options, per_shard: int
) -> dict[str, Any]:
    """Identity of a batch: the parts of the manifest that must be equal to resume it.

    Args:
        source: its source.
        place: where that is, as given.
        where: what else was said of it: `images`, `label_maps`, `format`, `columns`.
        options: what decides its answers.
        per_shard: photos in a shard.
    """
    return {
        "madeof": __version__,
        "source": {
            "place": utf8(place),
            **{key: value and utf8(value) for key, value in where.items()},
            "kind": source.kind,
            **source.stamp,
        },
        "settings": {**dataclasses.asdict(options), "photos_per_shard": per_shard},
    }


def describe_model(model: str | Path | None, *, sets: bool = False) -> dict[str, Any]:
    """Name, version and hash of a model.

    Args:
        model: see `madeof.load`.
        sets: whether its answers are to have sets.

    Raises:
        ModelError: there is none, or it has no sets.
    """
    folder = folder_of(model)
    record = Record.read(folder)
    if sets and record.calibration.prediction_sets is None:
        raise no_sets(f"the model {show(record.name)}")
    files = {name: sha256(folder / name) for name in (RECORD, ENCODER, CLASSIFIER) if (folder / name).is_file()}
    return {"name": record.name, "version": record.version, "sha256": files}


def read(store: Store, where: str) -> dict[str, Any] | None:
    """The manifest of a store; None where there is none.

    Raises:
        BatchError: there is something else of its name.
    """
    data = store.read(MANIFEST)
    if data is None:
        return None
    try:
        found = json.loads(data)
        if found["format"] != _FORMAT or not all(isinstance(found[part], str | dict) for part in _COMPARED):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise BatchError(f"{show(where)}/{MANIFEST} is no manifest of this madeof; give another folder") from None
    manifest: dict[str, Any] = found
    return manifest


def check_same(found: dict[str, Any], now: dict[str, Any], where: str) -> None:
    """Raise a BatchError that says what differs between the batch that was begun and the one that is asked for."""
    before, after = (
        {key: value for part in _COMPARED for key, value in _flat(part, one[part])} for one in (found, now)
    )
    differ = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if not differ:
        return
    said = join_some((_difference(key, before.get(key), after.get(key)) for key in differ), most=4)
    if set(differ) <= {"source.photos", "source.sha256", "source.tars"}:
        said = f"the source has changed since: {said}"
    raise BatchError(
        f"{show(where)} holds another batch: {said}; give another folder, or --overwrite to throw that one away"
    )


def write(store: Store, description: dict[str, Any], shards: Sequence[Shard] = (), *, done: bool) -> None:
    """Write the manifest: at the beginning without shards, at the end with all of them."""
    value: dict[str, Any] = {"format": _FORMAT, "done": done, **description}
    if done:
        for what in ("photos", "regions", "errors", "rows"):
            value[what] = sum(getattr(shard, what) for shard in shards)
        value["shards"] = [dataclasses.asdict(shard) for shard in shards]
    with store.create(MANIFEST) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _flat(part: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(part, value)]
    return [each for key, one in value.items() for each in _flat(f"{part}.{key}", one)]


def _difference(key: str, before: object, after: object) -> str:
    if "sha256" in key:
        return f"{key} is another"
    return f"{key} is {show(str(before))[:80]} there and {show(str(after))[:80]} now"
