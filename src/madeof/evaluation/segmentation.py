"""Dense maps against label maps: how many pixels are called what they are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show, utf8
from madeof.errors import DatasetError, InputError
from madeof.evaluation.result import Failure, percent
from madeof.inference.segmentation import map_materials
from madeof.materials.lists import key, positions
from madeof.metrics.bootstrap import DRAWS, Interval, drawn_sums, middle

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset
    from madeof.datasets.dataset import Sample
    from madeof.inference.predictor import Predictor

_logger = logging.getLogger("madeof")

Labeller = Callable[["Sample"], NDArray[Any]]
"""A photo to its label map, (H, W): k + 1 for the model's material k, 0 for no answer."""


@dataclass(frozen=True)
class PixelFigures:
    """The three usual figures of semantic segmentation, in [0, 1], with their 95% intervals by photo.

    A pixel whose material the model cannot name, or that it does not label, is wrong. None where there is no pixel.
    """

    accuracy: float | None
    """The fraction of labelled pixels that are called what they are."""
    mean_class_accuracy: float | None
    """The mean of that over the materials that occur."""
    mean_iou: float | None
    """The mean over the materials that occur of the intersection over the union (mIoU), among labelled pixels."""
    intervals: tuple[Interval | None, Interval | None, Interval | None]
    """Intervals of the three, in this order; None with fewer than two photos."""


