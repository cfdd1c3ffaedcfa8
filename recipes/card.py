r"""Writes what was measured into the card of a model: Markdown tables between markers, and the reliability diagram.

    python recipes/card.py MODEL DATA docs/bundled-model.md docs/research/bundled-model.md \
        [--variants NAME=MODEL ...] [--run RUN] [--cache FILE]

Every number of the card comes from here: MODEL and the variants answer for every region of DATA's val split (half a
minute for each). A block of a page is what is between the lines `<!-- measured: NAME -->` and `<!-- end -->`; what is
around it is written by hand and stays. The picture goes to pictures/reliability.png beside the first page.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from madeof._util import files
from madeof.datasets import RegionDataset, open_dataset
from madeof.evaluation.halves import sets_by_halves
from madeof.evaluation.report.charts import draw_reliability
from madeof.evaluation.report.markdown import markdown_table, markdown_text
from madeof.evaluation.run import Evaluation, evaluate
from madeof.inference.predictor import load
from madeof.materials.lists import OPENSURFACES_PLUS, key
from madeof.metrics.bootstrap import Interval
from madeof.metrics.classification import MaterialFigures
from madeof.model.record import MEMORY, WEIGHTS, Record

FEW, LOW = 10, 0.7
"""A material is weak with a recall or precision under LOW; one with fewer than FEW val regions cannot be judged."""
FEW_SHOT = Path(__file__).parent / "experiments" / "few_shot.json"
_BLOCK = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HALVES = 200
_COVERAGES = (0.8, 0.9)
_BANDS = (0.0, 0.5, 0.7, 0.85, 0.95, 1.0)


@dataclass(frozen=True)
class Measured:
    """A model with its answers for the val split."""

    name: str
    record: Record
    all: Evaluation
    source: str
    """The source whose photos are most like those of users."""

    @property
    def parts(self) -> dict[str, Evaluation]:
        """All of val, and the photos of `source` where there are some."""
        own = self.all.by_source.get(self.source)
        return {"all of val": self.all, **({f"its {self.source} photos": own} if own else {})}

    @property
    def size(self) -> str:
        """Megabytes of the two graphs."""
        return f"{sum(f['bytes'] for name, f in self.record.files.items() if name != WEIGHTS) / 1e6:.1f} MB"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("out", type=Path, nargs="+", metavar="OUT", help="the card, and more pages with markers")
    parser.add_argument("--variants", nargs="+", default=[], metavar="NAME=MODEL", help="measured in the same way")
    parser.add_argument("--run", type=Path, help="the run with metrics.csv, for the block `steps` (default: MODEL)")
    parser.add_argument("--source", default="everyday", help="the photos most like those of users (default: everyday)")
    parser.add_argument(
        "--few-shot", type=Path, default=FEW_SHOT, help="what experiments/few_shot.py measured, for the block few-shot"
    )
    parser.add_argument("--cache", type=Path, help="the index of DATA, kept from one time to the next")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    pages = {out: out.read_text(encoding="utf-8") for out in options.out}
    dataset = open_dataset(options.data, **({"cache": options.cache} if options.cache else {}))
    variants = dict(text.split("=", 1) for text in options.variants)

    def measured(name: str, folder: str | Path) -> Measured:
        print(f"measuring {folder}", file=sys.stderr)
        predictor = load(folder, threads=options.threads)
        return Measured(name, predictor.record, evaluate(predictor, dataset.split("val")), options.source)

    model = measured("this model", options.model)
    others = [measured(name, folder) for name, folder in variants.items()]
    log = (options.run or options.model) / "metrics.csv"
    lessons = options.few_shot
    makers: dict[str, Callable[[], str]] = {
        "facts": lambda: facts(model),
        "accuracy": lambda: accuracy(model),
        "materials": lambda: materials(model, dataset),
        "weak": lambda: weak(model, dataset),
        "calibration": lambda: calibration(model),
        "uncertain": lambda: uncertain(model),
        "sources": lambda: sources(dataset),
        "sets": lambda: sets(model),
        "variants": lambda: compared([model, *others]),
    }
    if lessons.is_file():
        makers["few-shot"] = lambda: few_shot(lessons)
    if log.is_file():
        monitor = model.record.training.get("config", {}).get("monitor", "accuracy")
        makers["steps"] = lambda: steps(log, f"val_{monitor}")
    picture = files.make_folder(options.out[0].parent / "pictures") / "reliability.png"
    files.write_bytes(picture, draw_reliability(model.parts.get(f"its {options.source} photos", model.all)))
    for out, page in pages.items():
        files.write_text(out, filled(page, makers))
    print(f"wrote {', '.join(map(str, pages))} and {picture}", file=sys.stderr)


def filled(card: str, makers: dict[str, Callable[[], str]]) -> str:
    """The card with its blocks made anew; one that nothing is known of (steps without a run) stays as it is."""
    found = [match[2] for match in _BLOCK.finditer(card)]
    if unknown := set(found) - {*makers, "steps", "few-shot"}:
        raise SystemExit(f"the card has a block {sorted(unknown)[0]!r}; expected {', '.join(makers)}")
    if not found:
        raise SystemExit("the card has no line <!-- measured: NAME --> with <!-- end --> after it: add some")
    return _BLOCK.sub(lambda m: f"{m[1]}{makers[m[2]]()}\n{m[3]}" if m[2] in makers else m[0], card)


def described(architecture: dict[str, Any]) -> str:
    """A net in words."""
    net = f"{architecture['net']} on timm's `{architecture.get('backbone') or architecture['trunk']}`"
    if strides := architecture.get("strides"):
        net += f", maps of strides {', '.join(map(str, strides))}, a head of {architecture['hidden']} units"
        net += f" that sees the inside and the {architecture['context']}" if "context" in architecture else ""
        net += f", {count} learnt means of each map" if (count := architecture.get("attention")) else ""
    return net


def facts(model: Measured) -> str:
    """What the model is and what it learnt from."""
    record, data, config = model.record, model.record.training.get("data", {}), model.record.training.get("config", {})
    photos, regions = (data.get(name, {}).get("train", 0) for name in ("photos", "regions"))
    few = config.get("min_photos", 1)
    members = record.architecture.get("members", [record.architecture])
    time = f"{record.training.get('seconds', 0) / 60:.0f} minutes, seed {config.get('seed', 0)}"
    rows = [
        ["net", ("an ensemble: " if len(members) > 1 else "") + "; ".join(map(described, members))],
        ["size", f"{model.size}: two ONNX graphs" + (" and a memory" if MEMORY in record.files else "")],
        ["photo", f"longer side {record.preprocessing.side} pixels"],
        ["materials", f"{len(record.materials)}, those with at least {few} training photos"],
        ["trained on", f"{photos:,} photos, {regions:,} regions, from {len(data.get('sources', {}))} sources"],
        *(
            [["training", time]] if len(members) == 1 else []
        ),  # of an ensemble the record knows only the last runs' time
    ]
    return markdown_table(["", f"{markdown_text(record.name)} {markdown_text(record.version)}"], rows, words=2)


def accuracy(model: Measured) -> str:
    """The main figures, of all and of the source."""
    figures: dict[str, Callable[[Evaluation], str]] = {
        "photos": lambda e: f"{e.metrics.photos:,}",
        "regions": lambda e: f"{e.metrics.regions:,}",
        "accuracy": lambda e: share(e.metrics.accuracy, e.metrics.accuracy_interval),
        "accuracy of the materials that it knows": lambda e: share(e.metrics.accuracy_nameable),
        "mean class accuracy": lambda e: share(e.metrics.mean_class_accuracy, e.metrics.mean_class_accuracy_interval),
        "mean class accuracy of the materials that it knows": lambda e: share(e.metrics.mean_class_accuracy_nameable),
        "the right one among the first three": lambda e: share(e.metrics.top_k[3]),
        "calibration error": lambda e: share(e.metrics.calibration_error.ece),
        "the same, of perfectly honest scores": lambda e: share(e.metrics.calibration_error.by_chance),
    }
    rows = ([name, *(figure(part) for part in model.parts.values())] for name, figure in figures.items())
    return markdown_table(["", *model.parts], rows)


def materials(model: Measured, dataset: RegionDataset) -> str:
    """One row for each material of the data, and of the source."""
    train = {key(row.material): row for row in dataset.split("train").count_by_material()}
    parts = [{row.name: row for row in part.metrics.by_material} for part in model.parts.values()]
    rows = []
    for name in sorted({name for part in parts for name in part}, key=lambda name: -train[key(name)].regions):
        row = [markdown_text(name), f"{train[key(name)].photos}", f"{train[key(name)].regions}"]
        for part in parts:
            found = part.get(name, MaterialFigures(name, 0, 0, 0))
            row += [f"{found.regions}", share(found.recall), share(found.precision)]
        rows.append(row)
    head = ["material", "train photos", "train regions"]
    for name in ("val", *[model.source] * (len(parts) - 1)):
        head += [f"{name} regions", "recall", "precision"]
    digest = model.record.training.get("data", {}).get("digest")
    changed = digest not in (None, dataset.digest)
    note = "\n\nThe train columns count the data as they are now; they have changed since the training."
    return markdown_table(head, rows) + (note if changed else "")


def weak(model: Measured, dataset: RegionDataset) -> str:
    """What is not to be relied on."""
    known = [row for row in model.all.metrics.by_material if row.name in model.all.materials]
    few = [row for row in known if 0 < row.regions < FEW]
    unseen = [name for name in model.all.materials if name not in {row.name for row in known if row.regions}]
    counts = dataset.split("train").count_by_material()
    left_out = [row for row in counts if row.photos and key(row.material) not in set(map(key, model.all.materials))]
    there = {key(row.material) for row in counts if row.photos}
    lacking = [name for name in OPENSURFACES_PLUS if key(name) not in there]
    lines = [
        f"- **Weak on {name}** (recall or precision under {LOW}): "
        + named(
            (row.name, f"{share(row.recall)} and {share(row.precision)}")
            for row in part.metrics.by_material
            if row.name in model.all.materials
            and row.regions >= FEW
            and min(row.recall or 0.0, row.precision or 0.0) < LOW
        )
        for name, part in model.parts.items()
    ]
    lines += [
        f"- **Hardly judged** (fewer than {FEW} val regions): "
        + named([*((row.name, f"{row.regions}") for row in few), *((name, "0") for name in unseen)]),
        "- **Absent, too few training photos**: " + named((row.material, f"{row.photos}") for row in left_out),
        "- **Absent, not in the data**: " + named((name, "") for name in lacking),
    ]
    return "\n".join(lines)


def calibration(model: Measured) -> str:
    """Whether scores can be believed, by size, source and score."""
    head = ["regions", "accuracy", "mean score", "calibration error", "by chance"]
    whole = model.all

    def figures(part: Evaluation) -> list[str]:
        found = part.metrics
        return [f"{found.regions:,}", share(found.accuracy), *honest(found.calibration_error)]

    sizes = [
        [row.label, f"{row.regions:,}", share(row.accuracy), *honest(row.calibration_error)]
        for row in whole.metrics.by_size
        if row.regions
    ]
    bands = []
    for low, high in pairwise(_BANDS):
        cells = [f"{low:.2f} to {high:.2f}"]
        for part in model.parts.values():
            top = part.scores.max(axis=1)
            inside = (top >= low) & ((top < high) | (high == 1))
            cells += [f"{inside.sum():,}", share(float(part.correct[inside].mean()) if inside.any() else None)]
        bands.append(cells)
    counted = [cell for name in model.parts for cell in (f"{name}: answers", "right")]
    return "\n\n".join(
        [
            f"![reliability diagram of {[*model.parts][-1]}](pictures/reliability.png)",
            markdown_table(["score", *counted], bands),
            markdown_table(["area in pixels", *head], sizes),
            markdown_table(
                ["source", *head], ([markdown_text(n), *figures(part)] for n, part in whole.by_source.items())
            ),
        ]
    )


def uncertain(model: Measured) -> str:
    """What the threshold brings."""
    if model.record.calibration.uncertain_below is None:
        return "This model has no threshold and never says that it is unsure."
    rows, half = [], ""
    for name, part in model.parts.items():
        known = np.isin(np.array(part.truth), part.materials)
        for what, kept in ((name, np.ones_like(known)), (f"{name}, materials that it knows", known)):
            chosen = part.part(kept)
            found, sure = (
                chosen.confident_answers,
                chosen.scores.max(axis=1) >= model.record.calibration.uncertain_below,
            )
            unsure = float(chosen.correct[~sure].mean()) if (~sure).any() else None
            assert found is not None
            rows.append([what, f"{len(chosen.scores):,}", *map(share, (found.coverage, found.accuracy, unsure))])
            half = halves(chosen, what)  # of the last
    table = markdown_table(["", "answers", "certain", "of these right", "of the uncertain right"], rows)
    below = model.record.calibration.uncertain_below
    return f"An answer is uncertain when its score is below {below:.3f}.\n\n{table}\n\n{half}"


def halves(part: Evaluation, name: str) -> str:
    """What a threshold brings on photos that it was not fitted on."""
    from madeof.metrics.selective import PRECISION, fit_uncertain_below

    top, right = part.scores.max(axis=1), part.correct
    rng = np.random.default_rng(0)
    found = []
    for _ in range(_HALVES):
        fitted = (rng.permutation(len(part.photos)) % 2 == 0)[part.photo]
        threshold = fit_uncertain_below(top[fitted], right[fitted])
        if threshold is not None and (sure := ~fitted & (top >= threshold)).any():
            found.append((sure.sum() / (~fitted).sum(), right[sure].mean()))
    if not found:
        return f"{name}: too few to fit a threshold on one half of the photos and read it on the other."
    (coverage, accuracy), deviation = np.mean(found, axis=0), np.std(found, axis=0)
    return (
        f"Fitted for {PRECISION:.0%} on one half of the photos and read on the other ({name}; {_HALVES} random "
        f"halves), a threshold leaves {coverage:.0%} of the answers certain, of which {accuracy:.0%} are right "
        f"(standard deviation {100 * deviation[1]:.0f} points)."
    )


def sources(dataset: RegionDataset) -> str:
    """Where the training photos come from, and which of them have terms of use that exclude commerce."""
    from madeof.training.run import permissive

    train = dataset.split("train")
    free = permissive(dataset).split("train").count_by_source()
    rows = []
    for name, count in train.count_by_source().items():
        some = train.of_sources([name])
        terms = "; ".join(markdown_text(licence or "not stated") for licence in some.count_by_licence())
        rows.append([markdown_text(name or "not stated"), terms, f"{count}", f"{count - free.get(name, 0)}"])
    return markdown_table(["source", "licence", "train photos", "of these research or unclear"], rows, words=2)


def compared(models: Sequence[Measured]) -> str:
    """A row for each model."""
    rows = []
    for model in models:
        row = [markdown_text(model.name), model.size, f"{len(model.record.materials)}"]
        for part in model.parts.values():
            found, sure = part.metrics, part.confident_answers
            row += [share(found.accuracy, found.accuracy_interval), share(found.mean_class_accuracy_nameable)]
            row += [
                share(found.calibration_error.ece),
                *map(share, (sure.coverage, sure.accuracy) if sure else (None, None)),
            ]
        rows.append(row)
    head = ["model", "size", "materials"]
    for name in models[0].parts:
        head += [f"{name}: accuracy", "mean class accuracy, known", "calibration error", "certain", "of these right"]
    return markdown_table(head, rows)


def sets(model: Measured) -> str:
    """Whether sets made on one half of the photos keep their coverage on the other, and how large they are."""
    rows = []
    for name, part in model.parts.items():
        for coverage in _COVERAGES:
            for band in sets_by_halves(part, coverage, halvings=_HALVES):
                if band.covered is not None and band.mean_size is not None:
                    cells = [f"{band.covered:.3f} +- {band.covered_spread:.3f}", f"{band.mean_size:.1f}"]
                    rows.append([name, f"{coverage:.2f}", band.label, *cells])
    return markdown_table(["photos", "coverage asked", "share of the photo", "covered", "materials in a set"], rows)


def few_shot(path: Path) -> str:
    """How well new materials are learned from a few regions, at the least cost that was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    least = min(row["cost"] for row in measured["rows"])
    rows = []
    for row in measured["rows"]:
        if row["cost"] == least and row["materials"]:
            cells = [row["new"], row["examples"], row["materials"], share(row["accuracy"], Interval(*row["interval"]))]
            cells += [f"{100 * row[name]:.1f} points" for name in ("old lost", "everyday lost")]
            rows.append([f"{cell}" for cell in cells])
    head = ["new materials", "examples of each", "materials", "new: right", "old: lost", "old, everyday: lost"]
    return markdown_table(head, rows)


