"""Killed at any moment, a training goes on to bit-identical weights."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_training import SMALL, STEM

pytestmark = pytest.mark.slow

KILLER = Path(__file__).parents[1] / "support" / "kill_training.py"
POOLING = [
    *SMALL, "attention=2", "head_epochs=40", "epochs=4", "batch=2", "checkpoint_seconds=0.2", "workers=1",
    "patience=30", "ema_decay=0.9",
]  # fmt: skip
ORIGINAL = [*STEM, "batch=2", "epochs=4", "checkpoint_seconds=0.2"]


def attempt(ending: str, dataset: Path, out: Path, settings: list[str]) -> float | None:
    """Run or go on with the training; the seconds that it worked, None when it was killed."""
    command = [sys.executable, "-W", "error", str(KILLER), ending, "train", str(dataset), "--out", str(out), "--quiet"]
    command += [part for text in settings for part in ("--set", text)]
    if (out / "config.json").exists():
        command.append("--resume")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    if done.returncode:
        return None
    return float(done.stderr.rpartition("worked ")[2].split()[0])


def weights_and_log(out: Path) -> tuple[bytes, list[str]]:
    log = (out / "metrics.csv").read_text().splitlines()
    return (out / "weights.safetensors").read_bytes(), [line.rpartition(",")[0] for line in log]  # without the seconds


@pytest.fixture(scope="module", params=[POOLING, ORIGINAL], ids=["MaskAtPooling", "MaskAtStem"])
def unbroken(
    request: pytest.FixtureRequest, tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], Path, float]:
    """The settings, a run that nobody killed, and how long it worked."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    seconds = attempt("never", tiny_dataset, out, request.param)
    assert seconds is not None
    return request.param, out, seconds


def check(endings: list[str], dataset: Path, out: Path, unbroken: tuple[list[str], Path, float]) -> int:
    """Kill as `endings` says, then let it end; the number of kills that hit."""
    settings, whole, _ = unbroken
    hits = sum(attempt(ending, dataset, out, settings) is None for ending in endings)
    assert attempt("never", dataset, out, settings) is not None
    assert weights_and_log(out) == weights_and_log(whole)
    assert not list(out.rglob("*.tmp"))
    return hits


def test_killed_while_saving_while_resuming_and_at_random(
    unbroken: tuple[list[str], Path, float], tiny_dataset: Path, tmp_path: Path
) -> None:
    moments = random.Random(os.environ.get("MADEOF_KILL_SEED", "1"))
    endings = ["saving 9", "loading 0", f"after {moments.uniform(0.1, 0.5) * unbroken[2]:.2f}"]
    assert check(endings, tiny_dataset, tmp_path / "run", unbroken) >= 2  # the last may come too late


def test_killed_as_the_reader_of_photos_begins(
    unbroken: tuple[list[str], Path, float], tiny_dataset: Path, tmp_path: Path
) -> None:
    """The reader ends too: one that waited forever for its next batch would keep the training's standard error open."""
    has_reader = unbroken[0] is POOLING
    assert check(["forking"], tiny_dataset, tmp_path / "run", unbroken) == has_reader


@pytest.mark.soak
def test_killed_a_hundred_times(unbroken: tuple[list[str], Path, float], tiny_dataset: Path, tmp_path: Path) -> None:
    """On demand: `pytest -m soak`."""
    moments = random.Random()
    hits = 0
    for number in range(25):
        # Each kind of kill, the first at most where it cannot yet be finished.
        endings = [
            moments.choice([f"saving {moments.randrange(12)}", f"after {moments.uniform(0, 0.8) * unbroken[2]:.2f}"]),
            "loading 0",
            moments.choice([f"saving {moments.randrange(12)}", f"after {moments.uniform(0, 0.8) * unbroken[2]:.2f}"]),
        ]
        hits += check(endings, tiny_dataset, tmp_path / f"run{number}", unbroken)
    print(f"kills that hit: {hits}")
    assert hits > 30  # 44 and 49 of 75 when it was written; the rest came after the end


def test_a_damaged_checkpoint_is_one_sentence(
    unbroken: tuple[list[str], Path, float], tiny_dataset: Path, tmp_path: Path
) -> None:
    settings, _, _ = unbroken
    out = tmp_path / "run"
    assert attempt("saving 12", tiny_dataset, out, settings) is None
    (out / "last.safetensors").write_bytes((out / "last.safetensors").read_bytes()[:1000])
    command = [sys.executable, "-m", "madeof", "train", str(tiny_dataset), "--out", str(out), "--quiet", "--resume"]
    command += [part for text in settings for part in ("--set", text)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert re.search(r"madeof: cannot read the checkpoint .*last.safetensors", done.stderr.splitlines()[-1])
