"""Materials in a pipeline of Ray Data (extra `ray`): a dataset of photos and regions in, one of answers out.

    import ray
    import madeof.ray

    photos = ray.data.read_parquet("s3://shop/photos.parquet")  # columns image, box, ...
    madeof.ray.classify(photos).write_parquet("s3://shop/materials")

For a whole batch that goes on where it was ended, there is `madeof batch --on ray`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from madeof.batch.annotator import Kernel
from madeof.batch.pool import Pool
from madeof.batch.ray import actors, answers_of, ray_of
from madeof.batch.sources.columns import columns_of, parse_columns
from madeof.batch.sources.tables import request_of
from madeof.batch.tasks import Options, Row, Task
from madeof.errors import InputError
from madeof.export.tables import parquet_schema, pyarrow_of
from madeof.regions.request import MaskFile, RegionRequest

if TYPE_CHECKING:
    from ray.data import Dataset

_ROWS = 64  # of a batch


def classify(
    dataset: Dataset,
    *,
    model: str | Path | None = None,
    options: Options | None = None,
    columns: str | None = None,
    workers: int | None = None,
    num_cpus: float = 1,
) -> Dataset:
    """Name the material of every region of a dataset.

    Each row is a region of a photo, in the columns of a table of `madeof batch`: `image` (a path or URL that every
    worker can read, the bytes of a file, or an array (H, W, 3) uint8 as `ray.data.read_images` gives it, whose name is
    in `path`), and one of `box`, `polygon`, `rle`, `mask` and `label_map`, or none for the whole photo; `region` names
    it and `material` is the truth. Rows of one photo that stand together cost one pass of the photo.

    Args:
        dataset: of Ray Data. It is not run: what is given back is run when it is read or written.
        model: see `madeof.load`; at the same place on all machines.
        options: what decides the answers besides; see `madeof.batch.tasks.Options`.
        columns: what columns of other names hold, such as "box_xywh=bbox"; see `madeof.batch.sources.columns`.
        workers: actors, each of which loads the model once; None for as many as Ray has room for.
        num_cpus: cores that Ray sets aside for each of them, which computes on one.

    Returns:
        The rows that `madeof predict --to parquet` writes: one for each region, with `error` where there is no answer.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: `dataset` is no dataset of Ray Data, or `columns` is none of ours.
    """
    ray = ray_of("madeof.ray.classify")
    if not isinstance(dataset, ray.data.Dataset):
        raise InputError(f"got {type(dataset).__name__}; expected a dataset of ray.data, as read_parquet gives it")
    kernel = Kernel(model, options or Options())
    given: Dataset = dataset.map_batches(
        Classifier,
        fn_constructor_args=(kernel, parse_columns(columns)),
        batch_size=_ROWS,
        batch_format="pyarrow",
        compute=actors(ray, workers or 1, workers),
        num_cpus=num_cpus,
    )
    return given


class Classifier:
    """State of an actor: a model in its own process, so that a photo that kills it costs only its row."""

    def __init__(self, kernel: Kernel, told: Sequence[tuple[str, str]] = ()) -> None:
        self._pool = Pool(kernel, 1)
        self._told = told

    def __call__(self, table: Any) -> Any:
        """The answers to a pyarrow table of regions, as a pyarrow table."""
        pa, _ = pyarrow_of("madeof.ray.classify", "ray")
        # `path` names an array of `ray.data.read_images`.
        names = [name for name in table.column_names if name != "path"]
        ours, _ = columns_of(names, self._told, "the dataset")
        renamed = [
            name if name == "path" else ours.get(name.strip().casefold(), f"unused {name}")
            for name in table.column_names
        ]
        answers = answers_of(self._pool, list(_tasks(table.rename_columns(renamed).to_pylist())))
        return pa.Table.from_pylist([row for answered in answers for row in answered.rows], parquet_schema(pa))


def _tasks(rows: Sequence[Row]) -> Iterator[Task]:
    """Rows of one photo that stand together are one task; a photo without a name is one by itself."""
    for (name, _), group in groupby(enumerate(rows), lambda each: _key(*each)):
        same = [row for _, row in group]
        photo = _file(same[0].get("image"))
        if photo is None or (isinstance(photo, str | bytes) and not photo):
            yield Task(name, error="no image; expected a photo's path, its bytes, or an array")
            continue
        yield Task(name, photo, [_region(f"region {number}", row) for number, row in enumerate(same)])


def _key(number: int, row: Row) -> tuple[str, int]:
    image = row.get("image")
    name = image.get("path") if isinstance(image, dict) else image
    name = name if isinstance(name, str) else row.get("path")
    return (name, -1) if isinstance(name, str) and name else ("photo", number)


def _region(label: str, row: Row) -> RegionRequest:
    mask: Any = row.get("mask")
    if _is_array(mask):
        name, truth = str(row.get("region") or label), str(row.get("material") or "")
        return RegionRequest(name, MaskFile(_png(mask)), truth)
    return request_of(label, row, _file)


def _file(value: Any) -> Any:
    """A path, an URL, the bytes of a file, or an array."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    return value


def _png(mask: Any) -> bytes:
    """A mask's array as the file that means the same: 16 bits for the coverage of floats."""
    is_coverage = np.issubdtype(mask.dtype, np.floating)
    pixels = np.rint(mask.clip(0, 1) * 65535).astype(np.uint16) if is_coverage else (mask != 0).astype(np.uint8) * 255
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=1)
    return data.getvalue()


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape")
