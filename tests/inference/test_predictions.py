"""The answers for several regions as one object."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map
from PIL import Image

from madeof import MissingExtraError, Prediction, Predictions, Predictor
from madeof.inference.photo_result import Answer, PhotoResult
from madeof.model.calibration import Calibration
from madeof.regions import Region, regions_from_label_map

PHOTO, LABELS = photo_and_label_map(1, 60, 83)


@pytest.fixture(scope="module")
def predictions(tiny_predictor: Predictor) -> Predictions:
    encoded = tiny_predictor.encode(PHOTO)
    return tiny_predictor.predict(regions_from_label_map(LABELS), boxes=[(0, 0, 9, 9)], encoded=encoded)


def prediction(score: float = 0.92, area: float = 5409, below: float | None = 0.5) -> Prediction:
    scores = np.array([1 - score, 0, 0, score], np.float32)
    return Prediction(
        ("Wood", "Glass", "Stone", "Metal"), scores, area, (1, 2, 3, 4), Calibration(uncertain_below=below)
    )


def test_a_prediction_shows_its_material_and_score() -> None:
    assert repr(prediction()) == "Prediction('Metal', score=0.92, area=5409)"
    assert repr(prediction(0.62, 12.25, 0.7)) == "Prediction('Metal', score=0.62, area=12.25, uncertain=True)"
    assert repr(prediction(below=None)) == "Prediction('Metal', score=0.92, area=5409, uncalibrated)"


def test_a_prediction_as_plain_values() -> None:
    assert prediction(0.75).to_dict(top=2) == {
        "area": 5409,
        "box": [1, 2, 3, 4],
        "material": "Metal",
        "score": 0.75,
        "top": [{"material": "Metal", "score": 0.75}, {"material": "Wood", "score": 0.25}],
        "uncertain": False,
        "answer": "Metal",
    }
    assert "uncertain" not in prediction(below=None).to_dict()


def test_it_is_a_sequence(predictions: Predictions) -> None:
    assert len(predictions) == 4
    assert [one.material for one in predictions] == list(predictions.material)
    assert predictions[-1] is list(predictions)[3]
    assert predictions[-1] in predictions
    with pytest.raises(IndexError):
        predictions[4]


def test_arrays(predictions: Predictions) -> None:
    assert predictions.materials == MATERIALS
    assert predictions.scores.shape == (4, 4)
    np.testing.assert_array_equal(predictions.scores[2], predictions[2].scores)
    np.testing.assert_array_equal(predictions.score, predictions.scores.max(axis=1))
    assert predictions.boxes.tolist() == [list(one.box) for one in predictions]
    assert predictions.areas.tolist() == [one.area for one in predictions]
    assert predictions.boxes[-1].tolist() == [0, 0, 9, 9]


def test_parts_of_it(predictions: Predictions) -> None:
    for index, wanted in (
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([3, 0], [3, 0]),
        (np.array([True, False, False, True]), [0, 3]),
        ([], []),
        (np.array([-1]), [3]),
    ):
        part = predictions[index]
        assert isinstance(part, Predictions)
        assert list(part) == [predictions[i] for i in wanted]
        assert [region.name for region in part.regions] == [predictions.regions[i].name for i in wanted]
    with pytest.raises(IndexError, match="got 2 bools for 4 answers"):
        predictions[[True, False]]
    with pytest.raises(IndexError, match="expected a position"):
        predictions[["Wood"]]


def test_no_answers(tiny_predictor: Predictor) -> None:
    none = tiny_predictor.predict([], encoded=tiny_predictor.encode(PHOTO))
    assert (none.scores.shape, none.boxes.shape, none.score.shape) == ((0, 4), (0, 4), (0,))
    assert repr(none) == "Predictions(0 regions)"
    assert list(none[[]]) == []
    assert none._repr_png_()
    assert "<td>" not in none._repr_html_()


def test_it_shows_what_was_found(predictions: Predictions) -> None:
    shown = repr(predictions)
    first = f"{predictions[0].material} {predictions[0].score:.0%}"
    assert shown.startswith(f"Predictions(4 regions: {first}, ")
    assert repr(predictions[:1]) == f"Predictions(1 region: {first})"


def test_plain_values_are_those_of_the_command_line(predictions: Predictions) -> None:
    told = predictions.to_dict(top=3)
    answers = tuple(Answer(region.name, one) for region, one in zip(predictions.regions, predictions, strict=True))
    wanted = PhotoResult(predictions.photo, "tiny 3", answers).to_dict(3)
    assert told == wanted
    json.dumps(told, allow_nan=False)


def test_the_picture_is_the_photo_with_the_answers(predictions: Predictions) -> None:
    data = predictions._repr_png_()
    assert data is not None
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    empty = np.asarray(predictions[[]].draw().convert("RGB")).astype(int)
    assert picture.shape[1] == 512  # small photos are enlarged
    assert np.abs(picture[: empty.shape[0]] - empty).mean() > 3


def test_the_picture_of_a_photo_that_was_decoded_smaller(tiny_predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(PHOTO).resize((1660, 1200)).save(path)
    encoded = tiny_predictor.encode(path)
    assert encoded.photo.reduced
    found = tiny_predictor.predict(boxes=[(1500, 1000, 1660, 1200)], encoded=encoded)
    marked, plain = (np.asarray(one.draw()).astype(int) for one in (found, found[[]]))
    changed = np.abs(marked - plain).sum(axis=2) > 30
    height, width = changed.shape  # the photo's 1200 x 1660 in smaller
    assert changed[height * 1010 // 1200 :, width * 1510 // 1660 :].mean() > 0.2
    assert not changed[: height // 2, : width // 2].any()


def test_html_escapes_what_it_shows(tiny_predictor: Predictor) -> None:
    region = Region.from_box("<b>&", (0, 0, 20, 20), (60, 83))
    shown = tiny_predictor.predict([region], encoded=tiny_predictor.encode(PHOTO))._repr_html_()
    assert "&lt;b&gt;&amp;" in shown
    assert "<b>" not in shown
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', shown)
    assert picture is not None
    assert base64.b64decode(picture[1]).startswith(b"\x89PNG")


def test_without_the_libraries(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'madeof\[pandas\]'"):
        predictions.to_pandas()
    with pytest.raises(MissingExtraError, match=r"pip install 'madeof\[supervision\]'"):
        predictions.to_supervision()


def test_a_map_shows_its_materials(tiny_predictor: Predictor) -> None:
    found = tiny_predictor.segment(PHOTO, LABELS, by_value=True)
    first = found.shares[0]
    assert repr(found).startswith(f"MaterialMap(83 x 60: {first.material} {first.share:.0%}")
    picture = Image.open(io.BytesIO(found._repr_png_()))
    assert picture.size[0] == 512
    assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def test_the_verbs_of_the_predictor_are_those_functions(tiny_predictor: Predictor) -> None:
    explained = tiny_predictor.explain(PHOTO, LABELS == 1, looks=0)
    assert explained.heat is None
    assert explained.prediction.area == (LABELS == 1).sum()
    with pytest.raises(ValueError, match="no segment of 9999 pixels"):
        tiny_predictor.segment(PHOTO, LABELS, min_area=9999)
