"""The OpenSurfaces release (Bell et al. 2013), as its script `process_opensurfaces_release_0.py` leaves it.

Three things in it have regions:

- `photos-labels/ID.png` with `label-substance-colors.csv`: label maps whose red channel is the substance (`red_color`,
  `substance_name`). The script renders them 1024 pixels high and int(1024 * aspect ratio) wide whatever the photo's
  size, so a map of another size than its photo `photos/ID.jpg` is stretched to it, nearest, if it is of the same shape.
- `shapes.materialshape.json`, in the folder or in `opensurfaces/`, with the polygons themselves: `vertices`
  "x1,y1,x2,y2,..." as fractions of the photo's width and height (so the release's `shapes/models.py` says), `triangles`
  "a,b,c,..." of indices into them. As in the script, shapes are left out that are special, not of high quality, or of
  no substance of `shapes.shapesubstance.json` (those that "fail" are none), and those of photos that are special or of
  a wrong scene.
- `shapes.csv`. The script's own has shape_id, photo_id and substance_name but NO polygons. It is read where it has a
  column `vertices` besides, and perhaps `triangles`, as above.

Of a folder the label maps are read if they are there, else the JSON, else the CSV; give the file itself to choose. A
pixel is in a shape when its centre is; the script's own rendering, at whole vertices, differs by up to a pixel.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.csv_rows import read_rows
from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece
from madeof.datasets.formats.map_regions import Values, map_annotations
from madeof.datasets.formats.parsing import head, read_json
from madeof.datasets.formats.values import name
from madeof.datasets.material_lists import read_materials
from madeof.datasets.photos import Details
from madeof.errors import DatasetError, RegionError
from madeof.regions.raster import Cut, cut_edges, cut_polygon

_SHAPES, _SUBSTANCES, _PHOTOS = (
    f"{one}.json" for one in ("shapes.materialshape", "shapes.shapesubstance", "photos.photo")
)
_COLOURS = "label-substance-colors.csv"
_LONGEST = 1 << 24  # characters of a list of numbers


class Triangles(NamedTuple):
    """A shape of the release: the union of triangles that do not overlap, or one outline where there are none."""

    vertices: str
    """x, y, x, y, ... as fractions of the photo's width and height."""
    triangles: str
    """Three indices of vertices each."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        corners = self._numbers(self.vertices, "vertices").reshape(-1, 2) * (size[1], size[0])
        if not self.triangles:
            return cut_polygon(corners, size)
        indices = self._numbers(self.triangles, "triangles")
        if (
            len(indices) % 3
            or (indices != np.rint(indices)).any()
            or indices.min() < 0
            or indices.max() >= len(corners)
        ):
            raise RegionError(f"its triangles are not threes of the numbers 0 to {len(corners) - 1} of its vertices")
        edges = indices.astype(np.int64).reshape(-1, 3)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        # An edge of two triangles is inside; those of one are the outline. So no pixel is lost or shared between two.
        edges, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
        outline = edges[counts % 2 == 1]
        if not len(outline):
            raise RegionError("its triangles bound nothing")
        return cut_edges(corners[outline[:, 0]], corners[outline[:, 1]], size)

    @staticmethod
    def _numbers(text: str, what: str) -> NDArray[np.float64]:
        try:
            found = np.array(text[:_LONGEST].split(","), dtype=np.float64)
        except ValueError:
            found = np.zeros(0)
        if len(found) < (6 if what == "vertices" else 3) or not (np.abs(found) < 1e9).all() or len(text) > _LONGEST:
            raise RegionError(
                f"its {what} are {brief(text)}; expected numbers with commas between them, three points or more"
            )
        if what == "vertices" and len(found) % 2:
            raise RegionError(f"it has {len(found)} numbers for its vertices; expected an even number, x and y of each")
        return found


def matches(path: Path) -> bool:
    """Whether it is a folder of the release, its JSON of shapes, or a CSV of shapes."""
    with contextlib.suppress(OSError, ValueError):
        if path.is_dir():
            return _has_maps(path) or _json_in(path) is not None or _is_csv(path / "shapes.csv")
        return _is_json(path) or _is_csv(path)
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder, or one of its files.

    Args:
        path: the folder, `shapes.materialshape.json` or `shapes.csv`.
        images: the folder of photos, in place of photos/.

    Raises:
        DatasetError: a file cannot be read, or there are no polygons.
    """
    if path.is_dir():
        if _has_maps(path):
            return _maps(path, images)
        path = _json_in(path) or path / "shapes.csv"
    if path.suffix.lower() == ".csv":
        return _of_csv(path, images)
    return _of_json(path, images)


def _has_maps(path: Path) -> bool:
    return (path / "photos-labels").is_dir() and (path / _COLOURS).is_file()


def _json_in(path: Path) -> Path | None:
    return next((file for file in (path / _SHAPES, path / "opensurfaces" / _SHAPES) if _is_json(file)), None)


def _is_json(path: Path) -> bool:
    return re.search(r'"model":\s*"shapes\.materialshape"', head(path)) is not None


