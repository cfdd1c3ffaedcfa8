"""Dense maps: what every pixel of a photo is made of (semantic segmentation by materials).

The photo is cut into superpixels, those are joined to ever larger segments of like pixels (`patch_tree`), and the net
is asked for the segments of several scales: the photo is encoded once, so that a hundred segments cost little. Large
segments tell it more, small ones mix fewer materials; each superpixel gets the mean of what its segments are called, in
which those that the net is sure of count more. Or the segments are given, and each is asked for by itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.errors import InputError, RegionError
from madeof.images.photo import ImageLike
from madeof.inference.predictor import Encoded, Predictor
from madeof.inference.region_picture import draw_map_alone, share_text
from madeof.regions.as_regions import as_regions
from madeof.regions.components import at_size, by_values, regions_from_label_map
from madeof.regions.mask_like import MaskLike
from madeof.regions.patch_tree import join
from madeof.regions.region import Region, check_size
from madeof.regions.superpixels import find_patches

SCALES = (8, 16, 32, 64, 128)
"""How many segments the photo has at each scale."""

_SIDE = 512  # pixels of the longer side at which superpixels are found
_SURE = 0.1  # nats; the weight of an answer is 1 / (this + its entropy)

Segmentation: TypeAlias = Literal["superpixels"] | MaskLike
"""Source of the segments: "superpixels", a label map (H, W), or anything that `madeof.regions.as_regions` takes."""


class MaterialShare(NamedTuple):
    """How much of a photo is of a material."""

    material: str
    share: float
    """Fraction of the photo's area, in [0, 1]."""
    score: float
    """The mean over its pixels."""


@dataclass(frozen=True, eq=False, repr=False)
class MaterialMap:
    """Materials of the segments of a photo. Segments do not overlap."""

    materials: tuple[str, ...]
    """The model's C materials."""
    segments: NDArray[np.int32] = field(repr=False)
    """(h, w): the segment of each pixel, from 0, or -1 where there is none. Smaller than the photo where they are
    superpixels."""
    scores: NDArray[np.float32] = field(repr=False)
    """(n, C): the probability of each material in each segment, in [0, 1]."""
    size: tuple[int, int]
    """(height, width) of the photo."""
    min_score: float = 0.0
    """Segments whose best score is lower are not labelled."""

    def __repr__(self) -> str:
        height, width = self.size
        named = join_some((f"{show(one.material)} {share_text(one.share)}" for one in self.shares), most=4)
        return f"MaterialMap({width} x {height}: {named or 'nothing labelled'})"

    def _repr_png_(self) -> bytes:
        """The picture that notebooks show: the materials' colours, without the photo."""
        stream = io.BytesIO()
        draw_map_alone(self).save(stream, "PNG")
        return stream.getvalue()

    def labels(self) -> NDArray[Any]:
        """The label map, (H, W) uint8: k + 1 where the pixel is of `materials[k]`, 0 where it is not labelled.

        With more than 255 materials it is uint16.
        """
        return at_size(self._answers[self.segments], self.size)

    def score_map(self) -> NDArray[np.float32]:
        """The score of each pixel's likeliest material, (H, W) float32 in [0, 1], labelled or not; 0 in no segment."""
        best = np.append(self.scores.max(axis=1), np.float32(0))
        return at_size(best[self.segments], self.size)

    def score_of(self, material: str) -> NDArray[np.float32]:
        """The score of one material at each pixel, (H, W) float32 in [0, 1]; 0 in no segment.

        Raises:
            InputError: the model does not know it.
        """
        if material not in self.materials:
            raise InputError(f"the model has no material {material!r}; expected one of {', '.join(self.materials)}")
        column = np.append(self.scores[:, self.materials.index(material)], np.float32(0))
        return at_size(column[self.segments], self.size)

    @cached_property
    def shares(self) -> tuple[MaterialShare, ...]:
        """The materials that are on the map, the one with the most area first."""
        areas, best = self._areas, self.scores.max(axis=1)
        found = []
        for label in np.unique(self._answers[:-1]).tolist():
            own = (self._answers[:-1] == label) & (areas > 0)
            if label and own.any():
                area = areas[own].sum()
                score = float((areas[own] * best[own]).sum() / area)
                found.append(MaterialShare(self.materials[label - 1], float(area / self.segments.size), score))
        return tuple(sorted(found, key=lambda one: -one.share))

    @property
    def labelled(self) -> float:
        """The share of the photo that is labelled, in [0, 1]."""
        return float(self._areas[self._answers[:-1] > 0].sum() / self.segments.size)

    def to_dict(self) -> dict[str, Any]:
        """JSON fields of `madeof map --json`, besides photo, model and files."""
        rows = [
            {"material": one.material, "share": round(one.share, 6), "score": round(one.score, 6)}
            for one in self.shares
        ]
        return {"segments": len(self.scores), "labelled": round(self.labelled, 6), "materials": rows}

    @cached_property
    def _answers(self) -> NDArray[Any]:
        """(n + 1,): the label of each segment, and 0 for none at all, which is the last and so has the index -1."""
        wide = np.uint8 if len(self.materials) < 256 else np.uint16
        answers = np.where(self.scores.max(axis=1) >= self.min_score, self.scores.argmax(axis=1) + 1, 0)
        return np.append(answers, 0).astype(wide)

    @cached_property
    def _areas(self) -> NDArray[np.int64]:
        return np.bincount(self.segments.ravel() + 1, minlength=len(self.scores) + 1)[1:]


