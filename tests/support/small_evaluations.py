"""Evaluations made up, to report."""

import sys

import numpy as np
import pytest

from madeof.evaluation.run import Evaluation, Failure

ODD = (
    "=cmd()|'calc'!A0",
    "<script>alert(1)</script>",
    "Cost $5 and $x^$",
    "two\nlines\x1b[31m\u2028",
    "木材 🪵 \u202etxt.exe",
    "a name that is longer than anything that anybody would ever call a material of any kind " * 3,
    "*bold* _under_ `code` [link](x) back\\slash",
    "-1+2",
    "@sum",
    "\t=tab",
    "$",
    "",
)


def make(
    materials: tuple[str, ...] = ("Brick", "Glass", "Wood"),
    regions: int = 60,
    *,
    photos: int = 12,
    unknown: tuple[str, ...] = (),
    failures: tuple[Failure, ...] = (),
    seed: int = 0,
    model: str = "fake 1",
) -> Evaluation:
    """Random scores that are right more often than not; each of `unknown` is the truth of some regions."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(materials), regions)
    logits = rng.normal(size=(regions, len(materials)))
    logits[np.arange(regions), truth] += 2
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = [materials[index] for index in truth]
    for index in range(0, regions if unknown else 0, 5):
        names[index] = unknown[index // 5 % len(unknown)]
    return Evaluation(
        model=model,
        materials=materials,
        digest="0123456789abcdef" * 4,
        photos=tuple(f"{materials[0]}/photo {i}" for i in range(photos)),
        photo=np.arange(regions) % photos,
        region=np.arange(regions) + 100,
        area=np.exp(rng.normal(9, 2.5, regions)).astype(np.int64) + 1,
        box=np.zeros((regions, 4), dtype=np.int64),
        truth=tuple(names),
        scores=scores.astype(np.float32),
        failures=failures,
    )


def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["matplotlib", *(name for name in sys.modules if name.startswith("matplotlib."))]:
        monkeypatch.setitem(sys.modules, name, None)
