"""Evaluate a model on a data set: every region of every photo, photo by photo."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show, utf8
from madeof.errors import DatasetError, InputError, ModelError
from madeof.evaluation.result import Evaluation, Failure
from madeof.metrics.boundary import edge_agreement
from madeof.metrics.conformal import COVERAGE
from madeof.regions.region import mask_box

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset
    from madeof.datasets.dataset import Sample
    from madeof.inference.predictor import Predictor

__all__ = ["Evaluation", "Failure", "evaluate"]

_logger = logging.getLogger("madeof")


def evaluate(
    predictor: Predictor,
    dataset: RegionDataset,
    *,
    coverage: float = COVERAGE,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Ask the model for every region of every photo.

    Holds one photo at a time. A photo that cannot be read, or that the model refuses, is in the result's
    `failures` and in the log; whether that is an error is for the caller to say.

    Args:
        predictor: a `madeof.Predictor`; it is left with the last photo set.
        dataset: a `madeof.datasets.RegionDataset`, or one of its splits.
        coverage: of the sets that are looked at, where the model has sets.
        progress: called after each photo with the numbers of photos done and of all.

    Raises:
        ModelError: the model's scores are not probabilities.
    """
    photos: list[str] = []
    sources: list[str] = []
    failures: list[Failure] = []
    truth: list[str] = []
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(len(dataset)):
        name = utf8(str(dataset.photos.name[number]))
        try:
            sample = dataset.read(number)
            scores, seen = _ask(predictor, sample, name)
        except (DatasetError, InputError, OSError) as error:
            failures.append(Failure(name, utf8(" ".join(str(error).split()))))
            _logger.warning("%s is left out: %s", show(name), show(failures[-1].reason))
        else:
            height, width = sample.image.shape[:2]
            part = (
                np.full(len(scores), len(photos)),
                np.asarray(sample.regions),
                np.array([np.count_nonzero(mask) for mask in sample.masks], dtype=np.int64),
                np.array([mask_box(mask) for mask in sample.masks], dtype=np.int64).reshape(-1, 4),
                edge_agreement(sample.image, sample.masks),
                np.full(len(scores), height * width, dtype=np.int64),
                seen,
                scores,
            )
            parts.append(part)
            photos.append(name)
            sources.append(utf8(dataset.photos.source[number]))
            truth += [utf8(dataset.materials[index]) for index in sample.materials]
        if progress is not None:
            progress(number + 1, len(dataset))
    empty = np.zeros(0, dtype=np.int64)
    none = (
        empty,
        empty,
        empty,
        empty.reshape(0, 4),
        empty.astype(np.float32),
        empty,
        empty.astype(np.float64),
        np.zeros((0, len(predictor.materials)), dtype=np.float32),
    )
    columns = zip(none, *parts, strict=True)
    photo, region, area, box, quality, pixels, area_seen, table = (np.concatenate(column) for column in columns)
    return Evaluation(
        model=utf8(f"{predictor.record.name} {predictor.record.version}"),
        materials=tuple(utf8(name) for name in predictor.materials),
        digest=dataset.digest,
        photos=tuple(photos),
        photo=photo,
        region=region,
        area=area,
        box=box,
        truth=tuple(truth),
        scores=table,
        failures=tuple(failures),
        sources=tuple(sources),
        calibration=predictor.record.calibration,
        quality=quality,
        share=area / np.maximum(pixels, 1),
        area_seen=area_seen,
        coverage=coverage,
    )


def _ask(predictor: Predictor, sample: Sample, name: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The scores of a photo's regions, (N, C), and their areas as the net saw them, (N,)."""
    shape = (len(sample.masks), len(predictor.materials))
    if not shape[0]:  # a photo without regions is not shown to the model
        return np.zeros(shape, dtype=np.float32), np.zeros(0)
    predictor.set_image(sample.image)
    predictions = predictor.predict(sample.masks)
    scores = np.array([one.scores for one in predictions], dtype=np.float32)
    assert scores.shape == shape, f"the predictor gave scores of shape {scores.shape} for {shape}"
    # measure would refuse these as well, but only at the end, and could not name the photo.
    if not bool(((scores >= -1e-6) & (scores <= 1 + 1e-6)).all()):
        raise ModelError(
            f"the model {show(predictor.record.name)} gives scores that are NaN or outside [0, 1] for {show(name)}; "
            "expected probabilities: its weights are damaged, use another model"
        )
    return scores, np.array([one.area if one.seen is None else one.seen for one in predictions], dtype=np.float64)
