"""Photos of requests, encoded."""

from __future__ import annotations

import dataclasses
import math

from madeof.inference.predictor import Encoded
from madeof.model.preprocess import resize_image
from madeof.serve.multipart import Upload
from madeof.serve.service import Service

_PIXELS = 1_000_000  # of a photo that is kept: for finding regions, not for the model


def encode(service: Service, upload: Upload) -> Encoded:
    """Encode a photo, which has the name that its client gave it.

    Raises:
        PhotoError: it cannot be read.
    """
    encoded = service.predictor.encode(upload.data, max_megapixels=service.settings.max_megapixels)
    service.metrics.photos.inc()
    photo = dataclasses.replace(encoded.photo, source=upload.data)  # of which `slim` needs more than of its pixels
    return dataclasses.replace(
        encoded, photo=photo if upload.name is None else dataclasses.replace(photo, name=upload.name)
    )


def slim(encoded: Encoded) -> Encoded:
    """The same with no more than a million pixels of the photo, and its file, from which zoom reads the others."""
    photo = encoded.photo
    height, width = photo.pixels.shape[:2]
    if height * width <= _PIXELS:
        return encoded if photo.reduced else dataclasses.replace(encoded, photo=dataclasses.replace(photo, source=None))
    scale = math.sqrt(_PIXELS / (height * width))
    size = max(1, int(height * scale)), max(1, int(width * scale))
    small = dataclasses.replace(photo, pixels=resize_image(photo.pixels, size), full_size=photo.size)
    return dataclasses.replace(encoded, photo=small)
