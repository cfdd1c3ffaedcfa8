"""The columns of a table, and the keys of a WebDataset JSON, by the names that other tools give them.

| ours | read by itself from |
| --- | --- |
| image | photo, image_path, photo_path, file_name, filename, file_path, filepath |
| mask | mask_path, mask_file |
| label_map | label map, label_map_path |
| box | xyxy, bbox_xyxy, box_xyxy; x0,y0,x1,y1; xmin,ymin,xmax,ymax; x_min,...; x1,y1,x2,y2; left,top,right,bottom |
| box_xywh (COCO: corner and size) | xywh, bbox_xywh, box_xywh; x,y,width,height; x,y,w,h; left,top,width,height |
| segmentation | COCO's outlines or run lengths |

`bbox` alone is refused: COCO means x, y, width, height by it, others two corners. So is every other name that looks
like a region. `--columns box_xywh=bbox,ignore=label` says what they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from madeof._util.text import join_some, show
from madeof.errors import DatasetError, InputError

SHAPES = ("box", "box_xywh", "polygon", "rle", "segmentation")
"""Columns that hold a shape."""
REGIONS = ("mask", "label_map", *SHAPES)
"""Columns that hold a region, one of which a row may have."""
CORNERS = ("x0", "y0", "x1", "y1")
CORNER_AND_SIZE = ("x", "y", "width", "height")

_OURS = ("image", *REGIONS, "region", "material")
_SIDES = (*CORNERS, *CORNER_AND_SIZE)
_SAME = {
    "photo": "image", "image_path": "image", "photo_path": "image", "file_name": "image", "filename": "image",
    "file_path": "image", "filepath": "image",
    "mask_path": "mask", "mask_file": "mask", "label map": "label_map", "label_map_path": "label_map",
    "xyxy": "box", "bbox_xyxy": "box", "box_xyxy": "box", "xywh": "box_xywh", "bbox_xywh": "box_xywh",
}  # fmt: skip
_GROUPS = (
    (CORNERS, CORNERS),
    (("xmin", "ymin", "xmax", "ymax"), CORNERS),
    (("x_min", "y_min", "x_max", "y_max"), CORNERS),
    (("x1", "y1", "x2", "y2"), CORNERS),
    (("left", "top", "right", "bottom"), CORNERS),
    (CORNER_AND_SIZE, CORNER_AND_SIZE),
    (("x", "y", "w", "h"), CORNER_AND_SIZE),
    (("left", "top", "width", "height"), CORNER_AND_SIZE),
)
_CLASSES = {"label", "labels", "class", "classes", "category", "categories"}
"""A region's class, beside a region; without one a label may be a label map."""
_LIKE_REGIONS = frozenset(
    re.findall(
        r"\w+",
        "bbox bboxes box boxes rect rects rectangle rectangles xyxy xywh cxcywh crop roi rois xmin ymin xmax ymax "
        "x0 y0 x1 y1 x2 y2 x y cx cy left top right bottom mask masks segmentation segmentations seg segment segments "
        "segm polygon polygons poly outline outlines contour contours points shape shapes geometry wkt rle rles counts "
        "region regions annotation annotations object objects instance instances panoptic semantic detections",
    )
)


def parse_columns(text: str | None) -> list[tuple[str, str]]:
    """`--columns` -> pairs (ours, theirs).

    >>> parse_columns("box=bbox,ignore=label")
    [('box', 'bbox'), ('ignore', 'label')]

    Raises:
        InputError: it names no column of ours, or gives a region's name or material what looks like the region.
    """
    pairs = []
    for one in text.split(",") if text else ():
        ours, equals, theirs = (part.strip() for part in one.partition("="))
        if not equals or not theirs or ours not in (*_OURS, *_SIDES, "regions", "ignore"):
            raise InputError(
                f"--columns has {show(one)!r}; expected OURS=THEIRS with one of {', '.join(_OURS)}, "
                f"{', '.join(_SIDES)}, regions or ignore"
            )
        if ours in ("region", "material") and looks_like_region(theirs):
            raise InputError(
                f"--columns {show(one)}: {ours} is the region's {'name' if ours == 'region' else ours}; expected what "
                f"{show(theirs)} holds: box={show(theirs)} for two corners, box_xywh={show(theirs)} for COCO's corner "
                "and size, or polygon, rle, segmentation, mask, label_map"
            )
        pairs.append((ours, theirs))
    return pairs


