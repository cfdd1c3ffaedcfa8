"""Attribution of a prediction: to the region, the ring around it and the background, and a saliency map."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import percent, show
from madeof.errors import InputError
from madeof.images.photo import ImageLike, Photo
from madeof.inference.occlusion import FILLINGS, Coverage, Filling, divide, remove, shrink
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Encoded, Predictor
from madeof.inference.saliency import map_heat
from madeof.inference.zoom_looks import inside, read_window
from madeof.regions.as_regions import one_region
from madeof.regions.mask_like import MaskLike
from madeof.regions.region import Region

LOOKS = 24
"""How many altered photos the heat map takes."""

PARTS = ("inside", "ring", "background")
SHARE_LOOKS = 13
"""How many altered photos the shares take, at most: each set of parts, with both fillings."""

_HALF = 0.5
_LEAST = 1e-9  # score that a logarithm is taken of
_NO_DROP = 0.01  # of log-odds: what falls by less rests on none of the parts

Parts = list[Coverage]
"""How much of each pixel belongs to a part: in the whole photo, and in the window, where there is one."""

Progress = Callable[[int, int], None]
"""Progress callback: (done, at most)."""


@dataclass(frozen=True)
class Part:
    """A part of the photo, and what the answer owes to it."""

    area: float
    """Its share of the photo, in [0, 1]."""
    share: float
    """Its share of the answer, in [0, 1]: its drop among the drops above 0."""
    drop: float
    """The log-odds of the answer that go when it is taken away; the mean over the orders in which the three can be.
    Below 0 it speaks against the answer."""
    material: str
    """Material predicted without this part."""
    score: float
    """Score of the original answer without this part."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Attribution of the prediction for one region."""

    prediction: Prediction
    """The answer."""
    parts: dict[str, Part]
    """The three parts of the photo: "inside", "ring" and "background"."""
    alone_material: str
    """Material predicted from the inside alone, with ring and background removed."""
    alone_score: float
    """Score of the original answer from the inside alone."""
    empty_score: float
    """Score of the original answer with the whole photo removed (the baseline)."""
    heat: NDArray[np.float32] | None = field(repr=False)
    """(H', W') float32, cells over the photo: the log-odds of the answer that rest on each. None if not asked for."""

    @property
    def shares(self) -> dict[str, float]:
        """The share of each part in the answer, in [0, 1].

        They add up to 1, or are all 0 where the score does not fall, whatever is taken away.
        """
        return {name: part.share for name, part in self.parts.items()}

    @property
    def warning(self) -> str | None:
        """That the context decided, and how that is seen; None where it did not.

        The rule: by its inside alone the region is called something else, or ring and background have more than half
        of the answer.
        """
        if self.alone_material != self.prediction.material:
            return (
                f"the context decided: by its inside alone the region is {self.alone_material}, "
                f"not {self.prediction.material}"
            )
        context = self.shares["ring"] + self.shares["background"]
        if context > _HALF:
            return f"the context decided: {context:.0%} of the answer comes from around the region"
        return None

    def to_dict(self) -> dict[str, Any]:
        """JSON fields of `madeof explain --json`, besides the prediction."""
        result: dict[str, Any] = {
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "parts": {
                name: {
                    "area": round(part.area, 6),
                    "drop": round(part.drop, 4),
                    "without": {"material": part.material, "score": round(part.score, 6)},
                }
                for name, part in self.parts.items()
            },
            "inside_alone": {"material": self.alone_material, "score": round(self.alone_score, 6)},
            "empty_score": round(self.empty_score, 6),
            "warning": self.warning,
        }
        if self.heat is not None:
            result["heat"] = [[float(f"{value:.4g}") for value in row] for row in self.heat.tolist()]
        return result

    def text(self) -> str:
        """Three lines or four for people."""
        shares = "   ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        answer, inside = self.prediction.material, self.parts["inside"]
        lines = [
            shares if any(self.shares.values()) else "the score does not fall, whatever is taken away",
            f"by its inside alone: {called(self.alone_material, self.alone_score, answer)}",
            f"without its inside: {called(inside.material, inside.score, answer)}",
        ]
        return "\n".join([*lines, *([f"! {show(self.warning)}"] if self.warning else [])])