def map_materials(
    predictor: Predictor,
    image: ImageLike | Encoded,
    regions: Segmentation = "superpixels",
    *,
    min_score: float = 0.0,
    scales: Sequence[int] = SCALES,
    by_value: bool = False,
    min_area: int = 1,
) -> MaterialMap:
    """Find out what every pixel of a photo is made of.

    Args:
        predictor: its current photo is left as it is.
        image: what `Predictor.encode` takes, or what it gave.
        regions: "superpixels"; or a label map, (H, W) integers, where each 8-connected component of a nonzero value is
            a segment; or regions or masks, the smaller in front of the larger.
        min_score: in [0, 1]; segments with a lower score are not labelled.
        scales: about how many segments there are at each scale, of superpixels.
        by_value: take all pixels of a value of the label map for one segment.
        min_area: in pixels; smaller segments of a label map are left out.

    Raises:
        PhotoError: the photo cannot be read.
        RegionError: the segments cannot be used, or there are none.
        InputError: a scale or a score that cannot be.
    """
    if not 0 <= min_score <= 1:
        raise InputError(f"min_score is {min_score}; expected a score from 0 to 1")
    if not scales or not all(1 <= scale <= 4096 for scale in scales):
        raise InputError(f"scales is {tuple(scales)}; expected at least one number of segments, each from 1 to 4096")
    encoded = image if isinstance(image, Encoded) else predictor.encode(image)
    if isinstance(regions, str):
        if regions != "superpixels":
            raise InputError(f"regions is {regions!r}; expected 'superpixels', a label map, or a list of regions")
        segments, scores = _by_superpixels(predictor, encoded, scales)
    else:
        given = _given(regions, encoded.photo.size, by_value, min_area)
        segments, scores = _painted(given, encoded.photo.size), predictor.scores(given, encoded=encoded)
    return MaterialMap(predictor.materials, segments, scores, encoded.photo.size, min_score)


def merge(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The answers of several scales as one: (S, n, C) -> (n, C), their mean, in which sure ones count more.

    An answer counts 1 / (0.1 + its entropy). Of all that was tried this gives the best calibrated scores, and labels
    as good as the best's: docs/research/maps.md.
    """
    entropy = -(scores * np.log(scores, out=np.zeros_like(scores), where=scores > 0)).sum(axis=2, keepdims=True)
    weights = 1 / (_SURE + np.maximum(entropy, 0))
    merged: NDArray[np.float32] = ((scores * weights).sum(axis=0) / weights.sum(axis=0)).astype(np.float32)
    return merged


def _by_superpixels(
    predictor: Predictor, encoded: Encoded, scales: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The superpixel of each pixel of a smaller copy of the photo, and the scores of each."""
    from PIL import Image

    height, width = encoded.photo.size
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = Image.fromarray(encoded.photo.pixels).resize(size[::-1], Image.Resampling.BOX, reducing_gap=3.0)
    patches = find_patches(np.asarray(small), max(512, 4 * max(scales)))
    tree = join(patches)
    cuts = np.stack([tree.cut(scale) for scale in scales])  # (S, n)
    nodes, places = np.unique(cuts, return_inverse=True)  # a segment may be one of several scales: it is asked once
    regions = dict(_regions(patches.labels, cuts))
    scores = predictor.scores([regions[node] for node in nodes.tolist()], encoded=encoded, size=size)
    return patches.labels.astype(np.int32), merge(scores[places.reshape(cuts.shape)])


def _regions(labels: NDArray[np.int64], cuts: NDArray[np.int64]) -> Iterator[tuple[int, Region]]:
    """Each node of the cuts, (S, n), with its region of the superpixels' picture."""
    seen: set[int] = set()
    size = labels.shape[0], labels.shape[1]
    rows, columns = np.ogrid[: size[0], : size[1]]
    for cut in cuts:
        nodes, which = np.unique(cut, return_inverse=True)
        segment = which[labels]
        low = np.full((2, len(nodes)), max(labels.shape), dtype=np.int64)
        high = np.zeros((2, len(nodes)), dtype=np.int64)
        for axis, lines in enumerate((rows, columns)):
            np.minimum.at(low[axis], segment, np.broadcast_to(lines, labels.shape))
            np.maximum.at(high[axis], segment, np.broadcast_to(lines + 1, labels.shape))
        for number, node in enumerate(nodes.tolist()):
            if node not in seen:
                seen.add(node)
                (top, left), (bottom, right) = low[:, number], high[:, number]
                inside = segment[top:bottom, left:right] == number
                yield node, Region(f"segment {node}", inside, corner=(int(left), int(top)), photo_size=size)


def _given(regions: MaskLike, size: tuple[int, int], by_value: bool, min_area: int) -> list[Region]:
    """The regions of a photo of `size`, checked."""
    if isinstance(regions, np.ndarray) and regions.ndim == 2:
        if regions.dtype.kind not in "iu" or (regions.size and regions.min() < 0):
            raise RegionError(
                f"the label map has the dtype {regions.dtype}; expected integers, 0 (unlabelled) and above"
            )
        check_size(regions.shape, size, "the label map")
        found = by_values(regions, min_area) if by_value else regions_from_label_map(regions, min_area=min_area)
    else:
        found = as_regions(regions, size)
    if not found:
        raise RegionError(f"no segment of {min_area} pixels or more; expected at least one")
    return found


def _painted(regions: Sequence[Region], size: tuple[int, int]) -> NDArray[np.int32]:
    """The number of the region of each pixel, the smaller on the larger, and -1 where there is none."""
    painted = np.full(size, -1, dtype=np.int32)
    for number in sorted(range(len(regions)), key=lambda i: -regions[i].area):
        cut, (x, y) = regions[number].cut, regions[number].corner
        part = painted[y : y + cut.shape[0], x : x + cut.shape[1]]
        part[cut > 0.5 if cut.dtype != np.bool_ else cut] = number
    return painted
