"""Pictures of answers: a photo with its regions named, and a dense map in the colours of its materials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from madeof.images.photo import Photo
from madeof.inference.photo_result import label
from madeof.inference.prediction import Prediction
from madeof.regions.components import at_size
from madeof.regions.region import Region

if TYPE_CHECKING:
    from PIL import Image

    from madeof.inference.segmentation import MaterialMap, MaterialShare

_FILL = 0.5  # of a material's colour over the photo
_COLOURS = 7  # of the picture; where there are more materials, those with the least area share the last
_GREY = 235  # of a map without its photo
_MAP_FILL = 0.9


def draw_answers(
    photo: Photo, regions: Sequence[Region], predictions: Sequence[Prediction], *, max_side: int
) -> Image.Image:
    """A photo, be it `reduced`, with its regions outlined and each one's answer; RGB, at most `max_side` pixels."""
    from madeof.viz import overlay

    named = [(region, label(one)) for region, one in zip(regions, predictions, strict=True)]
    return overlay.draw(photo.pixels, named, max_side=max_side, mask_size=photo.size)


def draw_map(found: MaterialMap, pixels: NDArray[np.uint8], *, fill: float = _FILL) -> Image.Image:
    """The photo, (h, w, 3) uint8 RGB at any size, under the colours of its materials, each with its share; RGB."""
    from madeof.viz import overlay

    labels = at_size(found.labels(), (pixels.shape[0], pixels.shape[1]))
    groups: list[tuple[str, tuple[MaterialShare, ...]]] = [(one.material, (one,)) for one in found.shares]
    if len(groups) > _COLOURS:
        rest = found.shares[_COLOURS - 1 :]
        groups = [*groups[: _COLOURS - 1], (f"{len(rest)} others", rest)]
    regions = []
    for name, shares in groups:
        inside = np.isin(labels, [found.materials.index(one.material) + 1 for one in shares])
        if inside.any():
            regions.append((inside, f"{name} {share_text(sum(one.share for one in shares))}"))
    return overlay.draw(pixels, regions, fill=fill)


def draw_map_alone(found: MaterialMap, *, max_side: int = 768) -> Image.Image:
    """A dense map without its photo, the materials' colours on grey; RGB, at most `max_side` pixels."""
    height, width = found.size
    scale = min(1.0, max_side / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return draw_map(found, np.full((*size, 3), _GREY, dtype=np.uint8), fill=_MAP_FILL)


def share_text(share: float) -> str:
    """A share of a photo for a label."""
    return "<1%" if share < 0.005 else f"{share:.0%}"