def called(material: str, score: float, answer: str) -> str:
    """The predicted material, with the original answer's score if that is another one."""
    if material == answer:
        return f"{show(material)} {percent(score)}"
    return f"{show(material)}; {show(answer)} has {percent(score)}"


def explain(
    predictor: Predictor,
    image: ImageLike,
    mask: MaskLike,
    *,
    looks: int = LOOKS,
    fillings: Sequence[Filling] = FILLINGS,
    progress: Progress | None = None,
) -> Explanation:
    """Find out where the answer for one region of one photo came from, by taking parts of the photo away.

    Args:
        predictor: its current photo is left as it is.
        image: what `Predictor.set_image` takes.
        mask: what `classify` takes.
        looks: how many altered photos the heat map may take; 0 leaves it out. The shares take up to 13 more.
        fillings: what is put in the place of a part for the shares, one or both; see `madeof.inference.occlusion`.
        progress: progress callback.

    Raises:
        PhotoError: the photo cannot be read.
        RegionError: the region cannot be used.
        InputError: `looks` is below 0.
    """
    if looks < 0:
        raise InputError(f"looks is {looks}; expected 0 (no heat map) or more")
    if not fillings or not set(fillings) <= set(FILLINGS):
        raise InputError(f"fillings is {fillings!r}; expected one or both of {', '.join(FILLINGS)}")
    encoded = predictor.encode(image)
    photo = encoded.photo
    region = one_region(mask, photo.size, raw_size=photo.raw_size)
    prediction = predictor.predict(region, encoded=encoded)[0]
    eye = _Eye(predictor, encoded, region, SHARE_LOOKS + looks, progress)
    answer = int(prediction.scores.argmax())
    coverage = eye.divide()
    seen = _take_away(eye, coverage, fillings, prediction.scores if eye.photos[0] is photo else None)
    heat = None
    if looks:
        whole = _log_odds(seen[frozenset(PARTS)], answer)

        def cost(rows: slice, columns: slice) -> float:
            return whole - _log_odds(eye.without(eye.cell(rows, columns), ["grey"]), answer)

        heat = map_heat(cost, eye.photos[0].pixels.shape[:2], looks)
    alone, empty = seen[frozenset(["inside"])], seen[frozenset()]
    return Explanation(
        prediction,
        _parts(prediction.materials, answer, {name: part[0] for name, part in coverage.items()}, seen),
        alone_material=_name(alone, prediction.materials),
        alone_score=float(alone[answer]),
        empty_score=float(empty[answer]),
        heat=heat,
    )


