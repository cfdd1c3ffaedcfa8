"""Photos with regions of every kind, for the tests of formats; and files that are broken in every way."""

from __future__ import annotations

import contextlib
import copy
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets.annotations import Annotations
from madeof.datasets.writing import Answered, AnsweredRegion, outlines
from madeof.errors import DatasetError, RegionError
from madeof.regions.shapes import Polygons, Shape

FILES = ("a.png", "b c.png", "küche/größe 1.png", "küche/写真.png", "deep/er/a.png", "deep/c+d 5%.png", "x.y.png")
MATERIALS = ("Wood", "Wood - painted", "Gläser & <Tassen>", '5" tile', "Holz: roh # 1", "石", "it's")
SIZE = 12, 16
"""(height, width) of most photos here."""


def save_photo(folder: Path, file: str, size: tuple[int, int] = SIZE) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, dtype=np.uint8)).save(path)
    return path


def mask_of(shape: Shape, size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    """The whole mask of a shape."""
    part, (x, y) = shape.cut(size)
    return whole(part, (x, y), size)


def whole(part: NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[corner[1] : corner[1] + part.shape[0], corner[0] : corner[0] + part.shape[1]] = part
    return mask


def regions_of(annotations: Annotations, size: tuple[int, int] = SIZE) -> dict[str, list[tuple[str, int]]]:
    """Of each photo the material and the area of each region."""
    return {
        photo.file: [(one.material, int(mask_of(one.shape, size).sum())) for one in photo.annotations]
        for photo in annotations.photos
    }


def reasons(annotations: Annotations) -> list[str]:
    return [problem.reason for problem in annotations.problems]


@st.composite
def masks(draw: st.DrawFn, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Masks of noise, of one pixel, of all, with holes and several parts, at the edges of the photo."""
    height, width = size
    mask = np.zeros(size, dtype=np.bool_)
    kind = draw(st.sampled_from(["noise", "pixel", "all", "ring", "parts", "edges"]))
    if kind == "noise":
        seed = draw(st.integers(0, 2**16))
        mask = np.random.default_rng(seed).random(size) < draw(st.sampled_from([0.1, 0.5, 0.9]))
    elif kind == "all":
        mask[:] = True
    elif kind == "ring":
        mask[:] = True
        mask[1 : height - 1, 1 : width - 1] = False
        mask[height // 2, width // 2] = draw(st.booleans())
    elif kind == "parts":
        mask[::2, ::3] = True
    elif kind == "edges":
        mask[draw(st.sampled_from([0, height - 1]))] = True
        mask[:, draw(st.sampled_from([0, width - 1]))] = True
    if not mask.any():
        mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return mask


@st.composite
def polygons(draw: st.DrawFn, size: tuple[int, int]) -> Polygons:
    """One or two outlines of any points in the photo, perhaps with a hole."""

    def outline() -> NDArray[np.float64]:
        points = draw(st.integers(3, 6))
        sides = [st.floats(0, side, allow_nan=False, width=32) for side in (size[1], size[0])]
        return np.array([[draw(side) for side in sides] for _ in range(points)], dtype=np.float64)

    holes = [outline()] if draw(st.integers(0, 3)) == 0 else []
    return Polygons([outline() for _ in range(draw(st.integers(1, 2)))], holes)


@st.composite
def regions(draw: st.DrawFn, size: tuple[int, int], number: int, scores: bool) -> AnsweredRegion:
    score = draw(st.floats(0, 1)) if scores else None
    material = draw(st.sampled_from(MATERIALS))
    if draw(st.booleans()):
        shape = draw(polygons(size))
        try:
            part, corner = shape.cut(size)
        except RegionError:  # its hole leaves nothing
            part, corner = np.ones((1, 1), dtype=np.bool_), (0, 0)
        else:
            return AnsweredRegion(f"region {number}", part, corner, material, score, polygons=shape)
    else:
        part, corner = draw(masks(size)), (0, 0)
        x0, y0 = draw(st.integers(0, size[1] - 1)), draw(st.integers(0, size[0] - 1))
        if part[y0:, x0:].any():
            part, corner = part[y0:, x0:], (x0, y0)
        if draw(st.booleans()):
            found = outlines(part, corner)
            return AnsweredRegion(f"region {number}", part, corner, material, score, polygons=found)
    return AnsweredRegion(f"region {number}", part, corner, material, score)


@st.composite
def answered(draw: st.DrawFn, folder: Path = Path()) -> list[Answered]:
    """Some photos with their regions; their `folder` is set by `written`."""
    found = []
    for file in draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=3, unique=True)):
        size = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
        model = draw(st.sampled_from([None, "madeof 1.0"]))
        some = [draw(regions(size, number, model is not None)) for number in range(draw(st.integers(0, 3)))]
        found.append(Answered(file, folder, size, tuple(some), model))
    return found


def round_trip(
    module: ModuleType,
    photos: Sequence[Answered],
    out: str,
    exact: Callable[[AnsweredRegion], bool] = lambda region: True,
) -> None:
    """Write and read the photos, and compare: each region exactly or, where not `exact`, within half a pixel."""
    with tempfile.TemporaryDirectory() as place:
        folder, written = Path(place) / "photos", Path(place) / "written"
        written.mkdir()
        there = [Answered(one.file, folder, one.size, one.regions, one.model) for one in photos]
        for one in there:
            save_photo(folder, one.file, one.size)
        module.write(there, written / out)
        assert module.matches(written / out)
        found = module.read(written / out, folder)
        assert not found.problems
        assert not found.left_out
        assert found.photos_folder == folder
        by_file = {photo.file: photo for photo in found.photos}
        assert {one.file for one in photos if one.regions} <= by_file.keys() <= {*FILES}
        for one in photos:
            again = by_file[one.file].annotations if one.file in by_file else ()
            assert [region.material for region in again] == [region.material for region in one.regions]
            for before, after in zip(one.regions, again, strict=True):
                if exact(before):
                    mask = whole(before.cut, before.corner, one.size)
                    assert np.array_equal(mask, mask_of(after.shape, one.size)), before
                else:
                    close(before, after.shape, one.size)


def close(region: AnsweredRegion, shape: Shape, size: tuple[int, int]) -> None:
    """The points of both outlines are within half a pixel, and by far."""
    points = getattr(shape, "points", None)
    found = points * (size[1], size[0]) if points is not None else shape.parts[0]  # type: ignore[attr-defined]
    assert region.polygons is not None
    assert np.abs(found - np.asarray(region.polygons.parts[0])).max() < 1e-6


ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, 10**400, float("nan"), "", "x", "../.."),
    *([], {}, [[1, 2]], [1, 2, 3], {"a": 1}),
)


@st.composite
def broken(draw: st.DrawFn, content: Any) -> Any:
    """`content`, in which one value or more is another, or is not there."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        node, depth = content, draw(st.integers(0, 8))
        while isinstance(node, dict | list) and node:
            mark = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
            if depth == 0 or not isinstance(node[mark], dict | list) or not node[mark]:
                if draw(st.booleans()):
                    node[mark] = copy.deepcopy(draw(st.sampled_from(ODD)))
                else:
                    del node[mark]
                break
            node, depth = node[mark], depth - 1
    return content


def survives(module: ModuleType, path: Path, name: str = "", size: tuple[int, int] = SIZE) -> None:
    """A file that may be broken in any way is read, or is one error of ours; so is each of its shapes."""
    module.matches(path)
    try:
        found = module.read(path)
    except DatasetError as error:
        assert_named(str(error), name or path.name)
        return
    for photo in found.photos:
        for annotation in photo.annotations:
            with contextlib.suppress(RegionError):
                annotation.shape.cut(photo.size or size)
    for reason in reasons(found):
        assert_named(reason, name or path.name)


def assert_named(reason: str, name: str) -> None:
    """It is one line that names the file."""
    assert "\n" not in reason
    assert name in reason


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path
