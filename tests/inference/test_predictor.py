"""The predictor: a photo once, many regions."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map, write_model
from PIL import Image

import madeof
from madeof.errors import InputError, ModelError, PhotoError, RegionError
from madeof.images.photo import read_photo
from madeof.inference import predictor as module
from madeof.inference.predictor import Predictor, classify, load, probabilities
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record
from madeof.regions.components import regions_from_label_map
from madeof.regions.region import Region, mask_box


def test_scores_are_probabilities(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    scores = predictor.scores(masks)
    assert scores.shape == (7, 4)
    assert scores.dtype == np.float32
    assert (scores >= 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_another_mask_gives_another_answer(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    scores = predictor.scores(masks)
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_prediction(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    scores = predictor.scores(masks)
    predictions = predictor.predict(masks)
    assert [type(p) for p in predictions] == [madeof.Prediction] * 7
    for prediction, row, mask in zip(predictions, scores, masks, strict=True):
        np.testing.assert_array_equal(prediction.scores, row)
        assert prediction.material == MATERIALS[row.argmax()]
        assert prediction.score == row.max()
        assert type(prediction.score) is float
        assert prediction.area == mask.sum()
        ys, xs = np.nonzero(mask)
        assert prediction.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert prediction.top(1) == [(prediction.material, prediction.score)]
        ordered = prediction.top(99)
        assert {name for name, _ in ordered} == set(MATERIALS)
        assert [score for _, score in ordered] == sorted(row.tolist(), reverse=True)
    with pytest.raises(InputError, match=r"top\(0\): expected 1 or more"):
        predictions[0].top(0)


@pytest.mark.parametrize("net", ["MaskAtPooling", "MaskAtStem"])
def test_batch_equals_alone_in_any_order_and_chunks(
    net: str, tiny_model: Path, tmp_path: Path, photo: np.ndarray, masks: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    if net == "MaskAtStem":
        folder = write_model(tmp_path / "stem", architecture={"net": "MaskAtStem", "backbone": "test_resnet"})
    else:
        folder = tiny_model
    predictor = load(folder, threads=1)
    predictor.set_image(photo)
    together = predictor.scores(masks)
    alone = np.concatenate([predictor.scores([mask]) for mask in masks])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(predictor.scores(masks[::-1]), together[::-1], atol=1e-5)
    calls = []
    real = predictor._sessions.describe
    monkeypatch.setattr(predictor._sessions, "describe", lambda f, m: calls.append(len(m)) or real(f, m))
    cells = int(np.prod(predictor.record.preprocessing.mask_size(*photo.shape[:2])))
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 3 * cells)
    np.testing.assert_allclose(predictor.scores(masks), together, atol=1e-5)
    assert calls == [3, 3, 1]
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 1)
    np.testing.assert_allclose(predictor.scores(masks), together, atol=1e-5)
    assert calls[3:] == [1] * 7


def test_forms_of_masks(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    wanted = predictor.predict(masks)
    forms: list[Any] = [
        list(masks),
        tuple(masks),
        (mask for mask in masks),
        masks.astype(np.float32),
        masks.astype(np.float64),
        masks.astype(np.uint8),
        masks.astype(np.uint8) * 255,
        masks.astype(np.int64),
        masks.tolist(),
        [masks[0], masks[1].astype(float), *masks[2:].astype(np.uint8)],
    ]
    for form in forms:
        for got, want in zip(predictor.predict(form), wanted, strict=True):
            np.testing.assert_allclose(got.scores, want.scores, atol=1e-6)
            assert (got.area, got.box) == (want.area, want.box)


def test_soft_mask(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    soft = np.zeros((60, 83), np.float32)
    soft[5:30, 5:20] = 0.25
    soft[10, 10] = 1
    (found,) = predictor.predict([soft])
    assert found.area == pytest.approx(soft.sum())
    assert found.box == (5, 5, 20, 30)
    assert np.isfinite(found.scores).all()


def test_masks_are_left_alone(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    before, pixels = masks.copy(), photo.copy()
    predictor.set_image(photo)
    predictor.predict(masks)
    np.testing.assert_array_equal(masks, before)
    np.testing.assert_array_equal(photo, pixels)


def test_no_masks(predictor: Predictor, photo: np.ndarray) -> None:
    predictor.set_image(photo)
    assert list(predictor.predict([])) == []
    assert predictor.scores(np.zeros((0, 60, 83), bool)).shape == (0, 4)


def nan_mask() -> np.ndarray:
    mask = np.ones((60, 83), np.float32)
    mask[3, 3] = np.nan
    return mask


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((83, 60), bool), "mask 1 is 60 x 83 but the photo is 83 x 60 (width x height); expected the same"),
        (np.zeros((60, 83), bool), "mask 1 is empty; expected at least one pixel inside"),
        (np.zeros((60, 83), np.float32), "mask 1 is empty"),
        (nan_mask(), "mask 1 has float values from nan to nan; expected coverage from 0 to 1"),
        (np.full((60, 83), 1.5), "mask 1 has float values from 1.5 to 1.5; expected coverage from 0 to 1"),
        (np.full((60, 83), -0.1), "mask 1 has float values from -0.1"),
        (np.arange(60 * 83).reshape(60, 83) % 9, "mask 1 has the values 0, 1, 2, 3, 4, 5 and 3 more"),
        (np.ones((2, 60, 83), bool), "mask 1 is an array with 2 masks; expected one in each element"),
        (np.ones((60, 83), complex), "mask 1 has the dtype complex128"),
    ],
)
def test_wrong_mask(predictor: Predictor, photo: np.ndarray, masks: np.ndarray, mask: Any, message: str) -> None:
    predictor.set_image(photo)
    with pytest.raises(RegionError) as caught:
        predictor.predict([masks[0], mask])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(predictor.predict([masks[0]])) == 1  # the photo is still set


def test_one_mask_needs_no_list(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    np.testing.assert_array_equal(predictor.predict(masks[0]).scores, predictor.predict([masks[0]]).scores)


def test_predict_before_set_image(tiny_model: Path, masks: np.ndarray) -> None:
    predictor = load(tiny_model)
    for ask in (predictor.predict, predictor.scores):
        with pytest.raises(InputError, match="got masks but no photo: call set_image first"):
            ask(masks)


def test_a_photo_that_fails_leaves_no_stale_one(
    predictor: Predictor, photo: np.ndarray, masks: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor.set_image(photo)
    with pytest.raises(PhotoError, match="cannot be opened"):
        predictor.set_image(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="no photo"):
        predictor.predict(masks)
    predictor.set_image(photo)

    def fail(*_: Any) -> Any:
        raise ModelError("broken")

    monkeypatch.setattr(predictor._sessions, "encode", fail)
    with pytest.raises(ModelError):
        predictor.set_image(photo)
    with pytest.raises(InputError, match="no photo"):
        predictor.predict(masks)


def test_set_image_gives_the_photo(predictor: Predictor, photo: np.ndarray, masks: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "a.png")
    read = predictor.set_image(tmp_path / "a.png")
    assert (read.name, read.size) == (str(tmp_path / "a.png"), (60, 83))
    wanted = predictor.scores(masks)
    predictor.set_image(np.zeros_like(photo))
    assert np.abs(predictor.scores(masks) - wanted).max() > 1e-4
    predictor.set_image(read)
    np.testing.assert_array_equal(predictor.scores(masks), wanted)
    with pytest.raises(PhotoError, match="megapixels"):
        predictor.set_image(tmp_path / "a.png", max_megapixels=0.001)


def large_jpeg(photo: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).resize((photo.shape[1] * 12, photo.shape[0] * 12)).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_smaller_and_answered_alike(
    predictor: Predictor, photo: np.ndarray, masks: np.ndarray, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = large_jpeg(photo, exif=exif)
    whole = read_photo(data)
    assert not predictor.set_image(whole).reduced
    large = [np.kron(mask, np.ones((12, 12), bool)) for mask in masks]
    large = [np.ascontiguousarray(np.rot90(mask, -1)) for mask in large] if orientation == 6 else large
    wanted = predictor.scores(large)
    read = predictor.set_image(data)
    assert read.reduced
    assert read.pixels.nbytes < whole.pixels.nbytes / 10
    assert read.size == whole.size == large[0].shape
    np.testing.assert_allclose(predictor.scores(large), wanted, atol=0.03)
    scores = predictor.scores(large)
    predictor.set_image(read)  # such a photo can be given again
    np.testing.assert_array_equal(predictor.scores(large), scores)
    with pytest.raises(RegionError, match="the photo is"):
        predictor.predict([np.ones(read.pixels.shape[:2], bool)])


def test_a_photo_decoded_for_a_smaller_model_is_refused(
    predictor: Predictor, photo: np.ndarray, masks: np.ndarray
) -> None:
    data = large_jpeg(photo)
    read = read_photo(data, least_size=lambda height, width: (height // 8, width // 8))
    with pytest.raises(
        PhotoError, match=r"photo was decoded at 125 x 90; expected at least 144 x 96 for this model: give its path"
    ):
        predictor.set_image(read)
    with pytest.raises(InputError, match="no photo"):
        predictor.predict(masks)


def test_regions_are_answered_as_their_masks(predictor: Predictor, photo: np.ndarray, masks: np.ndarray) -> None:
    predictor.set_image(photo)
    label_map = photo_and_label_map(1, 60, 83)[1]
    regions = [
        Region.from_box("box 0", (5, 5, 20, 30), (60, 83)),
        Region.from_polygon("polygon 0", [(4, 4), (50, 9), (20, 55)], (60, 83)),
        *regions_from_label_map(label_map),
        Region("mask", masks[5]),
    ]
    assert len(regions) == 6
    whole = [region.mask for region in regions]
    for got, want, mask in zip(predictor.predict(regions), predictor.predict(whole), whole, strict=True):
        np.testing.assert_array_equal(got.scores, want.scores)
        assert (got.area, got.box) == (want.area, want.box) == (mask.sum(), mask_box(mask))
    mixed = predictor.predict([regions[0], whole[1]])
    assert [each.box for each in mixed] == [mask_box(mask) for mask in whole[:2]]
    with pytest.raises(RegionError, match="box 0 is 8 x 6 but the photo is 83 x 60"):
        predictor.predict([Region.from_box("box 0", (0, 0, 3, 3), (6, 8))])


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (2000, 3)])
@pytest.mark.parametrize("net", ["pooling", "stem"])
def test_odd_sizes(net: str, size: tuple[int, int], tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    if net == "stem":
        folder = tmp_path_factory.getbasetemp() / "odd-stem"
        if not folder.exists():
            write_model(folder, architecture={"net": "MaskAtStem", "backbone": "test_resnet"})
    else:
        folder = tiny_model
    predictor = load(folder, threads=1)
    predictor.set_image(np.full((*size, 3), 77, np.uint8))
    last = np.zeros(size, bool)
    last[-1, -1] = True
    scores = predictor.scores([np.ones(size, bool), last])
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_background_is_left_out_and_the_rest_not_made_to_sum_to_one(tmp_path: Path, photo: np.ndarray) -> None:
    folder = write_model(tmp_path / "model", background=0)
    predictor = load(folder)
    predictor.set_image(photo)
    scores = predictor.scores([np.ones((60, 83), bool)])
    assert scores.shape == (1, 4)
    assert 0 < scores.sum() < 1 - 1e-4


def record(**settings: Any) -> Record:
    return Record("m", "1", ("a", "b"), Preprocessing(), {}, **settings)


def test_probabilities() -> None:
    logits = np.array([[0.0, np.log(3), np.log(6)]], np.float32)
    np.testing.assert_allclose(probabilities(logits[:, 1:], record()), [[1 / 3, 2 / 3]], rtol=1e-6)
    np.testing.assert_allclose(probabilities(logits, record(background=0)), [[0.3, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(probabilities(logits, record(background=1)), [[0.1, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(probabilities(logits, record(background=2)), [[0.1, 0.3]], rtol=1e-6)
    cold = probabilities(logits[:, 1:], record(calibration=Calibration(0.5)))
    np.testing.assert_allclose(cold, [[1 / 5, 4 / 5]], rtol=1e-6)
    huge = np.array([[3e38, -3e38]], np.float32)
    np.testing.assert_array_equal(probabilities(huge, record(calibration=Calibration(1e-3))), [[1, 0]])


def save(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def test_classify_takes_every_form(tiny_model: Path, photo: np.ndarray, masks: np.ndarray, tmp_path: Path) -> None:
    picture, mask = Image.fromarray(photo), Image.fromarray(masks[0])
    picture.save(tmp_path / "photo.png")
    mask.save(tmp_path / "mask.png")
    wanted = classify(photo, masks[0], model=tiny_model)
    assert wanted.area == 25 * 15
    for image in (tmp_path / "photo.png", str(tmp_path / "photo.png"), save(picture), picture):
        for region in (tmp_path / "mask.png", str(tmp_path / "mask.png"), save(mask), mask, masks[0].tolist()):
            found = classify(image, region, model=str(tiny_model))
            np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-6)
            assert (found.area, found.box) == (wanted.area, wanted.box)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (3, "the mask is of type int; expected a mask"),
        (None, "the mask is None; expected a mask"),
        ({"a": 1}, "a dictionary has the keys 'a'; expected \"segmentation\""),
        ([np.ones((60, 83), bool)] * 2, "got 2 regions; expected one"),
    ],
)
def test_classify_refuses_other_masks(tiny_model: Path, photo: np.ndarray, mask: Any, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        classify(photo, mask, model=tiny_model)


def test_a_photo_turned_by_exif(tiny_model: Path, photo: np.ndarray, masks: np.ndarray, tmp_path: Path) -> None:
    """The mask is of the photo as it is shown; one of the stored photo is refused, and told why."""
    exif = Image.Exif()
    exif[274] = 6  # shown a quarter turn clockwise
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(photo)))
    stored.save(tmp_path / "turned.png", exif=exif)
    wanted = classify(photo, masks[0], model=tiny_model)
    np.testing.assert_allclose(classify(tmp_path / "turned.png", masks[0], model=tiny_model).scores, wanted.scores)
    Image.fromarray(np.ascontiguousarray(np.rot90(masks[0]))).save(tmp_path / "unturned-mask.png")
    with pytest.raises(RegionError, match="60 x 83 but the photo is 83 x 60 after its EXIF rotation: it fits only the"):
        classify(tmp_path / "turned.png", tmp_path / "unturned-mask.png", model=tiny_model)


def test_threads(tiny_model: Path) -> None:
    assert load(tiny_model, threads=2)._sessions._encoder.threads == 2
    with pytest.raises(InputError, match="threads is -1; expected 0"):
        load(tiny_model, threads=-1)


def test_predicting_imports_no_torch(tiny_model: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *args: Any, **kwargs: Any) -> Any:
        assert name.partition(".")[0] not in ("torch", "timm", "torchvision", "huggingface_hub", "onnx"), name
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", guarded)
    assert classify(photo, np.ones((60, 83), bool), model=tiny_model).material in MATERIALS


def test_several_encoded_photos(tiny_predictor: Predictor, tiny_model: Path) -> None:
    """Each has the answers that it would have as the only one, and the one that is set stays set."""
    photos = [photo_and_label_map(seed) for seed in range(3)]
    masks = [labels > 0 for _, labels in photos]
    encoded = [tiny_predictor.encode(photo) for photo, _ in photos]
    assert all(each.nbytes > each.photo.pixels.nbytes for each in encoded)
    alone = Predictor(tiny_model, threads=1)
    for (photo, _), mask, each in zip(photos, masks, encoded, strict=True):
        alone.set_image(photo)
        np.testing.assert_array_equal(tiny_predictor.scores([mask], encoded=each), alone.scores([mask]))
    assert alone.predict([masks[2]])[0].top() == tiny_predictor.predict([masks[2]], encoded=encoded[2])[0].top()
    with pytest.raises(RegionError, match="but the photo is 80 x 64"):
        tiny_predictor.predict([np.ones((3, 3), dtype=bool)], encoded=encoded[0])