class _Eye:
    """Shows altered photos to the model and says what it calls the region.

    Where the region is looked at twice, both looks are altered: `photos` are the whole photo and the window.
    """

    def __init__(
        self, predictor: Predictor, encoded: Encoded, region: Region, most: int, progress: Progress | None
    ) -> None:
        photo = encoded.photo
        self.photos = [shrink(photo, predictor.record.preprocessing)]
        self._predictor, self._region = predictor, region
        self._most, self._progress, self._done = most, progress, 0
        self._window, sights = predictor.window_of(region, encoded)
        if self._window is not None:
            pixels = read_window(photo, self._window, sights)
            self.photos.append(Photo(pixels, photo.name, (pixels.shape[0], pixels.shape[1])))

    def divide(self) -> dict[str, Parts]:
        """The three parts of the photo."""
        found = [divide(self._region, self.photos[0].pixels.shape[:2])]
        if self._window is not None:
            part = inside(self._region, self._window, self.photos[0].size)
            found.append(divide(part, self.photos[1].pixels.shape[:2], self._window.level))
        return {name: [coverage[name] for coverage in found] for name in PARTS}

    def cell(self, rows: slice, columns: slice) -> Parts:
        """A cell of the photo, in pixels of the first look."""
        first = np.zeros(self.photos[0].pixels.shape[:2], dtype=np.float32)
        first[rows, columns] = 1
        if self._window is None:
            return [first]
        close = np.zeros(self.photos[1].pixels.shape[:2], dtype=np.float32)
        starts, sides = (self._window.top, self._window.left), (self._window.height, self._window.width)
        places = [
            slice(*(max(0, round((edge * full / own - start) * length / side)) for edge in (cell.start, cell.stop)))
            for cell, own, full, start, side, length in zip(
                (rows, columns), first.shape, self.photos[0].size, starts, sides, close.shape, strict=True
            )
        ]
        close[places[0], places[1]] = 1
        return [first, close]

    def without(self, part: Parts, fillings: Sequence[Filling]) -> NDArray[np.float64]:
        """The scores without a part; of several fillings the normalised geometric mean, as that of an ensemble."""
        grey = self._predictor.record.preprocessing.mean
        logs = []
        for filling in fillings:
            altered = [remove(photo, one, filling, grey) for photo, one in zip(self.photos, part, strict=True)]
            logs.append(np.log(np.maximum(self.look(altered), _LEAST)))
        values = np.exp(np.mean(logs, axis=0))
        return np.asarray(values / values.sum())

    def look(self, photos: Sequence[Photo]) -> NDArray[np.float64]:
        """The scores for a photo and its window, (C,), or (C + 1,) with the background's where there is one."""
        encoded = self._predictor.encode(photos[0])
        if self._window is not None:
            self._predictor.encode_window(encoded, self._window, photos[1].pixels)
        scores = self.complete(self._predictor.scores([self._region], encoded=encoded)[0])
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._most)
        return scores

    def complete(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of the materials -> scores that add up to 1."""
        values = scores.astype(np.float64)
        return values if self._predictor.record.background is None else np.append(values, max(0.0, 1 - values.sum()))


def _take_away(
    eye: _Eye, coverage: dict[str, Parts], fillings: Sequence[Filling], scores: NDArray[np.float32] | None
) -> dict[frozenset[str], NDArray[np.float64]]:
    """The scores with each set of parts kept; `scores` are those of the whole photo where they are known."""
    there = frozenset(name for name in PARTS if coverage[name][0].any())
    seen: dict[frozenset[str], NDArray[np.float64]] = {}
    for kept in _sets(there):
        if kept == there:
            seen[kept] = eye.look(eye.photos) if scores is None else eye.complete(scores)
            continue
        looks = zip(*(coverage[name] for name in there - kept), strict=True)
        part = [np.sum(one, axis=0) for one in looks]
        seen[kept] = eye.without(part, fillings if kept else ["grey"])  # a smooth filling has nothing to go on with
    return {kept: seen[kept & there] for kept in _sets(PARTS)}


def _parts(
    materials: Sequence[str],
    answer: int,
    coverage: dict[str, Coverage],
    seen: dict[frozenset[str], NDArray[np.float64]],
) -> dict[str, Part]:
    """Contribution of each part to the answer: Shapley values (Shapley 1953) of the three, in log-odds.

    To take one part away and leave the others is not enough: where inside and context both suffice, the score falls
    with neither. The mean over all orders counts such a part as well, and the three add up to what all of them do.
    """
    drops = dict.fromkeys(PARTS, 0.0)
    orders = list(itertools.permutations(PARTS))
    for order in orders:
        for place, name in enumerate(order):
            before, after = (_log_odds(seen[frozenset(order[first:])], answer) for first in (place, place + 1))
            drops[name] += (before - after) / len(orders)
    total = sum(max(0.0, drop) for drop in drops.values())
    result = {}
    for name in PARTS:
        without = seen[frozenset(PARTS) - {name}]
        result[name] = Part(
            area=float(coverage[name].mean(dtype=np.float64)),
            share=max(0.0, drops[name]) / total if total > _NO_DROP else 0.0,
            drop=drops[name],
            material=_name(without, materials),
            score=float(without[answer]),
        )
    return result


def _sets(names: Collection[str]) -> list[frozenset[str]]:
    """All sets of the names, from none to all."""
    return [frozenset(some) for size in range(len(names) + 1) for some in itertools.combinations(sorted(names), size)]


def _log_odds(scores: NDArray[np.float64], answer: int) -> float:
    others = np.delete(scores, answer).sum()
    return float(np.log(max(scores[answer], _LEAST)) - np.log(max(others, _LEAST)))


def _name(scores: NDArray[np.float64], materials: Sequence[str]) -> str:
    return materials[int(scores[: len(materials)].argmax())]