def _is_csv(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return False
    columns = {column.strip(' "') for column in head(path).partition("\n")[0].strip().split(",")}
    return {"photo_id", "substance_name"} <= columns


def _maps(path: Path, images: Path | None) -> Annotations:
    materials = read_materials(path / _COLOURS)
    values = Values(
        dict(zip(materials.values, materials.names, strict=True)), stretch=True, where=materials.where, colours="red"
    )
    return map_annotations(path, images or path / "photos", path / "photos-labels", values, details=_details(path))


def _details(folder: Path) -> Any:
    """What gives the licences of photos, from the release's photos.csv; None where that is not there."""
    licences = _licences(folder)
    if not licences:
        return None

    def details(_: Path, photos: Sequence[str]) -> list[Details]:
        return [Details(licence=licences.get(Path(photo).stem, "")) for photo in photos]

    return details


def _licences(folder: Path) -> dict[str, str]:
    path = folder / "photos.csv"
    if not path.is_file():
        return {}
    return {row["photo_id"]: row.get("license_name", "") for _, row in read_rows(path, ["photo_id"], ["license_name"])}


class _Photos:
    """The photos of shapes, gathered shape by shape."""

    def __init__(self, where: Path, licences: Mapping[str, str]) -> None:
        self.gathering = Gathering(where)
        self._pieces: dict[str, list[Piece]] = {}
        self._licences = licences

    def add(self, photo: str, piece: Piece) -> None:
        self._pieces.setdefault(photo, []).append(piece)

    def annotations(self, images: Path | None) -> Annotations:
        for photo, pieces in self._pieces.items():
            details = Details(licence=self._licences.get(photo, ""))
            self.gathering.photo([f"{photo}.jpg"], pieces, details=details)
        folder = next((one for one in _photo_folders(self.gathering.where) if one.is_dir()), None)
        return self.gathering.annotations(images or folder)


def _photo_folders(path: Path) -> Iterator[Path]:
    yield path.parent / "photos"
    yield path.parent.parent / "photos"


def _of_csv(path: Path, images: Path | None) -> Annotations:
    if "vertices" not in head(path).partition("\n")[0]:
        raise DatasetError(
            f"{show(path)} has no column vertices: the release's shapes.csv has no polygons. Give the folder with "
            f"photos-labels/ and {_COLOURS}, or {_SHAPES}, which has them"
        )
    photos = _Photos(path, _licences(path.parent))
    columns = ["photo_id", "substance_name", "vertices"]
    for line, row in read_rows(path, columns, ["triangles", "shape_id"]):
        place = f"line {line}"
        if not row["substance_name"]:
            photos.gathering.left_out["shapes without a substance"] += 1
        elif not row["photo_id"] or not row["vertices"]:
            photos.gathering.broken(place, "photo_id or vertices are missing")
        else:
            shape = Triangles(row["vertices"], row.get("triangles", ""))
            photos.add(row["photo_id"], Piece(row["substance_name"], shape, place))
    return photos.annotations(images)


def _of_json(path: Path, images: Path | None) -> Annotations:
    shapes = _entries(path)
    substances = {
        pk: name(fields.get("name"), f"name of substance {pk}")
        for pk, fields in _entries(path.parent / _SUBSTANCES)
        if not fields.get("fail")
    }
    listed = path.parent / _PHOTOS
    wrong = (
        {pk for pk, fields in _entries(listed) if fields.get("special") or not fields.get("scene_category_correct")}
        if listed.is_file()
        else set()
    )
    licences = _licences(path.parent) or _licences(path.parent.parent)
    photos = _Photos(path, licences)
    left_out = photos.gathering.left_out
    for pk, fields in shapes:
        place = f"shape {pk}"
        if fields.get("special"):
            left_out["special shapes"] += 1
        elif not fields.get("high_quality"):
            left_out["shapes that are not of high quality"] += 1
        elif fields.get("substance") not in substances:
            left_out["shapes without a substance"] += 1
        elif fields.get("photo") in wrong:
            left_out["shapes of photos that are special or of a wrong scene"] += 1
        elif not isinstance(fields.get("photo"), int) or not isinstance(fields.get("vertices"), str):
            photos.gathering.broken(
                place,
                f"its photo is {brief(fields.get('photo'))} and its vertices "
                f"{brief(fields.get('vertices'))}; expected a number and a text",
            )
        else:
            triangles = fields.get("triangles")
            shape = Triangles(fields["vertices"], triangles if isinstance(triangles, str) else "")
            photos.add(str(fields["photo"]), Piece(substances[fields["substance"]], shape, place))
    return photos.annotations(images)


def _entries(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The entries of one of the release's JSON files: its number (`pk`) and its `fields`."""
    content = read_json(path)
    found = []
    for number, entry in enumerate(content if isinstance(content, list) else [None]):
        pk, fields = (entry.get("pk"), entry.get("fields")) if isinstance(entry, dict) else (None, None)
        if not isinstance(pk, int) or not isinstance(fields, dict):
            raise DatasetError(f"{show(path)} entry {number}: {brief(entry)}; expected pk and fields")
        found.append((pk, fields))
    return found
