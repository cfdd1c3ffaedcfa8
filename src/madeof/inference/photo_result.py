"""Result for one photo, as JSON, table rows or a picture; the same for all commands and the service."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeof._util.text import csv_safe, percent, show, utf8
from madeof.images.photo import Photo
from madeof.inference.prediction import Prediction, number
from madeof.regions.region import Region
from madeof.regions.request import RegionRequest

if TYPE_CHECKING:
    from madeof.datasets.photos import Details
    from madeof.properties import Properties, PropertyAnswer

CSV_COLUMNS = (
    "image", "region", "area", "x0", "y0", "x1", "y1", "material", "score", "uncertain", "answer", "set", "notes",
    "error",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A region with what it is made of, or with the reason why that cannot be said."""

    region: str
    prediction: Prediction | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    truth: str | None = None
    """The material that an annotation file names."""
    asked: RegionRequest | None = field(default=None, repr=False, compare=False)
    mask: Region | None = field(default=None, repr=False, compare=False)
    """Its pixels, where they are kept."""


@dataclass(frozen=True)
class PhotoResult:
    """A photo with the answers for its regions."""

    photo: Photo
    model: str
    """Name and version."""
    answers: tuple[Answer, ...]
    coverage: float | None = None
    """Coverage of the requested prediction sets; None if not requested."""
    properties: Properties | None = None
    """The properties that were asked for; None where none were."""

    def to_dict(self, top: int = 5) -> dict[str, Any]:
        """The JSON object of `madeof predict --json`."""
        result = head(self.photo, self.model)
        if self.photo.warnings:
            result["warnings"] = [utf8(warning) for warning in self.photo.warnings]
        if self.photo.damaged:
            result["damaged"] = True
        result["regions"] = [
            _region(answer, top, self.coverage, found)
            for answer, found in zip(self.answers, self._properties, strict=True)
        ]
        return result

    def rows(self) -> list[list[str]]:
        """Rows of `csv_columns`, safe to open in a spreadsheet."""
        return [
            [csv_safe(text) for text in (*self._row(answer), *_property_cells(self.properties, found))]
            for answer, found in zip(self.answers, self._properties, strict=True)
        ]

    def text(self, top: int = 5) -> str:
        """A few lines for people."""
        height, width = self.photo.size
        lines = [f"{show(self.photo.name)}  ({width} x {height})"]
        lines += [f"  ! {show(warning)}" for warning in self.photo.warnings]
        names = max((len(show(answer.region)) for answer in self.answers), default=0)
        for answer, found in zip(self.answers, self._properties, strict=True):
            if answer.prediction is None:
                lines.append(f"  {show(answer.region):<{names}}  error: {show(answer.error or 'not answered')}")
                continue
            best, *rest = [f"{show(name)} {score:.2f}" for name, score in answer.prediction.top(top)]
            others = f"   ({', '.join(rest)})" if rest else ""
            held = self._set(answer.prediction)
            members = f"   set: {'; '.join(map(show, held))}" if held else ""
            notes = "; ".join(_notes(answer, self.coverage))
            unsure = "unsure: " if answer.prediction.uncertain else ""
            if answer.prediction.uncalibrated:
                unsure = "uncalibrated: "
            told = f"{unsure}{best}{others}{members}" + (f"   [{notes}]" if notes else "")
            lines.append(f"  {show(answer.region):<{names}}  {told}")
            lines += [f"  {'':<{names}}    {show(each.text())}" for each in found.values()]
        return "\n".join(lines)

    @cached_property
    def _properties(self) -> list[dict[str, PropertyAnswer]]:
        """Properties of each answer, by name; empty if not requested or without a prediction."""
        found: list[dict[str, PropertyAnswer]] = [{} for _ in self.answers]
        if self.properties is not None:
            given = [each.prediction for each in self.answers if each.prediction is not None]
            answered = iter(self.properties.of(given))
            found = [{} if each.prediction is None else next(answered) for each in self.answers]
        return found

    def _set(self, prediction: Prediction) -> tuple[str, ...]:
        """The set that was asked for; nothing where none was."""
        return () if self.coverage is None else prediction.set(self.coverage)

    def _row(self, answer: Answer) -> list[str]:
        prediction = answer.prediction
        if prediction is None:
            return [self.photo.name, answer.region, *[""] * 10, self._notes(answer), answer.error or ""]
        sides = [str(side) for side in prediction.box]
        known = prediction.calibration.uncertain_below is not None
        answered = [
            prediction.material,
            f"{prediction.score:.6f}",
            f"{prediction.uncertain}".lower() if known else "",
            (prediction.answer or "") if known else "",
            "; ".join(self._set(prediction)),
        ]
        return [
            self.photo.name, answer.region, str(number(prediction.area)), *sides, *answered, self._notes(answer), "",
        ]  # fmt: skip

    def _notes(self, answer: Answer) -> str:
        """Warnings about the photo and the region."""
        return "; ".join((*self.photo.warnings, *_notes(answer, self.coverage)))


