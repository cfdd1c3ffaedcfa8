"""Result of an evaluation: the scores of every region, and the metrics computed from them."""

from __future__ import annotations

import dataclasses
import html
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, pluralize, show
from madeof.evaluation.comparison import Comparison
from madeof.materials.lists import positions
from madeof.metrics.bootstrap import Interval
from madeof.metrics.calibration_error import CalibrationError
from madeof.metrics.classification import Metrics, measure
from madeof.metrics.conformal import COVERAGE, Covered, measure_sets
from madeof.model.calibration import UNCALIBRATED, Calibration


class Failure(NamedTuple):
    """A photo that could not be evaluated."""

    name: str
    reason: str


@dataclass(frozen=True)
class Judged:
    """Which photos of a data set were evaluated."""

    dataset: str
    """The path of the data set as it was given."""
    split: str
    """"train", "val", "test" or "all"."""
    sources: tuple[str, ...] = ()
    """The sources whose photos were evaluated; all where none is named."""
    passed_over: int = 0
    """Photos of the data set that are in another split or of another source."""

    def text(self) -> str:
        """Description of the evaluated part, such as "the split val; 22 photos are passed over"."""
        parts = ["all splits" if self.split == "all" else f"the split {self.split}"]
        parts += [f"the sources {join_some(map(show, self.sources))}"] if self.sources else []
        over = f"{pluralize(self.passed_over, 'photo')} {'is' if self.passed_over == 1 else 'are'} passed over"
        return f"{', '.join(parts)}; {over}" if self.passed_over else ", ".join(parts)


