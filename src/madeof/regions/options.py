"""How photos and masks are read: one set of options for every door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading photos and masks."""

    max_megapixels: float = 100.0
    """A larger photo, mask or label map is refused before it is decoded."""
    strict: bool = False
    """Damaged JPEG data are an error instead of a warning."""
    resize_masks: bool = False
    """Resize masks and label maps of another size to the photo's, nearest."""
    allow_jpeg_masks: bool = False
    """Take masks saved as JPEG, halved at 128."""
    min_area: int = 1
    """Smaller components of label maps and annotated regions are left out, in pixels."""
    soft_masks: bool = False
    """Masks of 8-bit grey are soft, value / 255."""


DEFAULT = ReadOptions()
