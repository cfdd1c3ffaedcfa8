"""What the scores of a model are good for on val: the figures of docs/research/scores.md.

    python recipes/experiments/scores.py DATA [--model MODEL] [--source everyday] [--halvings 200]

Sets, the photos that calibrate them, and thresholds; what is fitted is fitted on a random half of the photos and
read on the other, so many times.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

import madeof
from madeof.datasets import open_dataset
from madeof.evaluation.halves import sets_by_halves
from madeof.evaluation.result import Evaluation
from madeof.evaluation.run import evaluate
from madeof.materials.lists import positions
from madeof.metrics.conformal import Covered, Sets, fit_sets, measure_sets
from madeof.metrics.selective import fit_uncertain_below

COVERAGES, PRECISIONS = (0.8, 0.9, 0.95), (0.9, 0.95, 0.97)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model")
    parser.add_argument("--source", default="everyday", help="the photos most like those of users")
    parser.add_argument("--halvings", type=int, default=200)
    parser.add_argument("--cache", help="index of the data set")
    options = parser.parse_args()
    predictor = madeof.load(options.model, threads=1)
    dataset = open_dataset(options.data, cache=options.cache)
    whole = evaluate(predictor, dataset.split("val"))
    own = whole.by_source[options.source]
    for name, part in ((options.source, own), ("all", whole)):
        for coverage in COVERAGES:
            cells = [
                f"{band.covered:.3f} ± {band.covered_spread:.3f}, {band.mean_size:.1f}"
                for band in sets_by_halves(part, coverage, halvings=options.halvings)
            ]
            print(f"| {name} ({len(part.truth)} regions) | {coverage:.2f} | {' | '.join(cells)} |")
    shipped = fit_sets(own.scores, truth_of(own), own.share)
    print("sets of the shipped kind on the photos they were made of:", describe(measured(shipped, own)))
    is_own = np.array(whole.sources)[whole.photo] == options.source
    for name, rows in (("all of val", np.ones_like(is_own)), (f"its {options.source} photos", is_own)):
        print(f"made of {name}:", "; ".join(across(whole, rows, is_own, options.halvings)))
    for precision in PRECISIONS:
        print(f"precision {precision}: {thresholds(own, precision, options.halvings)}")


def truth_of(part: Evaluation) -> NDArray[np.int64]:
    """The true material's column, -1 where the model does not know it."""
    return np.array(positions(part.truth, part.materials), dtype=np.int64)


def measured(sets: Sets, part: Evaluation, rows: NDArray[np.bool_] | None = None) -> list[Covered]:
    """What the sets of 0.9 hold."""
    rows = np.ones(len(part.truth), dtype=np.bool_) if rows is None else rows
    return measure_sets(sets, part.scores[rows], truth_of(part)[rows], part.share[rows], 0.9)


def describe(found: list[Covered]) -> str:
    """Coverage and size of each band."""
    return "; ".join(f"{band.label} {band.covered:.3f}, {band.mean_size:.1f}" for band in found)


def across(whole: Evaluation, made: NDArray[np.bool_], own: NDArray[np.bool_], halvings: int) -> list[str]:
    """Sets of 0.9 made of half of the photos of `made`: what they cover of the other half, all of it and the own."""
    random, found = np.random.default_rng(0), []
    for _ in range(halvings):
        first = np.isin(whole.photo, random.permutation(len(whole.photos))[: len(whole.photos) // 2])
        rows = first & made
        sets = fit_sets(whole.scores[rows], truth_of(whole)[rows], whole.share[rows])
        if sets is not None:
            found.append([measured(sets, whole, ~first & part)[0].covered for part in (np.ones_like(own), own)])
    everywhere, there = np.mean(found, axis=0)
    return [f"hold the truth on all {everywhere:.3f}", f"on the own {there:.3f}"]


def thresholds(part: Evaluation, precision: float, halvings: int) -> str:
    """The share with an answer and how many of these are right, on the half that did not fit the threshold."""
    top, known = part.scores.max(axis=1), truth_of(part) >= 0
    random, found = np.random.default_rng(0), []
    for _ in range(halvings):
        first = np.isin(part.photo, random.permutation(len(part.photos))[: len(part.photos) // 2])
        below = fit_uncertain_below(top[first & known], part.correct[first & known], precision)
        given = ~first & (top >= (below or 0.0))
        if given.any():
            found.append((given.sum() / (~first).sum(), part.correct[given].mean()))
    share, right = np.mean(found, axis=0)
    return f"{share:.0%} with an answer, {right:.0%} of these right"


if __name__ == "__main__":
    main()
