"""Explanations: nets whose answer is known to come from one place must be found out; then the command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import photo_and_label_map, write_model
from numpy.typing import NDArray
from PIL import Image

import madeof
from madeof.cli.main import main
from madeof.errors import InputError
from madeof.images.photo import Photo, read_photo
from madeof.inference.explanation import PARTS, SHARE_LOOKS, explain
from madeof.inference.occlusion import FILLINGS, divide, remove
from madeof.inference.predictor import Encoded, Predictor
from madeof.inference.saliency import map_heat
from madeof.model.calibration import Calibration
from madeof.regions.raster import from_box
from madeof.regions.region import Region
from madeof.viz.explanation import draw

SIZE = 96, 128
BOX = 40.0, 30.0, 90.0, 70.0


class Judge(Predictor):
    """A model that calls a region Red or Blue by the colour of its inside, or of all that is around it."""

    def __init__(self, record: Any, where: Literal["inside", "outside"]) -> None:
        self.record = dataclasses.replace(record, materials=("Red", "Blue"), calibration=Calibration())
        self.materials = self.record.materials
        self.where = where
        self._encoded = None

    def encode(self, image: Any, **_: Any) -> Encoded:
        photo = image if isinstance(image, Photo) else read_photo(image)
        return Encoded(photo, ())

    def _scores(self, checked: list[Region], encoded: Encoded) -> NDArray[np.float32]:
        rows = []
        for region in checked:
            seen = region.mask > 0 if self.where == "inside" else region.mask <= 0
            red, _, blue = encoded.photo.pixels[seen].mean(axis=0) / 255
            share = 1 / (1 + np.exp(-8 * (red - blue)))
            rows.append([share, 1 - share])
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def judge(tiny_predictor: Predictor) -> Callable[[Literal["inside", "outside"]], Judge]:
    return lambda where: Judge(tiny_predictor.record, where)


def two_colours() -> NDArray[np.uint8]:
    """A red region on blue ground."""
    photo = np.zeros((*SIZE, 3), dtype=np.uint8)
    photo[:] = (20, 60, 220)
    photo[from_box(BOX, SIZE)] = (220, 60, 20)
    return photo


def test_an_answer_by_the_inside(judge: Callable[..., Judge]) -> None:
    found = explain(judge("inside"), two_colours(), from_box(BOX, SIZE))
    assert found.prediction.material == "Red"
    assert found.shares == pytest.approx({"inside": 1, "ring": 0, "background": 0}, abs=0.01)
    assert found.alone_material == "Red"
    assert found.warning is None
    assert found.heat is not None
    rows, columns = np.unravel_index(found.heat.argmax(), found.heat.shape)
    assert 30 <= (rows + 0.5) * SIZE[0] / found.heat.shape[0] <= 70
    assert 40 <= (columns + 0.5) * SIZE[1] / found.heat.shape[1] <= 90


def test_an_answer_by_the_context(judge: Callable[..., Judge]) -> None:
    found = explain(judge("outside"), two_colours(), from_box(BOX, SIZE))
    assert found.prediction.material == "Blue"
    assert found.shares["inside"] == pytest.approx(0, abs=0.01)
    assert found.warning is not None
    assert found.warning.startswith("the context decided: ")
    assert found.warning in found.text()
    assert found.to_dict()["warning"] == found.warning


def test_shares_and_looks_add_up(judge: Callable[..., Judge]) -> None:
    steps: list[tuple[int, int]] = []
    own = judge("outside")
    found = explain(own, two_colours(), from_box(BOX, SIZE), looks=17, progress=lambda *at: steps.append(at))
    assert sum(found.shares.values()) == pytest.approx(1)
    assert sum(part.area for part in found.parts.values()) == pytest.approx(1, abs=1e-4)
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert len(steps) <= SHARE_LOOKS + 17 == steps[0][1]
    assert own._encoded is None  # the caller's predictor is left as it was
    assert list(found.to_dict()["parts"]) == list(PARTS)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("box", [(0, 0, 128, 96), (7, 5, 8, 6), (0, 0, 30, 30), (100, 60, 128, 96)])
def test_whole_photo_one_pixel_and_edges(box: tuple[float, ...], judge: Callable[..., Judge]) -> None:
    found = explain(judge("inside"), two_colours(), from_box(box, SIZE), looks=5)
    assert all(np.isfinite(part.drop) and 0 <= part.share <= 1 for part in found.parts.values())
    if box == (0, 0, 128, 96):
        assert found.shares == {"inside": 1, "ring": 0, "background": 0}
        assert found.warning is None


def test_without_heat(judge: Callable[..., Judge]) -> None:
    found = explain(judge("inside"), two_colours(), from_box(BOX, SIZE), looks=0)
    assert found.heat is None
    assert "heat" not in found.to_dict()


@pytest.mark.parametrize(("given", "message"), [({"looks": -1}, "looks is -1"), ({"fillings": ["red"]}, "fillings is")])
def test_bad_settings(given: dict[str, Any], message: str, judge: Callable[..., Judge]) -> None:
    with pytest.raises(InputError, match=message):
        explain(judge("inside"), two_colours(), from_box(BOX, SIZE), **given)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_the_heat_map_keeps_the_sum_of_its_first_cells(height: int, width: int, looks: int) -> None:
    values = np.random.default_rng(height * 100 + width).normal(size=(height, width))
    asked = []

    def cost(rows: slice, columns: slice) -> float:
        asked.append((rows, columns))
        assert values[rows, columns].size
        return float(values[rows, columns].sum())

    heat = map_heat(cost, (height, width), looks)
    assert len(asked) <= looks
    assert heat.sum() == pytest.approx(values.sum(), abs=1e-3)
    assert max(heat.shape) <= 24


def test_a_part_taken_away_leaves_the_rest(tiny_predictor: Predictor) -> None:
    photo = read_photo(np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8))
    parts = divide(Region.from_box("box 0", BOX, SIZE), SIZE)
    assert np.allclose(sum(parts.values()), 1)
    for filling in FILLINGS:
        without = remove(photo, parts["ring"], filling, (1.0, 2.0, 3.0))
        changed = (without.pixels != photo.pixels).any(axis=2)
        assert not changed[parts["ring"] == 0].any()
        assert changed[parts["ring"] == 1].mean() > 0.95


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo, labels = photo_and_label_map(3)
    Image.fromarray(photo).save("photo.png")
    Image.fromarray(labels).save("labels.png")
    return tmp_path


def test_the_command(here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "photo.png", "--model", str(tiny_model), "--looks", "4", "--box", "4,4,40,40"]
    assert main([*command, "--out", "why.png"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("box 0  ")
    assert "by its inside alone: " in out
    assert err == "madeof: wrote why.png\n"
    with Image.open("why.png") as picture:
        assert picture.width > 600
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["image"], told["width"], told["height"]) == ("photo.png", 80, 64)
    (region,) = told["regions"]
    assert region["region"] == "box 0"
    assert set(region["shares"]) == set(PARTS)
    predictor = madeof.load(tiny_model, threads=1)
    predictor.set_image("photo.png")
    (prediction,) = predictor.predict([from_box((4, 4, 40, 40), (64, 80))])
    assert (region["material"], region["score"]) == (prediction.material, pytest.approx(prediction.score, abs=1e-5))


def test_several_regions_need_a_folder(here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "photo.png", "--model", str(tiny_model), "--looks", "0", "--label-map", "labels.png"]
    assert main([*command, "--out", "why.png"]) == 1
    assert "regions; expected a folder" in capsys.readouterr().err
    assert main([*command, "--out", "why"]) == 0
    regions = capsys.readouterr().out.count("label ")
    assert len(list(Path("why").iterdir())) == regions > 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--box", "500,500,600,600"], "none of its regions can be used"),
        (["--box", "0,0,9,9", "--out", "why.gif"], "expected a name that ends in .png or .jpg"),
        (["--box", "0,0,9,9", "--out", "photo.png"], "would overwrite one of the files"),
        (["--box", "0,0,9,9", "--model", "nothing"], "there is no model folder"),
    ],
)
def test_bad_input(
    given: list[str], message: str, here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = [] if "--model" in given else ["--model", str(tiny_model)]
    before = Path("photo.png").read_bytes()
    assert main(["explain", "photo.png", *model, *given]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert Path("photo.png").read_bytes() == before


def test_good_regions_are_explained_and_bad_ones_named(
    here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = ["--box", "4,4,40,40", "--box", "500,500,600,600"]
    assert main(["explain", "photo.png", "--model", str(tiny_model), "--looks", "0", "--json", *boxes]) == 1
    out, err = capsys.readouterr()
    first, second = json.loads(out)["regions"]
    assert "shares" in first
    assert "lies outside the photo" in second["error"]
    assert err.startswith("madeof: photo.png: box 1: ")


def test_the_original_net_is_explained_too(here: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "stem", architecture={"net": "MaskAtStem"})
    found = madeof.explain(madeof.load(model, threads=1), "photo.png", from_box((4, 4, 40, 40), (64, 80)), looks=1)
    assert isinstance(found, madeof.Explanation)
    assert set(found.shares) == set(PARTS)


@pytest.mark.parametrize("size", [(64, 400), (400, 64), (64, 80)])
def test_the_picture_fits_photos_of_any_shape(size: tuple[int, int], tiny_predictor: Predictor) -> None:
    photo = np.full((*size, 3), (200, 40, 40), dtype=np.uint8)
    region = Region.from_box("box 0", (10, 10, 50, 50), size)
    found = explain(tiny_predictor, photo, region, looks=2)
    picture = np.asarray(draw(photo, region, found, title="a name that is so long that it has to be cut " * 9))
    assert picture.shape[1] <= 1328 + 32
    assert picture.std() > 5
