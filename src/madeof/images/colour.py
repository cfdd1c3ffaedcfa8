"""Embedded colour profiles: pixels of Display P3, Adobe RGB and the like -> sRGB, which the model was trained on."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_srgb(pixels: NDArray[np.uint8], profile: bytes | None) -> NDArray[np.uint8]:
    """Convert (H, W, 3) uint8 RGB by an ICC profile; themselves where that is sRGB, none of RGB, or broken."""
    transform = _transform(profile) if profile else None
    if transform is None:
        return pixels
    from PIL import Image, ImageCms

    return np.array(ImageCms.applyTransform(Image.fromarray(pixels), transform))


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes) -> Any:
    try:
        from PIL import ImageCms

        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != "RGB" or "srgb" in (given.profile.profile_description or "").lower():
            return None
        relative = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), "RGB", "RGB", renderingIntent=relative)
    except Exception:  # a broken profile says nothing about the pixels
        return None
