"""From a request's body to what makes its regions: names, and functions that give each region or say why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from pydantic import ValidationError

from madeof._util.text import show
from madeof.errors import RegionError
from madeof.images.decode import open_image
from madeof.images.photo import Photo
from madeof.regions.files import read_mask
from madeof.regions.region import Region, check_size
from madeof.regions.rle import Runs
from madeof.serve.effort import Known, of_mask, of_points, of_runs
from madeof.serve.multipart import Body, Upload, too_much_json
from madeof.serve.problems import ProblemError
from madeof.serve.schemas import AskedRegion, AskedRegions, BoxRegion, PolygonRegion
from madeof.serve.settings import MB, Settings

Maker = tuple[str, Callable[[Photo], Region]]
"""A region's name, and what makes it of a photo or raises a RegionError."""

_MOST_ERRORS = 20  # of one JSON


def makers(body: Body, settings: Settings) -> list[Maker]:
    """What makes the regions of a request, in the order of the answers: masks, then those of the JSON.

    Raises:
        ProblemError: the JSON is not what was expected, or there are too many regions.
    """
    found: list[Maker] = [
        (upload.name or f"mask {i}", Known(partial(_from_mask, upload, upload.name or f"mask {i}", settings), of_mask))
        for i, upload in enumerate(body.masks)
    ]
    counts = Counter[str]()
    for asked in parse(body.regions, settings) if body.regions is not None else []:
        kind = _kind(asked)
        name = asked.name or f"{kind} {counts[kind]}"
        counts[kind] += 1
        found.append((name, _maker(asked, name)))
    _check_number(found, settings)
    return found


def whole_photo() -> list[Maker]:
    """The whole photo as the one region, as where the command line is given none."""
    return [("photo", lambda photo: Region.from_box("photo", (0, 0, photo.size[1], photo.size[0]), photo.size))]


def parse(data: bytes, settings: Settings) -> list[AskedRegion]:
    """The regions of a JSON text.

    Raises:
        ProblemError: it is none, or says something that cannot be.
    """
    if len(data) > settings.max_json_mb * MB:
        raise too_much_json(settings)
    try:
        regions = AskedRegions.model_validate_json(data).regions
    except ValidationError as error:
        raise invalid(error) from None
    _check_number(regions, settings)
    for i, region in enumerate(regions):
        if isinstance(region, PolygonRegion) and len(region.polygon) > settings.max_points:
            raise ProblemError(
                "input",
                f"regions[{i}].polygon has {len(region.polygon)} points; expected {settings.max_points} at most",
            )
    return regions


def _check_number(regions: Sequence[object], settings: Settings) -> None:
    if len(regions) > settings.max_regions:
        most = settings.max_regions
        raise ProblemError("input", f"got {len(regions)} regions; expected {most} at most: ask again for the rest")


def invalid(error: ValidationError) -> ProblemError:
    """What pydantic found, as a problem that names the places."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [{"at": _place(each["loc"]), "error": each["msg"]} for each in found[:_MOST_ERRORS]]
    first = f"{errors[0]['at']}: {errors[0]['error']}"
    return ProblemError(
        "input", f'the JSON is not {{"regions": [...]}} as documented ({show(first)[:300]})', errors=errors
    )


def _place(location: tuple[int | str, ...]) -> str:
    """Such as "regions[3].box[0]"; the tag of the kind of region, which pydantic puts in between, is left out."""
    text = ""
    for i, part in enumerate(location):
        if i == 2 and location[0] == "regions" and len(location) > 3:
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "JSON"


def _kind(asked: AskedRegion) -> str:
    return "box" if isinstance(asked, BoxRegion) else "polygon" if isinstance(asked, PolygonRegion) else "rle"


def _maker(asked: AskedRegion, name: str) -> Callable[[Photo], Region]:
    if isinstance(asked, BoxRegion):
        corners = [asked.box[:2], asked.box[2:]]
        return Known(partial(_from_box, asked, name), partial(of_points, corners, False))
    if isinstance(asked, PolygonRegion):
        return Known(partial(_from_polygon, asked, name), partial(of_points, asked.polygon, True))
    given = asked.rle.counts
    runs = Runs(given.encode("utf-8") if isinstance(given, str) else np.array(given, dtype=np.int64), asked.rle.size)
    return Known(partial(_from_runs, runs, name), partial(of_runs, runs))


def _from_box(asked: BoxRegion, name: str, photo: Photo) -> Region:
    return Region.from_box(name, asked.box, photo.size)


def _from_polygon(asked: PolygonRegion, name: str, photo: Photo) -> Region:
    return Region.from_polygon(name, asked.polygon, photo.size)


def _from_runs(runs: Runs, name: str, photo: Photo) -> Region:
    """Nothing is unpacked unless its size is the photo's, which is within the limits."""
    cut, corner = runs.cut(photo.size)
    return Region(name, cut, corner=corner, photo_size=photo.size)


def _from_mask(upload: Upload, name: str, settings: Settings, photo: Photo) -> Region:
    most = settings.max_megapixels
    with open_image(upload.data, RegionError, max_megapixels=most, what="mask") as opened:
        height, width = opened.turned_size()
        if height * width > photo.size[0] * photo.size[1]:  # known from the header: not worth decoding
            check_size((height, width), photo.size, "mask")
    mask = read_mask(upload.data, photo.size, raw_size=photo.raw_size, max_megapixels=most)
    return Region(name, mask, photo_size=photo.size).tight()
