"""What several tests of materials/crosswalk share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from madeof.evaluation.label_mapping import compare
from madeof.evaluation.result import Evaluation, Failure
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.lists import FMD

TABLE = Path(__file__).parents[2] / "src/madeof/materials/crosswalk.csv"


def compared(found: Crosswalk | None) -> dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]:
    assert found is not None
    return {one.name: (one.model, one.data, one.relation) for one in found.compared}


def evaluation(
    materials: tuple[str, ...], truth: tuple[str, ...], scores: list[list[float]], photo: list[int] | None = None
) -> Evaluation:
    count = len(truth)
    photos = photo or list(range(count))
    return Evaluation(
        model="m 1",
        materials=materials,
        digest="d" * 64,
        photos=tuple(f"p{number}" for number in range(max(photos, default=-1) + 1)),
        photo=np.array(photos, dtype=np.int64),
        region=np.arange(count),
        area=np.full(count, 100),
        box=np.zeros((count, 4), dtype=np.int64),
        truth=truth,
        scores=np.array(scores, dtype=np.float32).reshape(count, len(materials)),
        failures=(Failure("bad", "cannot be read"),),
    )


MODEL = ("Wood", "Granite", "Stone", "Ceramic")


def through_fmd(truth: tuple[str, ...], scores: list[list[float]], photo: list[int] | None = None) -> Evaluation:
    found = Crosswalk.between(
        MODEL, ("stone", "wood", "water", *(name for name in FMD if name not in ("Stone", "Wood", "Water")))
    )
    assert found is not None
    return compare(evaluation(MODEL, truth, scores, photo), found)
