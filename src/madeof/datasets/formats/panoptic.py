"""Panoptic COCO: a PNG for each photo, in whose pixels R + 256 G + 65536 B is the id of a segment.

An annotation of the JSON file names the PNG and its segments, each with its id and category. The PNGs are in the folder
that is called as the JSON file is (panoptic_val2017/ of panoptic_val2017.json), in panoptic/ or masks/, or beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief, show
from madeof.datasets.layout import misfit
from madeof.datasets.listing import File, check_file
from madeof.errors import DatasetError, RegionError
from madeof.images.photo import size_of
from madeof.regions.files import read_colours
from madeof.regions.raster import Cut
from madeof.regions.region import mask_box

_last = threading.local()  # one picture for each thread: the segments of a photo are asked for one after the other


class Segment(NamedTuple):
    """The pixels of one colour in a picture."""

    folder: Path
    file: File
    """In `folder`."""
    colour: int
    """65536 R + 256 G + B."""

    @property
    def stamp(self) -> str:
        """What changes when the segment may have changed."""
        return f"{self.file}\0{self.colour}"

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        path = self.folder / self.file.path
        known: tuple[Path, NDArray[np.int32]] | None = getattr(_last, "picture", None)
        if known is None or known[0] != path:
            _last.picture = None
            known = _last.picture = path, read_colours(path)
        if known[1].shape != size:
            raise misfit(show(self.file.path), size_of(path), size, path)
        inside = known[1] == self.colour
        if not inside.any():
            raise RegionError(f"no pixel of {show(self.file.path)} has its id {_id(self.colour)}")
        x0, y0, x1, y1 = mask_box(inside)
        return inside[y0:y1, x0:x1], (x0, y0)


def segments(json: Path, annotation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Segment]]:
    """Each segment that an annotation of the file `json` lists, with its pixels.

    Raises:
        DatasetError: the PNG is not there, or the list is broken.
    """
    name, listed = annotation.get("file_name"), annotation["segments_info"]
    folders = [json.parent / one for one in (json.stem, "panoptic", "masks", "")]
    if not isinstance(name, str) or not isinstance(listed, list):
        raise DatasetError(f"its file_name and segments_info are {brief([name, listed])}; expected a path and a list")
    found = [(folder, check_file(folder, name)) for folder in folders]
    folder, file = next((pair for pair in found if isinstance(pair[1], File)), (None, None))
    if folder is None or not isinstance(file, File):
        raise DatasetError(f"its {show(name)} is not in {show(json.stem)}/, panoptic/, masks/ nor beside {show(json)}")
    for one in listed:
        number = one.get("id") if isinstance(one, dict) else None
        if not isinstance(number, int) or not 0 < number < 1 << 24:
            raise DatasetError(f"a segment is {brief(one)}; expected an object with an id from 1 to {(1 << 24) - 1}")
        yield one, Segment(folder, file, _id(number))


def _id(number: int) -> int:
    """The id of a colour and the colour of an id: R and B change places."""
    return (number & 0xFF) << 16 | number & 0xFF00 | number >> 16
