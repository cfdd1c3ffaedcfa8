"""Explanations: nets whose answer is known to come from one place must be found out; then the command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from inference_explanation import BOX, SIZE
from made import write_model
from numpy.typing import NDArray

import madeof
from madeof.errors import InputError
from madeof.images.photo import Photo, read_photo
from madeof.inference.explanation import PARTS, SHARE_LOOKS, Explanation, Part, explain
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Encoded, Predictor
from madeof.model.calibration import Calibration
from madeof.regions.raster import from_box
from madeof.regions.region import Region


class Judge(Predictor):
    """A model that calls a region Red or Blue by the colour of its inside, or of all that is around it."""

    def __init__(self, record: Any, where: Literal["inside", "outside"]) -> None:
        self.record = dataclasses.replace(record, materials=("Red", "Blue"), calibration=Calibration(1.0, None))
        self.materials = self.record.materials
        self.where = where
        self._encoded = None

    def encode(self, image: Any, **_: Any) -> Encoded:
        photo = image if isinstance(image, Photo) else read_photo(image)
        return Encoded(photo, ())

    def _scores(self, checked: list[Region], encoded: Encoded, *_: Any) -> NDArray[np.float32]:
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


@pytest.mark.parametrize(
    ("ring", "background", "warned"), [(0.2, 0.25, False), (0.25, 0.25, False), (0.26, 0.25, True), (0, 0.6, True)]
)
def test_the_context_decides_with_more_than_half_of_the_answer(ring: float, background: float, warned: bool) -> None:
    """By its inside alone the region is called the same, so that only the shares speak."""
    answer = Prediction(("Red", "Blue"), np.array([0.9, 0.1], np.float32), 9.0, (0, 0, 3, 3))
    shares = {"inside": 1 - ring - background, "ring": ring, "background": background}
    parts = {name: Part(0.3, share, share, "Red", 0.5) for name, share in shares.items()}
    found = Explanation(answer, parts, alone_material="Red", alone_score=0.8, empty_score=0.5, heat=None)
    assert (found.warning is not None) == warned
    assert dataclasses.replace(found, alone_material="Blue").warning is not None


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


def test_the_original_net_is_explained_too(photo_here: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "stem", architecture={"net": "MaskAtStem"})
    found = madeof.explain(madeof.load(model, threads=1), "photo.png", from_box((4, 4, 40, 40), (64, 80)), looks=1)
    assert isinstance(found, madeof.Explanation)
    assert set(found.shares) == set(PARTS)
