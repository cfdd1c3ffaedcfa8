"""SAM as the click: made-up files of each contract, whose answers are known, and files that are none."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_sam import RADII, write_sam
from serve_sam import _SCALE, HEIGHT, WIDTH, _disc, _halves, _overlap
from serving import png, problem_of, test_client

from madeof.cli.main import main
from madeof.inference.predictor import Predictor
from madeof.serve.app import create_app
from madeof.serve.cache import Images
from madeof.serve.metrics import Metrics
from madeof.serve.sam import Sam
from madeof.serve.settings import Settings


def test_tall_photos_and_large_ones(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    from madeof.serve import sam as module

    tall = sam.prepare(_halves(160, 60), lambda: None)
    found = tall.find([(15, 80)], [], -1, (160, 60))
    assert found is not None
    assert np.abs(np.array(found.box) - [0, 65, 30, 95]).max() <= 2
    monkeypatch.setattr(module, "_PIXELS_AT_ONCE", 10_000)  # many bands, and no seam is seen
    large = sam.prepare(_halves(), lambda: None)
    bands = large.find([(400, 600)], [], 0, (HEIGHT * 10, WIDTH * 10))
    assert _overlap(bands, _disc(400, 600, RADII[1] * _SCALE * 10, scale=10)) > 0.98
    monkeypatch.undo()
    whole = large.find([(400, 600)], [], 0, (HEIGHT * 10, WIDTH * 10))
    assert whole is not None
    assert bands is not None
    assert (bands.mask != whole.mask).mean() < 1e-4


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (3000, 7)])
def test_photos_of_any_shape(sam: Sam, size: tuple[int, int]) -> None:
    red = np.zeros((*size, 3), np.uint8)
    red[..., 0] = 255
    found = sam.prepare(red, lambda: None).find([(size[1] / 2, size[0] / 2)], [], 20, size)
    assert found is not None
    assert found.size == size
    assert 1 <= found.area <= size[0] * size[1]


def test_larger_and_smaller_go_through_the_masks_by_their_area(tmp_path: Path) -> None:
    sam = Sam(write_sam(tmp_path, radii=(24, 6, 12), scores=(0.1, 0.2, 0.3)))
    photo = sam.prepare(_halves(), lambda: None)
    for size, radius in {-20: 6, -1: 6, 0: 12, 1: 24, 20: 24}.items():
        disc = _disc(40, 60, radius * _SCALE)
        assert _overlap(photo.find([(40, 60)], [], size, (HEIGHT, WIDTH)), disc) > 0.9, size


def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["serve", "--port", "0", "--model", str(tiny_model), "--sam"]
    for given, text in (
        (["no-such-folder"], "cannot look into no-such-folder (No such file or directory); expected SAM's enc"),
        (["a", "b", "c"], "got a, b, c for SAM; expected its encoder and its decoder, or the folder of the two"),
        ([str(tmp_path / "a"), "b"], "a (No such file or directory); expected an ONNX file of SAM"),
    ):
        assert main([*line, *given]) == 1
        assert text in capsys.readouterr().err


def test_the_service_selects_with_it(tiny_predictor: Predictor, sam: Sam) -> None:
    app = create_app(tiny_predictor, Settings(workers=2), sam)
    with test_client(app) as client:
        assert client.get("/v1/model").json()["select"] == "SAM (segment-anything)"
        told = client.post("/v1/images", content=png(_halves()), headers={"Content-Type": "image/png"}).json()
        path, images = f"/v1/images/{told['id']}/select", app.state.service.images
        before = images.nbytes
        response = client.post(path, json={"points": [[40, 60]]})
        assert response.status_code == 200, response.text
        assert response.json()["area"] == pytest.approx(_disc(40, 60, RADII[1] * _SCALE).sum(), rel=0.04)
        assert images.nbytes == before + 3 * 16 * 16 * 4
        assert client.post(path, json={"points": [[40, 60]], "size": 1}).json()["area"] > response.json()["area"]
        assert images.nbytes == before + 3 * 16 * 16 * 4
        assert problem_of(client.post(path, json={"points": [[150, 60]]}))[:2] == (422, "region")
        client.delete(f"/v1/images/{told['id']}")
        assert images.nbytes == 0


class _Thing:
    """What was prepared of a photo."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes

    def find(self, *_: Any) -> None:
        """See `Prepared`."""


def test_what_is_prepared_is_kept_within_the_cache(tiny_predictor: Predictor) -> None:
    encoded = [tiny_predictor.encode(_halves()) for _ in range(3)]
    one = encoded[0].nbytes
    images = Images(Settings(cache_mb=(3 * one + 1000) / 1e6), Metrics())
    names = [images.add(each) for each in encoded]
    small = images.prepared(names[0], lambda _: _Thing(900))
    assert images.prepared(names[0], lambda _: _Thing(1)) is small
    assert images.nbytes == 3 * one + 900
    assert images.prepared(names[2], lambda _: _Thing(10**9)).nbytes == 10**9  # used, and not kept
    assert images.nbytes == 3 * one + 900
    images.prepared(names[1], lambda _: _Thing(2000))  # the longest unused goes
    assert list(images._kept) == [names[2], names[1]]
    assert images.nbytes == 2 * one + 2000
    images.remove(names[1])
    assert images.nbytes == one


def test_two_clicks_at_once_prepare_a_photo_once(tiny_predictor: Predictor) -> None:
    images = Images(Settings(), Metrics())
    name = images.add(tiny_predictor.encode(_halves()))
    begun, go, made = threading.Event(), threading.Event(), []

    def slow(_: Any) -> _Thing:
        begun.set()
        assert go.wait(20)
        made.append(_Thing(1))
        return made[-1]

    found: list[Any] = []
    first = threading.Thread(target=lambda: found.append(images.prepared(name, slow)))
    first.start()
    assert begun.wait(20)

    def gone() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # who waits for the first one can go away
        images.prepared(name, slow, gone)
    second = threading.Thread(target=lambda: found.append(images.prepared(name, slow)))
    second.start()
    go.set()
    first.join(20)
    second.join(20)
    assert found == [made[0], made[0]]
    assert len(made) == 1
