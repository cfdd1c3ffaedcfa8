"""A contact sheet: some regions of each material, cut out of their photos with what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from madeof._util.text import pluralize, show
from madeof.datasets.dataset import RegionDataset
from madeof.errors import DatasetError, InputError
from madeof.viz import overlay
from madeof.viz.crop import frame

_WIDTH, _HEIGHT = 180, 135  # of a region's picture
_GAP, _HEADING, _CAPTION = 8, 30, 18
_BETWEEN = 28  # columns of materials
_ASPECT = 1.4  # of the sheet, width to height, as near as columns allow
_LARGER = 1.5
_FADED = 0.62  # how much of a grey is left; the rest is white
_MOST_REGIONS = 400  # that are drawn at most: fewer of each where there are many materials
_PAPER, _INK, _FAINT, _EMPTY = (255, 255, 255), (20, 20, 20), (110, 110, 110), (225, 225, 225)


class Sheet(NamedTuple):
    """A contact sheet."""

    picture: Image.Image
    failures: tuple[str, ...]
    """Regions that could not be drawn, and why."""


def draw_sheet(dataset: RegionDataset, *, each: int = 6) -> Sheet:
    """Draw up to `each` regions of every material, of different photos as far as there are some.

    Materials come with the most regions first. The regions are drawn at random, the same ones every time.

    Raises:
        DatasetError: the data set has no region.
    """
    counts = sorted((one for one in dataset.count_by_material() if one.regions), key=lambda one: -one.regions)
    if not counts:
        raise DatasetError("a contact sheet of no region at all; expected a data set with some")
    each = max(1, min(each, _MOST_REGIONS // len(counts)))
    where = {name: position for position, name in enumerate(dataset.materials)}
    chosen = [_choose(dataset, where[one.material], each) for one in counts]
    each = max(len(rows) for rows in chosen)
    width, height = each * (_WIDTH + _GAP) - _GAP + _BETWEEN, _HEADING + _HEIGHT + _CAPTION + _GAP
    columns = _columns(len(counts), width, height)
    rows = -(-len(counts) // columns)
    sheet = Image.new("RGB", (columns * width - _BETWEEN + 4 * _GAP, rows * height + 2 * _GAP), _PAPER)
    failures: list[str] = []
    for place, (one, regions) in enumerate(zip(counts, chosen, strict=True)):
        left, top = place // rows * width + 2 * _GAP, place % rows * height + _GAP
        _write_heading(sheet, (left, top), one.material, one.regions, one.photos, width - _BETWEEN)
        for number, region in enumerate(regions):
            corner = left + number * (_WIDTH + _GAP), top + _HEADING
            name = show(dataset.photos.name[int(dataset.regions.photo[region])])
            try:
                sample = dataset.read_region(region)
                picture = _picture(sample.image, sample.masks[0])
            except (DatasetError, InputError, OSError) as error:
                failures.append(f"{name}: {error}")
                picture = Image.new("RGB", (_WIDTH, _HEIGHT), _EMPTY)
            _paste(sheet, picture, corner, name, int(dataset.regions.area[region]))
    return Sheet(sheet, tuple(failures))


def _choose(dataset: RegionDataset, material: int, each: int) -> list[int]:
    """Some regions of a material: at random, of photos that have none among them first."""
    rows = np.flatnonzero(dataset.regions.material == material)
    rows = np.random.default_rng(0).permutation(rows)
    _, first = np.unique(dataset.regions.photo[rows], return_index=True)
    is_first = np.zeros(len(rows), dtype=np.bool_)
    is_first[first] = True
    return [int(row) for row in [*rows[is_first], *rows[~is_first]][:each]]


def _columns(materials: int, width: int, height: int) -> int:
    """How many columns of materials make the sheet the right shape."""

    def away(columns: int) -> float:
        return abs(float(np.log(columns * width / (-(-materials // columns) * height) / _ASPECT)))

    return min(range(1, materials + 1), key=away)


def _picture(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Image.Image:
    """The region, outlined and in colours, with what is around it in faded grey."""
    rows, columns = frame(mask)
    part, inside = image[rows, columns], mask[rows, columns]
    grey = part @ np.array([0.299, 0.587, 0.114])
    faded = np.where(inside[..., None], part, (_FADED * grey + (1 - _FADED) * 255)[..., None]).astype(np.uint8)
    height, width = inside.shape
    scale = min(_WIDTH / width, _HEIGHT / height)
    # Drawn larger: outlines that are thin and smooth.
    side = max(1, round(_LARGER * scale * max(width, height)))
    drawn = overlay.draw(faded, [(inside, "")], max_side=side, min_side=side, fill=0.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return drawn.resize(size, Image.Resampling.LANCZOS)


def _paste(sheet: Image.Image, picture: Image.Image, corner: tuple[int, int], name: str, area: int) -> None:
    x, y = corner
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((x, y, x + _WIDTH - 1, y + _HEIGHT - 1), fill=_EMPTY)
    sheet.paste(picture, (x + (_WIDTH - picture.width) // 2, y + (_HEIGHT - picture.height) // 2))
    font = _font(11)
    size = f"  {area:,} px"
    text = _last_of(name, font, _WIDTH - int(font.getlength(size)) - 2) + size
    pen.text((x, y + _HEIGHT + 2), text, fill=_FAINT, font=font)


def _write_heading(
    sheet: Image.Image, corner: tuple[int, int], material: str, regions: int, photos: int, width: int
) -> None:
    pen = ImageDraw.Draw(sheet)
    font, small = _font(19), _font(13)
    counts = f"{pluralize(regions, 'region')}, {pluralize(photos, 'photo')}"
    text = _first_of(show(material), font, width - int(small.getlength(counts)) - 12)
    baseline = corner[1] + 21
    pen.text((corner[0], baseline), text, fill=_INK, font=font, anchor="ls")
    pen.text((corner[0] + font.getlength(text) + 10, baseline), counts, fill=_FAINT, font=small, anchor="ls")


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _first_of(text: str, font: Any, width: int) -> str:
    """The text, or as much of its beginning as is `width` pixels wide."""
    return _fitting([text, *(text[:end].rstrip() + "..." for end in range(min(len(text), 60), 0, -1))], font, width)


def _last_of(text: str, font: Any, width: int) -> str:
    """The text, or as much of its end: in which photos' names differ."""
    return _fitting([text, *("..." + text[-end:] for end in range(min(len(text), 60), 0, -1))], font, width)


def _fitting(texts: Sequence[str], font: Any, width: int) -> str:
    return next((text for text in texts if len(text) < 100 and font.getlength(text) <= width), "")