def columns_of(
    names: Sequence[str], told: Sequence[tuple[str, str]], where: str, *, all_there: bool = True
) -> tuple[dict[str, str], list[str]]:
    """Which of a table's columns are ours.

    Args:
        names: of the columns, in any case.
        told: pairs of `parse_columns`.
        where: begins messages.
        all_there: whether each column that was told must be there.

    Returns:
        {theirs: ours}, and the names that are not used; theirs in lower case.

    Raises:
        DatasetError: a column looks like a region and it is not known what it holds.
    """
    folded = [name.strip().casefold() for name in names]
    found = {theirs.casefold(): ours for ours, theirs in told if theirs.casefold() in folded}
    if all_there and (missing := [theirs for _, theirs in told if theirs.casefold() not in found]):
        raise DatasetError(
            f"{where} has no column {show(join_some(missing))}, which --columns names; it has {show(join_some(names))}"
        )
    taken = set(found.values())
    for name in folded:
        ours = name if name in _OURS else _SAME.get(name)
        if ours and name not in found and (name == ours or (ours not in taken and ours not in folded)):
            found[name] = ours
            taken.add(ours)
    groups = [
        (theirs, ours) for theirs, ours in _GROUPS if all(name in folded and name not in found for name in theirs)
    ]
    groups = [group for group in groups if not taken & set(_SIDES)]
    if len({ours for _, ours in groups}) > 1 or len(groups) > 1:
        several = " and ".join(",".join(theirs) for theirs, _ in groups)
        raise DatasetError(f"{where} has {several}; expected one box a row: leave one out with --columns ignore=...")
    for sides, meant in groups:
        found.update(zip(sides, meant, strict=True))
    rest = [name for name in folded if name and name not in found]
    has_region = bool(set(found.values()) & {*REGIONS, *CORNERS, *CORNER_AND_SIZE, "regions"})
    unclear = [name for name in rest if looks_like_region(name) or (not has_region and _tokens(name) & _CLASSES)]
    if unclear:
        first = unclear[0]
        kinds = f"material={first} or label_map={first}" if _tokens(first) & _CLASSES else f"mask={first}"
        if _tokens(first) & {"bbox", "box", "bboxes", "boxes", "rect", "roi", "crop"}:
            kinds = f"box={first} (two corners x0,y0,x1,y1) or box_xywh={first} (COCO: x,y,width,height)"
        raise DatasetError(
            f"{where}: the column {show(join_some(unclear))} looks like regions and may mean several things; expected "
            f"to be told which: --columns {show(kinds)}, or ignore={show(first)} to leave it out"
        )
    unused = [name for name in rest if name not in ("width", "height")]
    return {theirs: ours for theirs, ours in found.items() if ours != "ignore"}, unused


def looks_like_region(name: str) -> bool:
    """Whether a name is one that tools give to boxes, outlines or masks.

    >>> looks_like_region("Face_BBoxes"), looks_like_region("caption")
    (True, False)
    """
    return bool(_tokens(name) & _LIKE_REGIONS)


def looks_like_labels(name: str) -> bool:
    """As `looks_like_region`, or a class."""
    return bool(_tokens(name) & (_LIKE_REGIONS | _CLASSES))


def _tokens(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.split(r"[^a-z0-9]+", spaced.casefold())
    return {name.casefold(), *words, "".join(words)}