@dataclass(frozen=True, eq=False)
class MapEvaluation:
    """Evaluation of material maps on the labelled pixels of a data set."""

    model: str
    """Name and version."""
    digest: str
    """SHA-256 digest of the data set, in hexadecimal."""
    truth: tuple[str, ...]
    """The model's C materials, then those U of the data set that it cannot name."""
    materials: int
    """C."""
    counts: NDArray[np.int64] = field(repr=False)
    """(P, C + U, 4): of each photo and material the labelled pixels of it, those called so, those rightly called so,
    and those called so that are of a material which the model can name."""
    confusion: NDArray[np.int64] = field(repr=False)
    """(C + U, C + 1): labelled pixels by what they are and what they are called; the last column is no answer."""
    photos: tuple[str, ...]
    """(P,) their names."""
    sources: tuple[str, ...]
    """(P,) where each is from, "" where that is not stated."""
    failures: tuple[Failure, ...] = ()
    """The photos that are in none of the above."""

    @cached_property
    def figures(self) -> PixelFigures:
        """Over all pixels."""
        return _figures(self.counts[:, :, :3])

    @cached_property
    def figures_nameable(self) -> PixelFigures:
        """Over the pixels of the materials that the model can name."""
        return _figures(self.counts[:, : self.materials, [0, 3, 2]])

    @cached_property
    def by_source(self) -> dict[str, PixelFigures]:
        """The figures of each source, the one with the most photos first; empty unless there are several."""
        named = np.array([source or "not stated" for source in self.sources], dtype=np.str_)
        names, counts = np.unique(named, return_counts=True)
        if len(names) < 2:
            return {}
        return {
            str(names[i]): _figures(self.counts[named == names[i], :, :3]) for i in np.argsort(-counts, kind="stable")
        }

    @property
    def pixels(self) -> int:
        """Labelled pixels."""
        return int(self.counts[:, :, 0].sum())

    @property
    def labelled(self) -> float | None:
        """The fraction of them that has an answer."""
        return 1 - float(self.confusion[:, -1].sum()) / self.pixels if self.pixels else None

    @property
    def unpredictable(self) -> dict[str, int]:
        """Each material that the model cannot name, with its pixels, the most frequent first."""
        found = self.counts[:, self.materials :, 0].sum(axis=0).tolist()
        rows = zip(self.truth[self.materials :], found, strict=True)
        return dict(sorted(((name, pixels) for name, pixels in rows if pixels), key=lambda row: -row[1]))

    def summary(self) -> dict[str, Any]:
        """The figures as `madeof evaluate --maps --json` prints them; null where nothing is to be divided by."""
        by_material = {}
        for name, (pixels, called, right, _) in zip(self.truth, self.counts.sum(axis=0).tolist(), strict=True):
            if pixels or called:
                by_material[name] = {
                    "pixels": pixels,
                    "accuracy": right / pixels if pixels else None,
                    "precision": right / called if called else None,
                    "iou": right / (pixels + called - right),
                }
        nameable = self.figures_nameable
        return {
            "pixels": self.pixels,
            **_row(self.figures),
            "labelled": self.labelled,
            "accuracy_nameable": nameable.accuracy,
            "mean_class_accuracy_nameable": nameable.mean_class_accuracy,
            "mean_iou_nameable": nameable.mean_iou,
            "unpredictable": self.unpredictable,
            "by_material": by_material,
            **({"by_source": {name: _row(one) for name, one in self.by_source.items()}} if self.by_source else {}),
            "model": self.model,
            "dataset": self.digest,
            "photos": len(self.photos),
            "failures": [{"photo": failure.name, "reason": failure.reason} for failure in self.failures],
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [f"{self.model}: {len(self.photos)} photos, {self.pixels} labelled pixels"]
        lines += [f"  {name:<20} {text}" for name, text in zip(_NAMES, _texts(self.figures), strict=True)]
        if self.unpredictable:
            names = ", ".join(f"{show(name)} ({pixels})" for name, pixels in self.unpredictable.items())
            lines += [f"  not in the model's list, so counted wrong: {names}", "  without them:"]
            lines += [
                f"    {name:<18} {text}" for name, text in zip(_NAMES, _texts(self.figures_nameable), strict=True)
            ]
        width = max((len(show(name)) for name in self.by_source), default=0)
        lines += [f"  {show(name):<{width}}  {'  '.join(_texts(one))}" for name, one in self.by_source.items()]
        return "\n".join(lines)


_NAMES = ("pixel accuracy", "mean class accuracy", "mIoU")


def evaluate_maps(
    predictor: Predictor,
    dataset: RegionDataset,
    *,
    labeller: Labeller | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> MapEvaluation:
    """Map every photo of a data set and compare with its labelled pixels.

    Holds one photo at a time. A photo that cannot be read is in the result's `failures` and in the log. Where regions
    overlap, a pixel is of the smallest.

    Args:
        predictor: the model.
        dataset: a data set, or one of its splits.
        labeller: what makes the maps; `map_materials` with its defaults where None.
        progress: called after each photo with the numbers of photos done and of all.
    """
    label = labeller or (lambda sample: map_materials(predictor, sample.image).labels())
    columns = len(predictor.materials)
    truth, rows = _rows(dataset.materials, predictor.materials)
    confusion = np.zeros((len(truth), columns + 1), dtype=np.int64)
    counts, photos, sources, failures = [], [], [], []
    for number in range(len(dataset)):
        name = utf8(str(dataset.photos.name[number]))
        try:
            sample = dataset.read(number)
            labels = label(sample)
        except (DatasetError, InputError, OSError) as error:
            failures.append(Failure(name, utf8(" ".join(str(error).split()))))
            _logger.warning("%s is left out: %s", show(name), show(failures[-1].reason))
        else:
            own = _count(_painted(sample.masks, rows[sample.materials]), labels, len(truth), columns)
            confusion += own
            counts.append(_compared(own))
            photos.append(name)
            sources.append(utf8(dataset.photos.source[number]))
        if progress is not None:
            progress(number + 1, len(dataset))
    return MapEvaluation(
        model=utf8(predictor.record.title),
        digest=dataset.digest,
        truth=tuple(utf8(name) for name in truth),
        materials=columns,
        counts=np.stack(counts) if counts else np.zeros((0, len(truth), 4), dtype=np.int64),
        confusion=confusion,
        photos=tuple(photos),
        sources=tuple(sources),
        failures=tuple(failures),
    )


def _rows(names: Sequence[str], materials: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """All names, those of the model first, and the place of each of the data set's among them, (len(names),)."""
    rows = np.array(positions(names, materials), dtype=np.int64)
    unnamed: dict[str, tuple[int, str]] = {}
    for index in np.flatnonzero(rows < 0).tolist():
        place, _ = unnamed.setdefault(key(names[index]), (len(materials) + len(unnamed), names[index]))
        rows[index] = place
    return (*materials, *(name for _, name in unnamed.values())), rows


def _painted(masks: NDArray[np.bool_], materials: NDArray[np.int64]) -> NDArray[np.int64]:
    """The material of each pixel, (H, W), -1 where it is not labelled; of overlapping regions the smallest counts."""
    truth = np.full(masks.shape[1:], -1, dtype=np.int64)
    for number in np.argsort([-np.count_nonzero(mask) for mask in masks], kind="stable"):
        truth[masks[number]] = materials[number]
    return truth


def _count(truth: NDArray[np.int64], labels: NDArray[Any], height: int, columns: int) -> NDArray[np.int64]:
    """How many labelled pixels of each material are called what, (height, columns + 1); the last is no answer."""
    assert labels.shape == truth.shape, f"a map of shape {labels.shape} for a photo of {truth.shape}"
    called = labels.astype(np.int64) - 1
    called[called < 0] = columns
    places = (truth * (columns + 1) + called)[truth >= 0]
    return np.bincount(places, minlength=height * (columns + 1)).reshape(height, columns + 1)


def _compared(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """What `MapEvaluation.counts` says of a photo: (C + U, C + 1) -> (C + U, 4)."""
    columns = confusion.shape[1] - 1
    found = np.zeros((len(confusion), 4), dtype=np.int64)
    found[:, 0] = confusion.sum(axis=1)
    found[:columns, 1] = confusion[:, :columns].sum(axis=0)
    found[:columns, 2] = np.diagonal(confusion[:columns])
    found[:columns, 3] = confusion[:columns, :columns].sum(axis=0)
    return found


def _figures(counts: NDArray[np.int64]) -> PixelFigures:
    """The figures of counts, (P, materials, 3)."""
    all_photos = _three(counts.sum(axis=0)[None].astype(np.float64))[:, 0]
    accuracy, by_class, overlap = (None if np.isnan(value) else float(value) for value in all_photos)
    if len(counts) < 2:
        return PixelFigures(accuracy, by_class, overlap, (None, None, None))
    drawn = _three(drawn_sums(counts.reshape(len(counts), -1).astype(np.float64), DRAWS).reshape(DRAWS, -1, 3))
    return PixelFigures(accuracy, by_class, overlap, (middle(drawn[0]), middle(drawn[1]), middle(drawn[2])))


def _three(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Accuracy, mean class accuracy and mIoU of each draw, (draws, materials, 3) -> (3, draws); NaN where none is."""
    pixels, called, right = np.moveaxis(counts, 2, 0)
    occurs = pixels > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        number = occurs.sum(axis=1)
        accuracy = np.where(occurs, right / pixels, 0).sum(axis=1) / number
        overlap = np.where(occurs, right / (pixels + called - right), 0).sum(axis=1) / number
        return np.stack([right.sum(axis=1) / pixels.sum(axis=1), accuracy, overlap])


def _row(found: PixelFigures) -> dict[str, Any]:
    names = ("accuracy", "mean_class_accuracy", "mean_iou")
    ends = {
        f"{name}_interval": None if one is None else [one.low, one.high]
        for name, one in zip(names, found.intervals, strict=True)
    }
    return {**{name: getattr(found, name) for name in names}, **ends}


def _texts(found: PixelFigures) -> list[str]:
    """Each figure with its interval: "86.6% (84.1-88.9%)"."""
    texts = []
    for value, ends in zip((found.accuracy, found.mean_class_accuracy, found.mean_iou), found.intervals, strict=True):
        interval = "" if ends is None else f" ({100 * ends.low:.1f}-{100 * ends.high:.1f}%)"
        texts.append(f"{percent(value)}{interval}")
    return texts
