"""Killed at any moment, a batch goes on to the same bytes: each region is there exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from made import write_dataset

pytestmark = pytest.mark.slow

KILLER = Path(__file__).parents[1] / "support" / "kill_batch.py"
PHOTOS, PER_SHARD = 60, 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with label maps; one is broken."""
    folder = write_dataset(tmp_path_factory.mktemp("kills") / "set", photos=PHOTOS, val=0)
    (folder / "images" / "p7.png").write_bytes(b"no photo")
    return folder


def command(ending: str, data: Path, out: Path, model: Path, workers: int) -> list[str]:
    return [
        sys.executable, "-W", "error", str(KILLER), ending, "batch", str(data / "images"), "--out", str(out),
        "--label-maps", str(data / "labels"), "--model", str(model), "--photos-per-shard", str(PER_SHARD),
        "--workers", str(workers), "--to", "jsonl",
    ]  # fmt: skip


def attempt(ending: str, data: Path, out: Path, model: Path, workers: int = 2) -> float | None:
    """Run or go on with the batch; the seconds that it worked, None when it was killed."""
    done = subprocess.run(command(ending, data, out, model, workers), capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    if done.returncode:
        return None
    return float(done.stderr.rpartition("worked ")[2].split()[0])


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


@pytest.fixture(scope="module")
def unbroken(data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nobody killed, and how long it worked."""
    out = tmp_path_factory.mktemp("unbroken") / "out"
    seconds = attempt("never", data, out, tiny_model)
    assert seconds is not None
    return out, seconds


def check(out: Path, unbroken: Path) -> None:
    """`out` is whole, and the same as the unbroken one."""
    assert contents(out) == contents(unbroken)
    photos = [json.loads(line) for data in contents(out).values() for line in data.splitlines()]
    assert len(photos) == PHOTOS
    regions = Counter((photo["image"], region["region"]) for photo in photos for region in photo.get("regions", ()))
    assert set(regions.values()) == {1}
    assert sum(regions.values()) == 3 * (PHOTOS - 1)
    assert not list(out.rglob("*.tmp"))
    assert not (out / "_progress").exists()
    assert json.loads((out / "_manifest.json").read_bytes())["done"]


def children(process: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def killed_at(shards: int, data: Path, out: Path, model: Path, *, worker: bool = False) -> bool:
    """Begin or go on, and kill the batch (or only one of its workers) when it has finished some shards.

    Returns:
        Whether it was still there to be killed. What it started ends by itself then.
    """
    process = subprocess.Popen(command("never", data, out, model, 2), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while len(list(out.glob("_progress/*.json"))) < shards and process.poll() is None:
        time.sleep(0.002)
    workers = children(process.pid) if process.poll() is None else []
    hit = bool(workers)
    if worker and workers:
        os.kill(workers[0], signal.SIGKILL)
    elif not worker:
        process.kill()
    _, told = process.communicate(timeout=300)
    assert process.returncode in ((0,) if worker else (0, -signal.SIGKILL)), told
    ends = time.monotonic() + 30
    while not all(map(gone, workers)) and time.monotonic() < ends:
        time.sleep(0.01)
    assert all(map(gone, workers))
    return hit


def test_killed_while_saving_and_at_random(
    data: Path, tiny_model: Path, tmp_path: Path, unbroken: tuple[Path, float]
) -> None:
    moments = random.Random(os.environ.get("MADEOF_KILL_SEED", "1"))
    out = tmp_path / "out"
    # After the manifest two files for each shard: its rows, and what says that it is finished.
    assert attempt(f"saving {moments.randrange(3, 10)}", data, out, tiny_model) is None
    kept = contents(out)
    assert kept
    hits = killed_at(moments.randrange(6, 9), data, out, tiny_model)
    assert hits
    assert contents(out).items() >= kept.items()
    assert attempt("never", data, out, tiny_model, workers=0) is not None
    check(out, unbroken[0])


def test_a_killed_worker_is_replaced(
    data: Path, tiny_model: Path, tmp_path: Path, unbroken: tuple[Path, float]
) -> None:
    assert killed_at(2, data, tmp_path / "out", tiny_model, worker=True)
    check(tmp_path / "out", unbroken[0])


@pytest.mark.soak
def test_killed_fifty_times(data: Path, tiny_model: Path, tmp_path: Path, unbroken: tuple[Path, float]) -> None:
    """On demand: `pytest -m soak`."""
    moments = random.Random()
    hits = number = 0
    while hits < 50:
        out = tmp_path / f"out{number}"
        number += 1
        for kill in range(6):
            kind = moments.choice(["saving", "after", "shards", "worker"])
            if kind == "saving":
                hits += attempt(f"saving {moments.randrange(8)}", data, out, tiny_model) is None
            elif kind == "after":
                hits += attempt(f"after {moments.uniform(0, 1) * unbroken[1]:.3f}", data, out, tiny_model) is None
            else:
                hits += killed_at(2 * kill, data, out, tiny_model, worker=kind == "worker")
        assert attempt("never", data, out, tiny_model) is not None
        check(out, unbroken[0])
    print(f"kills that hit: {hits} in {number} batches")
