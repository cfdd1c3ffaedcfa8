"""Our own folder of label maps: images/, labels/ with a PNG of each photo's name, and materials.csv (id,name).

`open_dataset` has a layout of its own for it; here it is read as annotations, for all that take these, and written with
colours and a legend. What a label map cannot say: where regions overlap the smaller one is on top; regions of one
material that touch are one region, and those in several pieces are several.
"""

from __future__ import annotations

import colorsys
import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.files import make_folder, write_bytes
from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.copying import Copies
from madeof.datasets.formats.map_regions import Values, map_annotations
from madeof.datasets.listing import stem
from madeof.datasets.material_lists import read_materials
from madeof.datasets.photos import COLUMNS, Details, details_in
from madeof.datasets.writing import Answered, first_names
from madeof.errors import WriteError
from madeof.materials.lists import key

_PALETTE = 256  # colours that a PNG can have a palette of
_LARGEST = 65535


def matches(path: Path) -> bool:
    """Whether it is a folder with images/, labels/ and materials.csv."""
    try:
        return all((path / name).is_dir() for name in ("images", "labels")) and (path / "materials.csv").is_file()
    except (OSError, ValueError):
        return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder.

    Args:
        path: the folder with labels/ and materials.csv, and perhaps photos.csv.
        images: the folder of photos, in place of images/.

    Raises:
        DatasetError: a folder is missing or a CSV broken.
    """
    materials = read_materials(path / "materials.csv")
    values = Values(dict(zip(materials.values, materials.names, strict=True)), where=materials.where)
    table = path / "photos.csv"

    def details(_: Path, photos: Sequence[str]) -> list[Details]:
        if not table.is_file():
            return [Details()] * len(photos)
        return details_in(table, [stem(photo) for photo in photos], photos)

    return map_annotations(path, images or path / "images", path / "labels", values, details=details)


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write labels/NAME.png of each photo, a copy of the photo in images/, materials.csv and legend.png.

    There is a photos.csv too where a photo has a split, group, source or licence. Materials get the values 1, 2, ...:
    first those of `materials`, whether a region has them or not, then others as they come. A label map is a PNG with 8
    bits and a palette, whose colours are for people; with 16 bits and no colours where a value is over 255.

    Raises:
        WriteError: a photo cannot be copied, a file not written, or there are more than 65,535 materials.
    """
    copies = Copies(out / "images")
    names = {mark: _spelled(name) for mark, name in first_names(materials).items()}
    values = {mark: value for value, mark in enumerate(names, start=1)}
    details: list[tuple[str, ...]] = []
    written: list[Path] = []
    make_folder(out / "labels")
    for photo in photos:
        for region in photo.regions:
            names.setdefault(key(region.material), _spelled(region.material))
            values.setdefault(key(region.material), len(values) + 1)
        if len(values) > _LARGEST:
            raise WriteError(f"cannot write {show(out)}: more than {_LARGEST} materials, which no label map can hold")
        name = copies.copy(photo)
        path = out / "labels" / f"{name}.png"
        if any(photo.details):
            details.append((name, *photo.details))
        make_folder(path.parent)
        write_bytes(path, _png(_map_of(photo, values)))
        written.append(path)
    written += [out / "materials.csv", out / "legend.png"]
    _write_table(out / "materials.csv", ("id", "name"), ((f"{values[one]}", name) for one, name in names.items()))
    write_bytes(out / "legend.png", _legend([names[one] for one in values]))
    if details:
        written.append(out / "photos.csv")
        _write_table(out / "photos.csv", ("name", *COLUMNS), details)
    return [*copies.written, *written]


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_bytes(path, table.getvalue().encode("utf-8", "surrogateescape"))


def _spelled(material: str) -> str:
    """A material as it is written: on one line, and in UTF-8."""
    plain = " ".join(material.split())
    return plain.encode("utf-8", "backslashreplace").decode("utf-8")


def colour(value: int) -> tuple[int, int, int]:
    """The colour of a value of a label map, (r, g, b) in [0, 255]: black for 0, and neighbours are told apart."""
    if value == 0:
        return 0, 0, 0
    # Steps of the golden angle never come near each other soon.
    hue = (value * 0.618034) % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, (0.55, 0.8, 1.0)[value % 3], (1.0, 0.8, 0.65)[value // 3 % 3])
    return round(255 * red), round(255 * green), round(255 * blue)


def _map_of(photo: Answered, values: dict[str, int]) -> NDArray[np.uint16]:
    """The photo's label map."""
    found = np.zeros(photo.size, dtype=np.uint16)
    for region in sorted(photo.regions, key=lambda region: -int(np.count_nonzero(region.cut))):
        (x, y), (height, width) = region.corner, region.cut.shape
        found[y : y + height, x : x + width][region.cut] = values[key(region.material)]
    return found


def _png(values: NDArray[np.uint16]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    if values.max(initial=0) < _PALETTE:
        picture = Image.fromarray(values.astype(np.uint8))
        picture.putpalette([part for value in range(_PALETTE) for part in colour(value)])
    else:
        picture = Image.fromarray(values)
    picture.save(file, "PNG")
    return file.getvalue()


def _legend(names: Sequence[str]) -> bytes:
    """A picture of the colours with their values and names, in columns of 40."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(18)
    lines = [f"{value}  {show(name)}" for value, name in enumerate(names[: _PALETTE - 1], start=1)]
    if len(names) > len(lines):
        lines.append(f"and {len(names) - len(lines)} more, without a colour")
    lines = lines or ["no material"]
    row, rows = 30, min(40, len(lines))
    width = 70 + max(int(font.getlength(line)) for line in lines)
    columns = -(-len(lines) // rows)
    picture = Image.new("RGB", (columns * width + 10, rows * row + 16), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        x, y = 10 + number // rows * width, 8 + number % rows * row
        if number < min(len(names), _PALETTE - 1):
            draw.rectangle((x, y + 2, x + 38, y + row - 4), fill=colour(number + 1), outline="black")
        draw.text((x + 48, y + 3), line, fill="black", font=font)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
