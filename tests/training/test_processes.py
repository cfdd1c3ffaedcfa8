"""Trainings of two real processes against the same training in one."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from small_training import SMALL, STEM

from madeof.datasets import open_dataset
from madeof.errors import TrainingError
from madeof.training import Config, loop, run
from madeof.training.log import Log
from madeof.training.processes import run_together

pytestmark = pytest.mark.slow

# Dropout draws other numbers in each process, so it is left out of the comparison.
POOLING = [*SMALL, "attention=2", "dropout=0", "batch=3", "head_epochs=3", "epochs=3", "ema_decay=0.9"]
CASES = {
    "pooling": POOLING,  # batches of 3, 3 and 2 photos: shares of 2 and 1, and of 1 and 1
    "one photo": [*POOLING, "head_epochs=0", "batch=1", "epochs=1", "unfreeze=4", "freeze_bn=false"],  # and none
    "norms": [*POOLING, "head_epochs=0", "epochs=2", "unfreeze=4", "freeze_bn=false"],
    "original": [*STEM, "class_balance=0.5", "batch=3", "min_side=48", "batch_pixels=20000", "unfreeze=4",
                 "freeze_bn=false"],
}  # fmt: skip
STOPPED_AFTER = 4  # rows of the log


class Stopped(Exception):
    """As by a signal."""


def go(dataset: Path, out: Path, settings: list[str], devices: int, *, rows: int | None = None) -> None:
    """Train; without the writing of a model in the end, which takes as long as the rest; perhaps not to the end."""
    written, finish = Log.row, run._finish

    def stopping(self: Log, values: dict[str, Any]) -> None:
        if len(self.rows) == rows:
            raise Stopped
        written(self, values)

    out.mkdir(exist_ok=True)
    config = Config.load(None, [*settings, f"devices={devices}"])
    Log.row, run._finish = stopping, lambda *_: None  # type: ignore[method-assign, assignment]
    try:
        run._train(open_dataset(dataset), out, config, True)
    except Stopped:
        pass
    finally:
        Log.row, run._finish = written, finish  # type: ignore[method-assign]


def work(dataset: Path, folder: Path) -> None:
    """What the two processes do, one training after another."""
    for name, settings in CASES.items():
        go(dataset, folder / name, settings, 2)
    go(dataset, folder / "one, then two", POOLING, 2)
    go(dataset, folder / "two, then one", POOLING, 2, rows=STOPPED_AFTER)
    rank = int(os.environ["LOCAL_RANK"])
    honest, calls = F.cross_entropy, iter(range(100))

    def failing(*arguments: Any, **options: Any) -> torch.Tensor:
        loss = honest(*arguments, **options)
        return loss * float("nan") if rank == 1 and next(calls) == 2 else loss

    loop.F.cross_entropy = failing  # type: ignore[assignment]
    try:
        go(dataset, folder / "nan", [*POOLING, "head_epochs=0"], 2)
    except TrainingError as error:
        (folder / f"error {rank}").write_text(str(error))
        raise


@pytest.fixture(scope="module")
def trained(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of trainings in one process and in two."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for name, settings in CASES.items():
        go(tiny_dataset, one / name, settings, 1)
    go(tiny_dataset, two / "one, then two", POOLING, 1, rows=STOPPED_AFTER)
    with pytest.raises(TrainingError, match="the loss is nan"):
        run_together(2, work, tiny_dataset, two)
    go(tiny_dataset, two / "two, then one", POOLING, 1)
    return one, two


def curve(folder: Path) -> np.ndarray[Any, Any]:
    """Losses and accuracies, a row for each epoch."""
    columns = ("epoch", "batch", "lr", "loss", "train_accuracy", "val_accuracy", "val_mean_class_accuracy")
    with (folder / "metrics.csv").open(newline="") as file:
        return np.array([[float(row[column]) for column in columns] for row in csv.DictReader(file)])


@pytest.mark.parametrize(
    ("name", "reference"), [*((n, n) for n in CASES), ("one, then two", "pooling"), ("two, then one", "pooling")]
)
def test_the_curve_and_the_slopes_of_one_process(trained: tuple[Path, Path], name: str, reference: str) -> None:
    one, two = trained[0] / reference, trained[1] / name
    assert len(curve(one)) >= 1
    np.testing.assert_allclose(curve(two), curve(one), rtol=1e-5)
    ours, theirs = (load_file(folder / "last.safetensors") for folder in (one, two))
    assert set(ours) == set(theirs)
    largest = max(float(value.abs().max()) for key, value in ours.items() if key.endswith("exp_avg"))
    assert largest > 1e-3
    for key in ours:
        # The optimizer's running mean of the slopes; its weights, divided by their size, tell less.
        if key.endswith("exp_avg"):
            size = float(ours[key].abs().max())
            torch.testing.assert_close(theirs[key], ours[key], rtol=1e-3, atol=1e-4 * size + 1e-5 * largest, msg=key)
        # The means follow biases in front of them, of slope 0 and so pushed about by the last bits of it.
        if "running" in key:
            torch.testing.assert_close(theirs[key], ours[key], rtol=1e-4, atol=2e-3 if "mean" in key else 1e-5, msg=key)


def test_a_loss_that_is_not_a_number_stops_all(trained: tuple[Path, Path]) -> None:
    messages = [(trained[1] / f"error {rank}").read_text() for rank in (0, 1)]
    assert messages[0] == messages[1]
    photos = messages[0].partition("with the photos ")[2].partition(";")[0].split(", ")
    assert len(photos) == 1  # of batch 2, with two photos, the one of the second process
    assert "is nan in batch 2 of the step 'net'" in messages[0]


def children(pid: int) -> list[int]:
    """The processes of a training, in their order."""
    found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return sorted(child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes())


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("victim", ["its second process", "the one that started them"])
def test_killed_it_leaves_no_process_behind_and_goes_on(tiny_dataset: Path, tmp_path: Path, victim: str) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "madeof", "train", str(tiny_dataset), "--out", str(out), "--quiet"]
    command += [part for text in [*SMALL, "devices=2", "head_epochs=2000"] for part in ("--set", text)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as training:
        try:
            for _ in range(1200):
                if (out / "last.safetensors").exists() or training.poll() is not None:
                    break
                time.sleep(0.05)
            pids = children(training.pid)
            assert len(pids) == 2, training.stderr and training.stderr.read()
            os.kill(pids[1] if victim == "its second process" else training.pid, signal.SIGKILL)
            _, errors = training.communicate(timeout=60)
        finally:
            training.kill()
    for _ in range(600):
        if not any(map(running, pids)):
            break
        time.sleep(0.05)
    assert not any(map(running, pids))
    if victim == "its second process":
        assert training.returncode == 1
        assert errors.splitlines()[-1] == (
            "madeof: process 1 of 2 was ended by SIGKILL (not enough memory?), and the others with it; "
            "go on with --resume"
        )
        assert "Traceback" not in errors
