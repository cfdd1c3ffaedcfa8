"""Values of annotation files, checked: each is what its format says, or there is an error that says what it is."""

from __future__ import annotations

import json
import math

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief
from madeof.errors import DatasetError
from madeof.materials.lists import key

MATERIAL = "material"
"""The name of the attribute that is a region's material, whatever its label is."""

UNLABELLED = {"ignore", "ignored", "background", "unlabeled", "unlabelled", "void", "no label", "not labeled"}
"""Labels of what has no material; see `is_material`."""

_NOT_SET = {"undefined", "__undefined__", "none"}  # the values that CVAT and others give to what nobody chose


def number(value: object, what: str) -> float:
    """A finite number, or the text of one.

    Raises:
        DatasetError: it is something else.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # anything is tried
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DatasetError(f"{what} is {brief(value)}; expected a number")
    return found


def whole(value: object, what: str, least: int = 0) -> int:
    """A whole number from `least` on, or the text of one.

    Raises:
        DatasetError: it is something else.
    """
    found = number(value, what)
    if found != int(found) or found < least:
        raise DatasetError(f"{what} is {brief(value)}; expected a whole number from {least}")
    return int(found)


def name(value: object, what: str = "label", *, blank: bool = False) -> str:
    """A name, without the blanks around it; "" for one that is missing or blank, if it may be.

    Raises:
        DatasetError: it is missing, blank or no text.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if blank:
            return ""
        raise DatasetError(f"the {what} is missing; expected the name of a material")
    if not isinstance(value, str):
        raise DatasetError(f"the {what} is {brief(value)}; expected the name of a material")
    return value.strip()


def label(value: object, attributes: object = None, what: str = "label") -> str:
    """The material of a region: its attribute of that name, else its label; "" where it has neither.

    Args:
        value: the label.
        attributes: an object {name: value}, or a list of objects with name and value; anything else has none.
        what: what to call the label in messages.

    Raises:
        DatasetError: what is there is no text, or is several.
    """
    if isinstance(attributes, list):
        pairs = [(one.get("name"), one.get("value")) for one in attributes if isinstance(one, dict)]
    else:
        pairs = list(attributes.items()) if isinstance(attributes, dict) else []
    for mark, found in pairs:
        if isinstance(mark, str) and key(mark) == MATERIAL:
            text = name(
                found[0] if isinstance(found, list) and len(found) == 1 else found or " ", "material", blank=True
            )
            if text and text.casefold() not in _NOT_SET:
                return text
    return name(value, what, blank=True)


def is_material(text: str) -> bool:
    """Whether a label may be a material's, rather than a word for what has none.

    >>> is_material("Wood"), is_material("__ignore__"), is_material("Unlabeled")
    (True, False, False)
    """
    return key(text).strip("_ ") not in UNLABELLED


def outline(points: object, least: int = 3) -> NDArray[np.float64]:
    """Points x, y of an outline, (n, 2), from a list of pairs.

    Raises:
        DatasetError: they are fewer than `least`, or not pairs of finite numbers.
    """
    try:
        found = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.zeros(0)
    if found.ndim == 2 and found.shape[1] == 2 and np.isfinite(found).all():
        if len(found) >= least:
            return found
        raise DatasetError(f"it has {len(found)} points; expected {least} or more")
    if isinstance(points, list) and not points:
        raise DatasetError(f"it has no points; expected {least} or more")
    raise DatasetError(f"its points are {brief(points)}; expected pairs of numbers x, y")


def size_of(height: object, width: object) -> tuple[int, int] | None:
    """The (height, width) that a file states for a photo; None where it states none, or 0, as some tools do.

    Raises:
        DatasetError: one of them is no whole number.
    """
    if height in (None, "") and width in (None, ""):
        return None
    found = whole(height, "the photo's height"), whole(width, "the photo's width")
    return found if all(found) else None


def json_bytes(value: object, *, indent: int | None = None) -> bytes:
    """`value` as JSON in UTF-8. Names of files that are not UTF-8 are escaped, so that they are read back as they were.

    Raises:
        ValueError: it holds NaN or infinity, which JSON cannot.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent) + "\n"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return (json.dumps(value, allow_nan=False, indent=indent) + "\n").encode("ascii")
