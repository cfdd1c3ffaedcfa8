"""What several tests of training/run share."""

from __future__ import annotations

import csv
from pathlib import Path

from small_training import SMALL

from madeof.cli.main import main
from madeof.training import Config


def small(*overrides: str, base: list[str] = SMALL) -> Config:
    return Config.load(None, [*base, *overrides])


def train(dataset: Path, out: Path, *overrides: str, base: list[str] = SMALL, resume: bool = False) -> int:
    settings = [part for text in [*base, *overrides] for part in ("--set", text)]
    return main(["train", str(dataset), "--out", str(out), "--quiet", *settings, *(["--resume"] if resume else [])])


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))
