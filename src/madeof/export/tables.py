"""Files that `madeof predict` writes: tables, and the formats of annotation tools."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from madeof._util.files import all_new, check_free
from madeof._util.text import pluralize, show
from madeof.datasets.conversion import is_folder_of, outline_of
from madeof.datasets.formats import FORMATS
from madeof.datasets.formats.coco import write_results
from madeof.datasets.losses import Losses
from madeof.datasets.photos import NOTHING_KNOWN
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import MissingExtraError
from madeof.inference.photo_result import Answer, Outcome, Unanswered, csv_columns
from madeof.materials.lists import key

if TYPE_CHECKING:
    from madeof.properties import Properties

TABLES = ("jsonl", "csv", "parquet")
"""One file with what `--json` and `--csv` print."""

_ROWS_AT_ONCE = 20_000  # of a Parquet file


def check_output(to: str, out: str | Path) -> None:
    """Find out, before the work, what can be known to go wrong.

    Raises:
        WriteError: something is at `out` already.
        MissingExtraError: what writes it is not installed.
    """
    if to == "parquet":
        pyarrow_of("writing Parquet")
    check_free(out, folder=_is_folder(to, Path(out)))


def write_output(
    to: str,
    outcomes: Iterable[Outcome],
    out: str | Path,
    *,
    materials: Sequence[str],
    top: int = 5,
    like: Path | None = None,
    known: Collection[str] = (),
    properties: Properties | None = None,
) -> list[str]:
    """Write the answers to `out`, atomically.

    Args:
        to: "jsonl", "csv", "parquet", "coco_results", or a format of `madeof.datasets.formats.FORMATS` that we write.
        outcomes: taken one by one.
        out: the file or folder, which must not be there.
        materials: all that the model can answer, in its order.
        top: how many materials and scores a table holds for each region.
        like: for COCO results, the COCO file whose ids they get.
        known: the names of that file's categories.
        properties: those that the answers have, for the columns of a CSV.

    Returns:
        What is lost, a line for each kind.

    Raises:
        WriteError, DatasetError: it cannot be written. Nothing is at `out` then.
    """
    out = Path(out)
    losses = Losses(to)
    with all_new(out, folder=_is_folder(to, out)) as place:
        if to in TABLES:
            with place.open("wb") as file:
                _TABLES[to](outcomes, file, top, properties)
            return []
        photos = losses.through(_answered(outcomes))
        if to != "coco_results":
            FORMATS[to].writer.write(photos, place, materials)
        elif like is None:
            write_results(photos, place, materials)
        else:
            unknown: Counter[str] = Counter()
            write_results(_of_categories(photos, known, unknown), place, like=like)
            return [
                f"answers {show(name)!r}, which is no category of {show(like.name)} ({pluralize(count, 'region')})"
                for name, count in unknown.most_common()
            ]
    return losses.lines()


def places_of(paths: Sequence[str]) -> list[tuple[Path, str]]:
    """The folder that all of the photos are in, and the path of each in it, "/" between folders."""
    absolute = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  (links keep their names)
    try:
        common = Path(os.path.commonpath([path.parent for path in absolute]))
    except ValueError:  # on several drives
        return [(path.parent, path.name) for path in absolute]
    return [(common, path.relative_to(common).as_posix()) for path in absolute]


def _is_folder(to: str, out: Path) -> bool:
    return to in FORMATS and FORMATS[to].writes and is_folder_of(to, out)


def _answered(outcomes: Iterable[Outcome]) -> Iterator[Answered]:
    """The photos that have answers, each once."""
    seen: set[tuple[Path, str]] = set()
    for outcome in outcomes:
        if isinstance(outcome, Unanswered) or (outcome.folder, outcome.file) in seen:
            continue
        seen.add((outcome.folder, outcome.file))
        result, details = outcome.result, outcome.details or NOTHING_KNOWN
        regions = tuple(
            _region(answer, result.photo.size) for answer in result.answers if answer.prediction is not None
        )
        yield Answered(outcome.file, outcome.folder, result.photo.size, regions, result.model, details)


def _region(answer: Answer, size: tuple[int, int]) -> AnsweredRegion:
    """An answer as formats take it: of a soft mask what is covered by half or, if nothing is, what is at all."""
    assert answer.prediction is not None
    assert answer.mask is not None
    tight = answer.mask.tight()
    cut = tight.cut
    if cut.dtype != np.bool_:
        hard = cut >= 0.5
        cut = hard if hard.any() else cut > 0
    prediction = answer.prediction
    return AnsweredRegion(
        answer.region,
        cut.astype(np.bool_, copy=False),
        tight.corner,
        prediction.material,
        prediction.score,
        tuple(prediction.top()),
        None if answer.asked is None else outline_of(answer.asked.source, size),
    )


def _of_categories(photos: Iterable[Answered], known: Collection[str], unknown: Counter[str]) -> Iterator[Answered]:
    """The photos with the regions whose answer is one of the names `known`; the others are counted."""
    keys = {key(name) for name in known}
    for photo in photos:
        kept = tuple(region for region in photo.regions if key(region.material) in keys)
        unknown.update(region.material for region in photo.regions if key(region.material) not in keys)
        yield Answered(photo.file, photo.folder, photo.size, kept, photo.model)


def _write_jsonl(outcomes: Iterable[Outcome], file: IO[bytes], top: int, properties: Properties | None) -> None:
    for outcome in outcomes:
        file.write(json_line(outcome.to_dict() if isinstance(outcome, Unanswered) else outcome.result.to_dict(top)))


def _write_csv(outcomes: Iterable[Outcome], file: IO[bytes], top: int, properties: Properties | None) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(csv_columns(properties))
    for outcome in outcomes:
        writer.writerows(outcome.rows(properties) if isinstance(outcome, Unanswered) else outcome.result.rows())
    text.flush()
    text.detach()


def _write_parquet(outcomes: Iterable[Outcome], file: IO[bytes], top: int, properties: Properties | None) -> None:
    pa, parquet = pyarrow_of("writing Parquet")
    schema = parquet_schema(pa)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for outcome in outcomes:
            rows += table_rows(outcome.to_dict() if isinstance(outcome, Unanswered) else outcome.result.to_dict(top))
            if len(rows) >= _ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))


def json_line(found: dict[str, Any]) -> bytes:
    """A line of JSON Lines: the JSON object of a photo, as `to_dict` gives it."""
    return json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"


def parquet_schema(pa: Any) -> Any:
    """Arrow schema of `table_rows`: the typed columns of the CSV and a few more."""
    scores = pa.list_(pa.struct([("material", pa.string()), ("score", pa.float64())]))
    text, whole, real = pa.string(), pa.int32(), pa.float64()
    return pa.schema(
        [
            *(("image", text), ("width", whole), ("height", whole), ("model", text), ("region", text), ("area", real)),
            *((side, whole) for side in ("x0", "y0", "x1", "y1")),
            *(("material", text), ("score", real), ("uncertain", pa.bool_()), ("answer", text)),
            *(("set", text), ("coverage", real), ("top", scores)),
            *(("truth", text), ("notes", text), ("error", text)),
        ]
    )


def table_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a photo, one for each region, or one where it has no answer: from its JSON object."""
    if "regions" not in found:
        return [found]
    warnings = found.get("warnings", [])
    rows = []
    for region in found["regions"]:
        row = {name: found[name] for name in ("image", "width", "height", "model")} | region
        row |= dict(zip(("x0", "y0", "x1", "y1"), row.pop("box", ()), strict=False))
        held = row.pop("set", {})
        row["coverage"] = held.get("coverage")
        row["set"] = "; ".join(held["materials"]) if held else None
        row["notes"] = "; ".join((*warnings, *row.get("notes", ())))
        rows.append(row)
    return rows


def pyarrow_of(what: str, extra: str = "parquet") -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        MissingExtraError: they are not installed, and `what` needs them.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(what, extra) from error
    return pyarrow, parquet


_TABLES: dict[str, Callable[[Iterable[Outcome], IO[bytes], int, Any], None]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
