"""A real Ray cluster on this machine, against one process (pytest -m ray; extra `ray`)."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map
from PIL import Image

from madeof.batch import ray as on_ray
from madeof.batch.annotator import Kernel
from madeof.batch.shards import write_shard
from madeof.batch.sources.opening import open_source
from madeof.batch.store import open_store
from madeof.batch.tasks import Options
from madeof.errors import BatchError, InputError, MadeofError
from madeof.regions.region import Region

pytestmark = [
    pytest.mark.ray,
    # Ray opens files and sockets that it leaves to the end of the process, and warns of its own settings.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
]

PHOTOS, PER_SHARD = 18, 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with on_ray.Session() as ray:
        yield ray


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with label maps, and one that is none."""
    folder = tmp_path_factory.mktemp("batch")
    (folder / "photos").mkdir()
    (folder / "maps").mkdir()
    for number in range(PHOTOS):
        photo, labels = photo_and_label_map(number)
        Image.fromarray(photo).save(folder / "photos" / f"p{number:02}.png")
        Image.fromarray(labels).save(folder / "maps" / f"p{number:02}.png")
    (folder / "photos" / "p05.png").write_bytes(b"no photo")
    return folder


def plan_of(photos: Path, model: Path, out: Path, **options: Any) -> on_ray.Plan:
    opening = {"source": str(photos / "photos"), "label_maps": str(photos / "maps")}
    return on_ray.Plan(Kernel(model, Options(**options)), opening, str(out), PER_SHARD, PHOTOS)


def one_machine(plan: on_ray.Plan, out: Path) -> list[int]:
    """The same shards, written here; their numbers."""
    source, _ = open_source(**plan.opening)
    numbers = list(range(-(-PHOTOS // PER_SHARD)))
    for number in numbers:
        answers = (plan.kernel.answered(task) for n, task in source.tasks(lambda n: n // PER_SHARD == number))  # noqa: B023
        write_shard(open_store(str(out)), number, answers, plan.kernel.options.to)
    return numbers


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_with_an_actor_killed_the_files_are_those_of_one_machine(
    cluster: Any, photos: Path, tiny_model: Path, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(photos, tiny_model, tmp_path / "ray", to=to)
    numbers = one_machine(plan, tmp_path / "one")
    marks, killed = tmp_path / "marks", 1

    class Mortal(on_ray.ShardWriter):
        """In the middle of a shard, its process is killed once."""

        def _tasks(self, number: int) -> Any:
            for index, one in enumerate(super()._tasks(number)):
                if number == killed and index == 2 and not (marks / "killed").exists():
                    (marks / "killed").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                yield one
            (marks / f"{number} by {os.getpid()}").touch()

    marks.mkdir()
    monkeypatch.setattr(on_ray, "ShardWriter", Mortal)
    (tmp_path / "ray").mkdir()
    shards = [written.shard for written in on_ray.shards_on_ray(plan, numbers, workers=2)]
    assert (marks / "killed").exists()
    assert len({path.name.partition(" by ")[2] for path in marks.glob("* by *")}) >= 2  # several workers
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "one")
    assert sorted(shard.name for shard in shards) == [f"part-{number:06}.{to}" for number in numbers]
    assert sum(shard.photos for shard in shards) == PHOTOS
    assert sum(shard.errors for shard in shards) == 1


def test_the_workers_work_at_the_same_time(
    cluster: Any, photos: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"

    class Meeting(on_ray.ShardWriter):
        """Waits with its first shard until another worker has one."""

        def _tasks(self, number: int) -> Any:
            (marks / str(os.getpid())).touch()
            end = time.monotonic() + 60
            while len(list(marks.iterdir())) < 2:
                assert time.monotonic() < end, "no other worker came"
                time.sleep(0.05)
            yield from super()._tasks(number)

    marks.mkdir()
    monkeypatch.setattr(on_ray, "ShardWriter", Meeting)
    (tmp_path / "out").mkdir()
    plan = plan_of(photos, tiny_model, tmp_path / "out")
    assert len(list(on_ray.shards_on_ray(plan, [0, 1, 2], workers=2))) == 3


def test_what_stops_a_batch_is_one_line(cluster: Any, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    plan = plan_of(photos, tmp_path / "no model", tmp_path / "out")
    with pytest.raises(MadeofError, match=r"^a worker could not load the model: .*no model"):
        list(on_ray.shards_on_ray(plan, [0, 1], workers=1))


def test_an_address_where_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"  # bound, and nobody listens
        monkeypatch.setattr(on_ray.ray_of("a test"), "is_initialized", lambda: False)
        with pytest.raises(BatchError, match=rf"^nothing answers at ray://{address} \(.*\); expected a Ray cluster: "):
            on_ray.Session(f"ray://{address}").__enter__()


def test_a_dataset_of_arrays_and_one_of_paths(cluster: Any, photos: Path, tiny_model: Path) -> None:
    import madeof
    import madeof.batch.ray_data as ours

    boxes = [[5, 5, 40, 50], [0, 0, 80, 64], [30, 10, 70, 60]]
    paths = [str(photos / "photos" / f"p{number:02}.png") for number in (0, 1, 5)]
    rows = [
        {"image": path, "box": box, "region": f"r{index}", "material": "Wood"}
        for path in paths
        for index, box in enumerate(boxes)
    ]
    data = cluster.data.from_items(rows, override_num_blocks=1)
    found = ours.classify(data, model=tiny_model, workers=1).take_all()
    predictor = madeof.load(tiny_model, threads=1)
    assert [(row["image"], row["region"]) for row in found] == [
        *((path, f"r{index}") for path in paths[:2] for index in range(3)),
        (paths[2], None),
    ]
    assert "is not an image that we read" in found[-1]["error"]
    assert {row["truth"] for row in found[:6]} == {"Wood"}
    for path, part in ((paths[0], found[:3]), (paths[1], found[3:6])):
        predictor.set_image(path)
        expected = predictor.predict([Region.from_box("r", tuple(map(float, box)), (64, 80)) for box in boxes])
        assert [row["material"] for row in part] == [prediction.material for prediction in expected]
        assert [row["score"] for row in part] == pytest.approx([p.score for p in expected], abs=1e-4)

    arrays = cluster.data.from_items(
        [
            {"image": np.asarray(Image.open(path)), "path": path, "mask": np.asarray(Image.open(path))[..., 0] > 0}
            for path in paths[:2]
        ]
    )
    for row in ours.classify(arrays, model=tiny_model, workers=1).take_all():
        assert row["image"] in paths
        assert (row["region"], row["error"]) == ("region 0", None)
        assert row["area"] > 4000
    with pytest.raises(InputError, match=r"^got list; expected a dataset of ray.data"):
        ours.classify(rows)  # type: ignore[arg-type]


def test_it_says_nothing_on_standard_output(
    cluster: Any, photos: Path, tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    told = list(on_ray.shards_on_ray(plan_of(photos, tiny_model, tmp_path / "out"), [4], workers=1))
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""
    progress = json.loads((tmp_path / "out/_progress/part-000004.parquet.json").read_text())
    assert progress["photos"] == told[0].shard.photos == 2
    assert set(told[0].seconds) == {"decode", "regions", "encode", "classify"}
