"""What several tests of images/photo share."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from madeof.errors import PhotoError
from madeof.images.photo import read_photo

FORMATS = {
    "png": {},
    "jpeg": {"quality": 90},
    "webp": {"lossless": True},
    "tiff": {},
    "bmp": {},
    "gif": {},
}


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth, with a different colour in each corner."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], axis=2).astype(np.uint8)


def refused(source, **options) -> str:
    """The message of the one-line PhotoError that `source` gets."""
    with pytest.raises(PhotoError) as caught:
        read_photo(source, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert "expected" in message
    return message