def steps(log: Path, monitor: str) -> str:
    """What each step of the training cost and brought: its best epoch, as the run judged it."""
    with log.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = []
    for name in dict.fromkeys(row["step"] for row in rows):
        own = [row for row in rows if row["step"] == name]
        best = max(own, key=lambda row: float(row[monitor]))
        seconds = [0.0, *(float(row["seconds"]) for row in own)]  # since the step, or its resumption, began
        minutes = sum(b - a if b >= a else b for a, b in pairwise(seconds)) / 60
        figures = (float(best[column]) for column in ("val_accuracy", "val_mean_class_accuracy"))
        table.append([name, f"{len(own)}", f"{minutes:.1f}", best["epoch"], *map(share, figures)])
    return markdown_table(["step", "epochs", "minutes", "best epoch", "accuracy", "mean class accuracy"], table)


def share(value: float | None, interval: Interval | None = None) -> str:
    """A fraction, with its interval where there is one."""
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({interval.low:.3f} to {interval.high:.3f})" if interval else "")


def honest(found: object) -> list[str]:
    """The three figures of a calibration."""
    return [share(getattr(found, name)) for name in ("mean_score", "ece", "by_chance")]


def named(pairs: Iterable[tuple[str, str]]) -> str:
    """Materials with what there is to say of each."""
    return ", ".join(markdown_text(name) + (f" ({text})" if text else "") for name, text in pairs) or "none"


if __name__ == "__main__":
    main()
