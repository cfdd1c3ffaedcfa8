"""Answers read back from JSON lines, and one value of each property of each: the median of the mixture.

Programs take one number. The expected value would be no material's: with 2% of a score on metal, wood conducts heat
like stone.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import pluralize, show, utf8
from madeof.errors import InputError
from madeof.properties.answer import Properties
from madeof.properties.kinds import KINDS

_AT_ONCE = 20_000  # regions, to bound the memory


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of a file, by region."""

    names: tuple[str, ...]
    """The photo and the region of each of the N, all different."""
    materials: tuple[str, ...]
    """All that the answers name, C of them."""
    scores: NDArray[np.float64]
    """(N, C): what a row lacks to 1 is of materials that the file does not name."""
    skipped: int
    """Photos and regions that have an error instead of an answer."""


@dataclass(frozen=True, eq=False)
class Values:
    """What a writer takes."""

    names: tuple[str, ...]
    """Of the N regions, all different."""
    materials: tuple[str, ...]
    """The likeliest material of each."""
    numbers: dict[tuple[str, str], NDArray[np.float64]]
    """By property and condition: the median, (N,), NaN where none is given."""
    frequency_ghz: float | None = None
    """That of permittivity and radio_conductivity."""

    def number(self, name: str, condition: str = "") -> list[float]:
        """The values of a property, NaN where none is given."""
        return [float(each) for each in self.numbers[name, condition].tolist()]

    def missing(self) -> list[str]:
        """How many regions have no value, a line for each property."""
        lines = []
        for name in dict.fromkeys(name for name, _ in self.numbers):
            every = np.stack([self.numbers[pair] for pair in self.numbers if pair[0] == name])
            if count := int(np.isnan(every).any(axis=0).sum()):
                lines.append(f"{pluralize(count, 'region')} of {len(self.names):,} without {name}, or a part of it")
        return lines


def read_answers(path: str | Path) -> Answers:
    """The answers of a file that `madeof predict --json` or `--to jsonl` made.

    Raises:
        InputError: it cannot be read, or a line is not such an answer; the message names the line.
    """
    path = Path(path)
    columns: dict[str, int] = {}
    names: list[str] = []
    rows: list[int] = []
    cells: list[int] = []
    scores: list[float] = []
    skipped = 0
    seen: Counter[str] = Counter()
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    photo = json.loads(line)
                    if "regions" not in photo:
                        skipped += bool(photo["error"])
                        continue
                    image = utf8(photo["image"])
                    for region in photo["regions"]:
                        if "top" not in region:
                            skipped += bool(region["error"])
                            continue
                        name = f"{image}/{utf8(region['region'])}"
                        seen[name] += 1
                        row = len(names)
                        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
                        for each in region["top"]:
                            score = each["score"]
                            if type(score) not in (float, int) or not 0 <= score <= 1:
                                raise ValueError(score)
                            rows.append(row)
                            cells.append(columns.setdefault(each["material"], len(columns)))
                            scores.append(score)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    expected = "expected the JSON lines of madeof predict --json"
                    raise InputError(f"{show(path)}, line {number}: it is no answer; {expected}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {show(path)}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from error
    if wrong := next((each for each in columns if not isinstance(each, str)), None):
        raise InputError(f"{show(path)} has the material {wrong!r}; expected a name")
    if not names:
        raise InputError(f"{show(path)} has no region with an answer; expected at least one")
    table = np.zeros((len(names), len(columns)))
    table[rows, cells] = scores
    return Answers(tuple(names), tuple(map(utf8, columns)), table, skipped)


def values_of(answers: Answers, names: Sequence[str], **settings: Any) -> Values:
    """The medians of the properties `names`; the settings are those of `Properties`.

    Raises:
        InputError: what `Properties` raises.
    """
    properties = Properties(answers.materials, [name for name in names if not KINDS[name].is_name], **settings)
    mixtures = properties.mixtures
    middle = np.empty((len(properties.quantities), len(answers.names)))
    for start in range(0, len(answers.names), _AT_ONCE):
        scores = answers.scores[start : start + _AT_ONCE]
        found = mixtures.quantile(mixtures.weights(scores), 0.5)
        found[1 - mixtures.known(scores) > properties.most_without + 1e-9] = np.nan
        middle[:, start : start + _AT_ONCE] = found
    numbers = {(kind.name, condition): middle[one] for one, (kind, condition) in enumerate(properties.quantities)}
    best = answers.scores.argmax(axis=1).tolist()
    return Values(answers.names, tuple(answers.materials[k] for k in best), numbers, properties.frequency_ghz)


def digits(value: float) -> str:
    """A number as all formats take it: five significant digits, never NaN."""
    assert math.isfinite(value)
    text = f"{value:.5g}"
    return f"{float(text):.10g}"


def identifiers(names: Sequence[str], prefix: str = "m") -> list[str]:
    """A name of letters, digits and "_" for each, all different: what USD and MaterialX take for one."""
    seen: set[str] = set()
    found = []
    for number, name in enumerate(names):
        text = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).strip("_") or prefix
        text = text if text[0].isalpha() else f"{prefix}_{text}"
        if text in seen:
            text = f"{text}_{number}"
        while text in seen:
            text += "_"
        seen.add(text)
        found.append(text)
    return found
