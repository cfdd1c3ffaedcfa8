"""Types of masks, boxes and label maps in public functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

from numpy.typing import NDArray

from madeof.regions.region import Region

if TYPE_CHECKING:
    from PIL import Image


class SupportsArray(Protocol):
    """An array or a tensor of any library: NumPy takes it."""

    def __array__(self) -> NDArray[Any]:
        """The array."""
        ...


class SupportsDetections(Protocol):
    """As supervision's `Detections`."""

    xyxy: Any
    mask: Any
    class_id: Any


class SupportsMasks(Protocol):
    """As a detector's result, with `masks.data`."""

    boxes: Any
    masks: Any


MaskLike: TypeAlias = Union[
    Region, NDArray[Any], SupportsArray, "Image.Image", str, Path, bytes, Mapping[str, Any],
    SupportsDetections, SupportsMasks, Iterable["MaskLike"],
]  # fmt: skip
"""Anything that `as_regions` takes: a mask, several, or a library's result with masks."""

BoxesLike: TypeAlias = NDArray[Any] | SupportsArray | Iterable[Any]
"""Boxes (N, 4), or one of four numbers: x0, y0, x1, y1 in pixels."""

LabelMapLike: TypeAlias = Union[NDArray[Any], SupportsArray, "Image.Image", str, Path, bytes, Iterable[Any]]
"""A label map: an array or a tensor (H, W), nested lists, a PIL image, a file or its bytes."""
