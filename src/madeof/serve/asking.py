"""From a request's body to the regions that it asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from madeof._util.text import show
from madeof.regions.request import MaskFile, RegionRequest
from madeof.regions.rle import RLE
from madeof.regions.shapes import Box, Polygons, Shape
from madeof.serve.multipart import Body, too_much_json
from madeof.serve.problems import ProblemError
from madeof.serve.schemas import AskedRegion, AskedRegions, BoxRegion, PolygonRegion
from madeof.serve.settings import MB, Settings

_MOST_ERRORS = 20  # of one JSON


def requests_of(body: Body, settings: Settings) -> list[RegionRequest]:
    """The regions of a request, in the order of the answers: masks, then those of the JSON.

    Raises:
        ProblemError: the JSON is not what was expected, or there are too many regions.
    """
    found = [RegionRequest(mask.name or f"mask {i}", MaskFile(mask.data)) for i, mask in enumerate(body.masks)]
    counts = Counter[str]()
    for asked in parse(body.regions, settings) if body.regions is not None else []:
        kind, shape = _shape(asked)
        found.append(RegionRequest(asked.name or f"{kind} {counts[kind]}", shape))
        counts[kind] += 1
    _check_number(found, settings)
    return found


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
    """Validation errors of pydantic as a problem response with the fields' paths."""
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


def _shape(asked: AskedRegion) -> tuple[str, Shape]:
    """The kind of a region, and its shape."""
    if isinstance(asked, BoxRegion):
        return "box", Box(*asked.box)
    if isinstance(asked, PolygonRegion):
        return "polygon", Polygons([np.array(asked.polygon, dtype=np.float64)])
    given = asked.rle.counts
    counts = given.encode("utf-8") if isinstance(given, str) else np.array(given, dtype=np.int64)
    return "rle", RLE(counts, asked.rle.size)