@dataclass(frozen=True)
class ConfidentAnswers:
    """Answers with a score at or above the model's threshold."""

    regions: int
    coverage: float | None
    """Fraction of all answers."""
    accuracy: float | None
    """Fraction of them that is right (selective accuracy)."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """A model's scores for the N regions of a data set. All texts can be encoded as UTF-8."""

    model: str
    """Name and version."""
    materials: tuple[str, ...]
    """The model's C materials: the columns of `scores`."""
    digest: str
    """SHA-256 digest of the data set, in hexadecimal."""
    photos: tuple[str, ...]
    """The names of the photos that were evaluated."""
    photo: NDArray[np.int64]
    """(N,) each region's photo, a position in `photos`."""
    region: NDArray[np.int64]
    """(N,) each region's row in the table of the data set, or of its split, that was evaluated."""
    area: NDArray[np.int64]
    """(N,) pixels."""
    box: NDArray[np.int64]
    """(N, 4) x0, y0, x1, y1 in pixels, x1 and y1 one past the region's last pixel."""
    truth: tuple[str, ...]
    """(N,) the name of each region's material in the data set."""
    scores: NDArray[np.float32] = field(repr=False)
    """(N, C) calibrated probabilities."""
    failures: tuple[Failure, ...] = ()
    """The photos that are in none of the above."""
    sources: tuple[str, ...] = ()
    """The source of each of `photos`, "" where none is stated; or nothing where sources are not known."""
    calibration: Calibration = UNCALIBRATED
    """The model's threshold and prediction sets."""
    quality: NDArray[np.float32] | None = None
    """(N,) each mask's quality (`madeof.mask_quality`) in [0, 1], NaN where it has none; None if not requested."""
    share: NDArray[np.float64] | None = None
    """(N,) each region's area as a share of its photo's; None where the photos' sizes are not known."""
    area_seen: NDArray[np.float64] | None = None
    """(N,) each region's area in pixels of the network's input; None where that is not known."""
    coverage: float = COVERAGE
    """Coverage of the prediction sets."""
    judged: Judged | None = None
    """Which part of which data set was evaluated; None where that is not known."""
    comparison: Comparison | None = None
    """Material mapping between model and data set; None if the lists agree."""

    @cached_property
    def metrics(self) -> Metrics:
        """All figures; computed once."""
        return measure(
            self.outputs,
            self.scores,
            self.area,
            self.photo,
            materials=self.materials,
            names=self.truth,
            quality=self.quality,
        )

    @cached_property
    def by_source(self) -> dict[str, Evaluation]:
        """The part of each source, the one with the most regions first; empty unless there are several."""
        named = np.array([source or "not stated" for source in self.sources], dtype=np.str_)
        names, counts = np.unique(named[self.photo] if named.size else named, return_counts=True)
        if len(names) < 2:
            return {}
        return {str(names[i]): self.part(named[self.photo] == names[i]) for i in np.argsort(-counts, kind="stable")}

    @property
    def confident_answers(self) -> ConfidentAnswers | None:
        """Answers above the model's threshold; None if it has none."""
        kept = self.confident
        if kept is None:
            return None
        right = self.correct[kept]
        coverage = float(kept.mean()) if len(kept) else None
        return ConfidentAnswers(len(right), coverage, float(right.mean()) if len(right) else None)

    @property
    def confident(self) -> NDArray[np.bool_] | None:
        """(N,) whether each answer's score reaches the model's threshold; None where it has none."""
        return self.calibration.confident(self.scores.max(axis=1, initial=0), self.area_seen)

    @cached_property
    def outputs(self) -> NDArray[np.int64]:
        """(N,) each region's material as a position in `materials`; -1 where it is not among them."""
        return np.array(positions(self.truth, self.materials), dtype=np.int64)

    @cached_property
    def covered(self) -> list[Covered]:
        """Measured sets of `coverage`: all regions, then each size stratum; empty if the model has no sets."""
        sets = self.calibration.prediction_sets
        if sets is None or self.share is None:
            return []
        return measure_sets(sets, self.scores, self.outputs, self.share, self.coverage)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,) whether each answer is the region's material."""
        if not len(self.scores):
            return np.zeros(0, dtype=np.bool_)
        return np.asarray(self.outputs == self.scores.argmax(axis=1))

    def part(self, regions: NDArray[np.bool_]) -> Evaluation:
        """The evaluation of some of the regions, (N,) bool; only their photos count."""
        photos, photo = np.unique(self.photo[regions], return_inverse=True)
        return dataclasses.replace(
            self,
            photos=tuple(self.photos[i] for i in photos),
            photo=photo.astype(np.int64),
            region=self.region[regions],
            area=self.area[regions],
            box=self.box[regions],
            truth=tuple(self.truth[i] for i in np.flatnonzero(regions)),
            scores=self.scores[regions],
            failures=(),
            sources=tuple(self.sources[i] for i in photos) if self.sources else (),
            quality=self.quality[regions] if self.quality is not None else None,
            share=self.share[regions] if self.share is not None else None,
            area_seen=self.area_seen[regions] if self.area_seen is not None else None,
        )

    @property
    def predicted(self) -> list[str]:
        """(N,) the material with the best score of each region."""
        return [self.materials[index] for index in self.scores.argmax(axis=1)] if len(self.scores) else []

    def summary(self) -> dict[str, Any]:
        """The figures as `madeof evaluate --json` prints them; None (null) where there is nothing to divide by."""
        found = self.metrics
        result: dict[str, Any] = {
            "regions": found.regions,
            "accuracy": found.accuracy,
            "mean_class_accuracy": found.mean_class_accuracy,
            "by_material": {
                row.name: {
                    "regions": row.regions,
                    "accuracy": row.recall,
                    "precision": row.precision,
                    "recall": row.recall,
                    "f1": row.f1,
                }
                for row in found.by_material
            },
            "by_size": [
                {
                    "under": row.under,
                    "label": row.label,
                    "regions": row.regions,
                    "accuracy": row.accuracy,
                    "accuracy_interval": _ends(row.accuracy_interval),
                    "mean_class_accuracy": row.mean_class_accuracy,
                    **_calibration(row.calibration_error),
                }
                for row in found.by_size
            ],
            "accuracy_interval": _ends(found.accuracy_interval),
            "mean_class_accuracy_interval": _ends(found.mean_class_accuracy_interval),
            "nameable": found.nameable,
            "accuracy_nameable": found.accuracy_nameable,
            "mean_class_accuracy_nameable": found.mean_class_accuracy_nameable,
            "unpredictable": found.unpredictable,
            "macro_f1": found.macro_f1,
            "top_k": {str(k): value for k, value in found.top_k.items()},
            **_calibration(found.calibration_error),
            "log_loss": found.log_loss,
            "aurc": found.risk.area,
            "aurc_best": found.risk.best,
            "confused": [
                {"material": truth, "predicted": predicted, "regions": count}
                for truth, predicted, count in found.confusion.pairs()
            ],
            "model": self.model,
            "dataset": self.digest,
            "photos": len(self.photos),
            "failures": [{"photo": failure.name, "reason": failure.reason} for failure in self.failures],
        }
        if self.judged is not None:
            result["judged"] = dataclasses.asdict(self.judged)
        if self.confident_answers is not None:
            result["certain"] = {
                "uncertain_below": self.calibration.uncertain_below,
                **dataclasses.asdict(self.confident_answers),
            }
        if self.covered:
            result["sets"] = {"coverage": self.coverage, "by_size": [dataclasses.asdict(row) for row in self.covered]}
        if self.quality is not None:
            result["by_quality"] = [
                {
                    "from": row.low,
                    "to": row.high,
                    "label": row.label,
                    "regions": row.regions,
                    "accuracy": row.accuracy,
                    "accuracy_interval": _ends(row.accuracy_interval),
                    "mean_class_accuracy": row.mean_class_accuracy,
                }
                for row in found.by_quality
            ]
        if self.comparison is not None:
            result["comparison"] = self.comparison.summary()
        if self.by_source:
            result["by_source"] = {name: part.row() for name, part in self.by_source.items()}
        return result

    def row(self) -> dict[str, Any]:
        """The main figures, as `by_source` has them for each source."""
        found = self.metrics
        return {
            "photos": found.photos,
            "regions": found.regions,
            "accuracy": found.accuracy,
            "accuracy_interval": _ends(found.accuracy_interval),
            "mean_class_accuracy": found.mean_class_accuracy,
            "nameable": found.nameable,
            "accuracy_nameable": found.accuracy_nameable,
            "mean_class_accuracy_nameable": found.mean_class_accuracy_nameable,
            **_calibration(found.calibration_error),
            **({"certain": dataclasses.asdict(self.confident_answers)} if self.confident_answers else {}),
        }

    def text(self) -> str:
        """The main figures as lines for a terminal."""
        found = self.metrics
        lines = [
            f"model                {show(self.model)}",
            f"evaluated            {found.regions} regions of {len(self.photos)} photos",
            *([f"judged               {show(self.judged.dataset)}: {self.judged.text()}"] if self.judged else []),
            f"accuracy             {percent(found.accuracy)} (95% interval {percent_range(found.accuracy_interval)})",
            f"mean class accuracy  {percent(found.mean_class_accuracy)} "
            f"(95% interval {percent_range(found.mean_class_accuracy_interval)})",
            f"in the best 5        {percent(found.top_k[5])}",
        ]
        if self.confident_answers is not None:
            lines.append(
                f"certain              {percent(self.confident_answers.coverage)} of the answers; of these "
                f"{percent(self.confident_answers.accuracy)} are right"
            )
        lines += self._set_lines()
        for name, part in self.by_source.items():
            interval = percent_range(part.metrics.accuracy_interval)
            lines.append(
                f"source               {show(name)}: accuracy {percent(part.metrics.accuracy)} "
                f"(95% interval {interval}) on {part.metrics.regions} regions"
            )
        if self.comparison is not None:
            lines += self.comparison.lines()
        if found.unpredictable:
            names = join_some(f"{show(name)} ({regions})" for name, regions in found.unpredictable.items())
            lines += [
                f"not in its list      {names}: these regions count as wrong; without them the accuracy is "
                f"{percent(found.accuracy_nameable)}"
            ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        found = self.metrics
        return f"Evaluation({show(self.model)!r}, {found.regions} regions, accuracy {percent(found.accuracy)})"

    def _repr_html_(self) -> str:
        """The main figures and those of each material, for notebooks."""
        found = self.metrics
        rows = "".join(
            f"<tr><td>{html.escape(show(row.name))}</td><td>{row.regions:,}</td><td>{percent(row.recall)}</td>"
            f"<td>{percent(row.precision)}</td></tr>"
            for row in found.by_material
        )
        head = "".join(f"<th>{name}</th>" for name in ("material", "regions", "recall", "precision"))
        return (
            f"<div><pre>{html.escape(self.text())}</pre>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )

    def _set_lines(self) -> list[str]:
        lines = []
        for row in self.covered:
            if not row.regions:
                continue
            of = "all sizes" if row.label == "all" else f"{row.label} of the photo"
            lines.append(
                f"sets of {f'{100 * self.coverage:g}%':<13}{of}: {percent(row.covered)} hold the material, "
                f"{row.mean_size:.1f} materials on average ({pluralize(row.regions, 'region')})"
            )
        return lines


def percent(value: float | None) -> str:
    """A fraction as people read it; "-" where there is none."""
    return "-" if value is None else f"{100 * value:.1f}%"


def percent_range(interval: Interval | None, none: str = "-") -> str:
    """An interval of fractions as people read it, or `none`."""
    return none if interval is None else f"{100 * interval.low:.1f}-{100 * interval.high:.1f}%"


def _calibration(found: CalibrationError) -> dict[str, float | None]:
    return {
        "mean_score": found.mean_score,
        "calibration_error": found.ece,
        "calibration_error_by_chance": found.by_chance,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
