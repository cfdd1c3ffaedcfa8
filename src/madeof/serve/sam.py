"""Segment Anything (SAM) as the click of the page: two ONNX files that the user points to, run by ONNX Runtime.

The encoder sees a photo once, at its first click; the decoder answers each click in some ten milliseconds. The files
themselves are not ours; `sam_contracts` lists the supported ones.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.regions.region import Region
from madeof.serve.jobs import holding
from madeof.serve.sam_contracts import Pair, open_pair

_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)  # of all of them: ImageNet's, of values 0 to 255
_STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)
_PIXELS_AT_ONCE = 4_000_000  # of a mask while it is enlarged, in float


class Sam:
    """SAM, tried once on a grey picture, so that files that cannot work are refused at the start.

    Args:
        paths: the encoder and the decoder, or the folder of the two.
        threads: of ONNX Runtime; the encoder takes one for each core, for only one photo is encoded at a time.

    Raises:
        ModelError: they are not there, are damaged, or are of a kind that is not understood.
    """

    nothing = "SAM finds nothing at these points; expected a point on something that stands out: click elsewhere"

    def __init__(self, paths: Sequence[str | Path], *, threads: int = 0) -> None:
        self._pair = open_pair(paths, threads)
        self._lock = threading.Lock()  # an encoding takes a gigabyte and all cores: one at a time
        self.name = f"SAM ({self._pair.contract.name})"
        started = time.monotonic()
        grey = np.full((3, 4, 3), 128, dtype=np.uint8)
        self.prepare(grey, lambda: None).find([(2, 1)], [], 0, (3, 4))
        self.seconds = time.monotonic() - started
        """How long the trial took: about as long as the first click on a photo."""

    def prepare(self, pixels: NDArray[np.uint8], check: Callable[[], None]) -> SamPhoto:
        """Encode a photo, (h, w, 3) uint8 RGB; see `select.Selector`."""
        pair = self._pair
        height, width = pixels.shape[:2]
        scale = pair.side / max(height, width)
        inner = (pair.side, pair.side) if pair.contract.stretched else (_scaled(height, scale), _scaled(width, scale))
        small = Image.fromarray(pixels).resize((inner[1], inner[0]), Image.Resampling.BILINEAR)
        values = np.asarray(small, dtype=np.float32)
        if not pair.raw:
            values = (values - _MEAN) / _STD
            padded = np.zeros((1, 3, pair.side, pair.side), dtype=np.float32)
            padded[0, :, : inner[0], : inner[1]] = values.transpose(2, 0, 1)
            values = padded
        with holding(self._lock, check):
            return SamPhoto(pair, pair.encode(values), inner)


@dataclass(frozen=True, eq=False)
class SamPhoto:
    """A photo as SAM sees it; see `select.Prepared`."""

    pair: Pair
    embeddings: dict[str, NDArray[np.float32]]
    """Encoder outputs, by the decoder's input names."""
    inner: tuple[int, int]
    """(height, width) of the photo in the square that the encoder saw, upper left."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds."""
        return sum(array.nbytes for array in self.embeddings.values())

    def find(
        self,
        points: Sequence[tuple[float, float]],
        outside: Sequence[tuple[float, float]],
        size: int,
        photo_size: tuple[int, int],
    ) -> Region | None:
        """See `select.Prepared`; where SAM offers several masks, `size` goes through them by their area.

        Raises:
            ModelError: what the decoder gives is not what was expected.
        """
        scale = np.array([self.inner[1] / photo_size[1], self.inner[0] / photo_size[0]])
        # Our pixels begin at whole numbers, those of SAM half a pixel later.
        places = (np.array([*points, *outside], dtype=np.float64) * scale - 0.5).astype(np.float32)
        labels = np.array([1] * len(points) + [0] * len(outside), dtype=np.float32)
        logits, scores = self.pair.decode(self.embeddings, places, labels, self.inner)
        side = self.pair.side
        part = logits.shape[1] * self.inner[0] / side, logits.shape[2] * self.inner[1] / side
        chosen = logits[_choice(logits, scores, part, len(places), size)]
        return _region(chosen, part, photo_size)


def _scaled(length: int, scale: float) -> int:
    """As SAM's own code rounds it."""
    return max(1, int(length * scale + 0.5))


def _choice(
    logits: NDArray[np.float32], scores: NDArray[np.float32], part: tuple[float, float], points: int, size: int
) -> int:
    """Which of the masks, (M, h, w) logits, is meant.

    SAM's decoder makes four masks: one for many points, and three (of a part, of a thing, of all that it is in) for the
    one point that could mean each of them. Exports have all four, the three, or one that was chosen already.
    """
    first = 0
    if len(scores) == 4:
        if points > 1 and not size:
            return 0
        first = 1
    best = first + int(scores[first:].argmax())
    if not size:
        return best
    rows, columns = (max(1, round(length)) for length in part)
    areas = (logits[first:, :rows, :columns] > 0).sum(axis=(1, 2))
    order = (first + np.argsort(areas, kind="stable")).tolist()
    place = min(max(order.index(best) + size, 0), len(order) - 1)
    return int(order[place])


def _region(logits: NDArray[np.float32], part: tuple[float, float], photo_size: tuple[int, int]) -> Region | None:
    """Mask of logits (h, w) above 0; the photo is their upper left `part`. None if empty."""
    height, width = photo_size
    down, across = part[0] / height, part[1] / width
    spans = []
    for axis, length, scale in ((1, height, down), (0, width, across)):
        places = np.flatnonzero((logits > 0).any(axis=axis))
        if not len(places):
            return None
        spans.append((max(0, math.floor((places[0] - 1) / scale)), min(length, math.ceil((places[-1] + 2) / scale))))
    (top, bottom), (left, right) = spans
    if top >= bottom or left >= right:
        return None  # all of it lies where the photo is not
    mask = np.empty((bottom - top, right - left), dtype=np.bool_)
    source = Image.fromarray(logits)
    step = max(1, _PIXELS_AT_ONCE // (right - left))
    for row in range(top, bottom, step):  # in bands: in float all of a large photo would be 400 MB
        end = min(row + step, bottom)
        box = (left * across, row * down, min(right * across, logits.shape[1]), min(end * down, logits.shape[0]))
        band = source.resize((right - left, end - row), Image.Resampling.BILINEAR, box=box)
        mask[row - top : end - top] = np.asarray(band) > 0
    return Region("selection", mask, corner=(left, top), photo_size=photo_size).tight() if mask.any() else None
