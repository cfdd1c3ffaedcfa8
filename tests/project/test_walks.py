"""The walks that docs/architecture.md tells: the files are visited in that order, and none from a room below."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map
from serving import BOX, make_app, photo, regions, test_client

from madeof.batch.annotator import Kernel
from madeof.batch.sources.opening import open_source
from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.inference.predictor import Predictor

_REPOSITORY = Path(__file__).parents[2]
_PAGE = (_REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
_ROOT = f"{_REPOSITORY / 'src' / 'madeof'}/"
FLOOR = {
    room: int(floor)
    for floor, rooms in re.findall(r"^\| (\d+) \| ([^|]+) \|", _PAGE, re.MULTILINE)
    for room in re.findall(r"`(\w+)`", rooms)
}


def walks() -> dict[str, list[str]]:
    """The stays of each walk, by its title."""
    _, *sections = re.split(r"^### ", _PAGE, flags=re.MULTILINE)
    return {text.partition("\n")[0]: re.findall(r"^\d+\. `([^`]+)`", text, re.MULTILINE) for text in sections}


def calls_of(action: Callable[[], Any]) -> list[tuple[str, str]]:
    """The calls from file to file within the package, on all threads that it starts, in their order."""
    found: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        here = frame.f_code.co_filename
        if event != "call" or not here.startswith(_ROOT) or frame.f_code.co_name == "<module>":
            return
        back = frame.f_back
        while back is not None and not back.f_code.co_filename.startswith(_ROOT):
            back = back.f_back
        caller = "" if back is None else back.f_code.co_filename.removeprefix(_ROOT)
        found.append((caller, here.removeprefix(_ROOT)))

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]  # typeshed knows no None
    return found


@pytest.fixture
def actions(tmp_path: Path, tiny_model: Path, tiny_predictor: Predictor, capsys: Any) -> dict[str, Callable[[], Any]]:
    """What makes something walk, by a word of the walk's title."""
    from PIL import Image

    pixels, labels = photo_and_label_map(0)
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos" / "p.png")
    Image.fromarray((labels == labels.max()).astype("uint8") * 255).save(tmp_path / "m.png")
    height, width = labels.shape
    coco = {
        "images": [{"id": 1, "file_name": "photos/p.png", "height": height, "width": width}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 30, 0, 30, 30]]}],
        "categories": [{"id": 1, "name": "Wood"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))

    def mask() -> None:
        photos = tmp_path / "photos" / "p.png"
        assert main(["predict", str(photos), "--mask", str(tmp_path / "m.png"), "--model", str(tiny_model)]) == 0

    def batch() -> None:
        ((_, task),) = open_source(str(tmp_path / "photos"))[0].tasks(lambda _: True)
        (row,) = Kernel(tiny_model).answer(task)
        assert "material" in row

    def annotations() -> None:
        pytest.importorskip("torch")
        from madeof.training.config import Config
        from madeof.training.samplers import PhotosSampler

        dataset = open_dataset(tmp_path / "coco.json")
        PhotosSampler(dataset, np.zeros(1, dtype=np.int64), Config(batch=1, crop=32)).batch(0)

    def request() -> None:
        with test_client(make_app(tiny_predictor)) as client:
            files: list[Any] = [("photo", ("p.png", photo())), ("regions", json.dumps(regions(BOX)))]
            assert client.post("/v1/predict", files=files).status_code == 200

    return {"mask": mask, "batch": batch, "annotation": annotations, "request": request}


@pytest.mark.parametrize("word", ["mask", "batch", "annotation", "request"])
def test_a_walk_is_as_it_is_told(word: str, actions: dict[str, Callable[[], Any]]) -> None:
    (stays,) = [stays for title, stays in walks().items() if word in title.lower().partition(",")[0].split()]
    assert 4 < len(stays) <= 8
    calls = calls_of(actions[word])
    visited = iter([here for _, here in calls])
    assert [stay for stay in stays if stay not in visited] == []  # each is looked for behind the one before it
    climbs = [
        (caller, here) for caller, here in calls if here in stays and caller and FLOOR[room(caller)] < FLOOR[room(here)]
    ]
    assert climbs == []


def room(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")