@dataclass(frozen=True)
class Unanswered:
    """A photo with no answer at all: it cannot be read, or none of its regions can be used."""

    image: str
    """The path as given."""
    error: str
    """One line that names it."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `madeof predict --json`."""
        return {"image": utf8(self.image), "error": utf8(self.error)}

    def rows(self, properties: Properties | None = None) -> list[list[str]]:
        """The one row of `csv_columns`, safe to open in a spreadsheet."""
        rest = [""] * (len(csv_columns(properties)) - len(CSV_COLUMNS))
        return [[csv_safe(self.image), *[""] * (len(CSV_COLUMNS) - 2), csv_safe(self.error), *rest]]


@dataclass(frozen=True, eq=False)
class Predicted:
    """The answers for a photo, and what they are about."""

    result: PhotoResult
    folder: Path = Path()
    file: str = ""
    """The photo's path in `folder`, "/" between folders."""
    details: Details | None = None
    """Metadata of the photo, such as its licence."""


Outcome = Predicted | Unanswered
"""Outcome for one photo."""


def csv_columns(properties: Properties | None = None) -> tuple[str, ...]:
    """`CSV_COLUMNS` and those of the properties that were asked for: the value, and the ends of its interval."""
    return (*CSV_COLUMNS, *(() if properties is None else properties.columns))


def csv_text(
    results: Sequence[PhotoResult | Unanswered], *, header: bool = True, properties: Properties | None = None
) -> str:
    """The results as CSV; `properties` as the results have them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(csv_columns(properties))
    for result in results:
        writer.writerows(result.rows(properties) if isinstance(result, Unanswered) else result.rows())
    return text.getvalue()


def head(photo: Photo, model: str) -> dict[str, Any]:
    """How every JSON object about a photo begins."""
    height, width = photo.size
    return {"image": utf8(photo.name), "model": model, "width": width, "height": height}


def label(prediction: Prediction) -> str:
    """Label of a region in a picture, such as "Wood 93%" or "unsure: Wood 43%"."""
    return f"{'unsure: ' if prediction.uncertain else ''}{prediction.material} {percent(prediction.score)}"


def _notes(answer: Answer, coverage: float | None) -> list[str]:
    """Warnings about the region and its prediction set."""
    notes = list(answer.notes)
    if coverage is not None and answer.prediction is not None and not answer.prediction.reaches(coverage):
        notes.append(f"no set has the coverage {coverage:g}: this one holds all materials")
    return notes


def _property_cells(properties: Properties | None, found: dict[str, PropertyAnswer]) -> list[str]:
    """The cells of the columns of `properties`; empty where nothing is said."""
    if properties is None:
        return []
    return properties.cells(found) if found else [""] * len(properties.columns)


def _region(answer: Answer, top: int, coverage: float | None, properties: dict[str, PropertyAnswer]) -> dict[str, Any]:
    prediction = answer.prediction
    if prediction is None:
        return {"region": utf8(answer.region), "error": utf8(answer.error or "not answered")}
    result = {"region": utf8(answer.region), **prediction.to_dict(top, coverage=coverage)}
    if properties:
        result["properties"] = {name: each.to_dict() for name, each in properties.items()}
    if notes := _notes(answer, coverage):
        result["notes"] = notes
    if answer.truth is not None:
        result["truth"] = utf8(answer.truth)
    return result
