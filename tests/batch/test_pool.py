"""Worker processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from batch_run import LINES, batch

from madeof.batch import Kernel, Task
from madeof.batch.pool import Pool, cores
from madeof.batch.tasks import Answered
from madeof.errors import BatchError


class Deadly(Kernel):
    """Some photos kill its process, one only the first time."""

    def answered(self, task: Task) -> Answered:
        if "deadly" in task.image:
            os._exit(7)
        once = Path(task.image)
        if once.suffix == ".once" and not once.exists():
            once.touch()
            os._exit(8)
        return super().answered(task)


def test_a_photo_that_kills_its_worker_costs_itself_alone(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    photo = str(batch_photos / "images" / "p0.png")
    names = ["a", "b", "deadly", "c", str(tmp_path / "x.once"), "d", "e", "f"]
    with Pool(Deadly(tiny_model, LINES), 2) as pool:
        found = list(pool.map(enumerate(Task(name, photo) for name in names)))
    assert [number for number, _ in found] == list(range(8))
    errors = {names[number]: answered.rows[0].get("error") for number, answered in found if answered.errors}
    assert errors == {"deadly": "its worker process died of it 3 times (status 7)"}
    assert all(answered.rows[0]["image"] == names[number] for number, answered in found)


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with (
        Pool(Kernel(tmp_path), 1) as pool,
        pytest.raises(BatchError, match=r"a worker could not load the model: .*model\.json"),
    ):
        list(pool.map(iter([(0, Task("a", b""))])))


def test_cores_and_no_thread_left(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    before = threading.active_count()
    batch(batch_photos, tmp_path / "out", tiny_model, workers=1)
    assert threading.active_count() <= before + 1  # the listener may be about to end
