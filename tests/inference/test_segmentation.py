"""Dense maps: made from segments whose answer is known, written, and asked for on the command line."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map
from numpy.typing import NDArray
from PIL import Image

import madeof
from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.errors import InputError, PhotoError, RegionError
from madeof.export.segmentation import draw_map
from madeof.images.photo import read_photo
from madeof.inference.predictor import Encoded, Predictor
from madeof.inference.segmentation import MaterialMap, map_materials, merge
from madeof.model.calibration import Calibration
from madeof.model.preprocess import resize_mask
from madeof.regions.components import at_size, regions_from_label_map
from madeof.regions.region import Region

RED, BLUE = (220, 60, 20), (20, 60, 220)


class Judge(Predictor):
    """A model that calls a segment Red or Blue by its mean colour, the surer the clearer."""

    def __init__(self, record: Any) -> None:
        self.record = dataclasses.replace(record, materials=("Red", "Blue"), calibration=Calibration())
        self.materials = self.record.materials
        self._encoded = None
        self.asked: list[Region] = []

    def encode(self, image: Any, **_: Any) -> Encoded:
        return Encoded(read_photo(image), ())

    def _scores(self, checked: list[Region], encoded: Encoded) -> NDArray[np.float32]:
        self.asked += checked
        rows = []
        for region in checked:
            size = region.size
            pixels = at_size(encoded.photo.pixels, size)
            red, _, blue = pixels[region.mask > 0].mean(axis=0) / 255
            share = 1 / (1 + np.exp(-6 * (red - blue)))
            rows.append([share, 1 - share])
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def judge(tiny_predictor: Predictor) -> Judge:
    return Judge(tiny_predictor.record)


def _halves(height: int = 90, width: int = 120) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Red to the left of a slanting line, blue to the right, with grain; and what is red."""
    y, x = np.mgrid[:height, :width]
    red = x < width * 0.4 + y * 0.2
    pixels = np.where(red[:, :, None], RED, BLUE) + np.random.default_rng(0).normal(0, 12, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), red


def test_a_map_follows_the_materials(judge: Judge) -> None:
    photo, red = _halves()
    found = map_materials(judge, photo)
    labels = found.labels()
    assert labels.shape == red.shape
    assert labels.dtype == np.uint8
    assert ((labels == 1) == red).mean() > 0.98
    assert [one.material for one in found.shares] == ["Blue", "Red"]
    assert sum(one.share for one in found.shares) == pytest.approx(1)
    assert found.shares[1].share == pytest.approx(red.mean(), abs=0.02)
    assert found.labelled == 1
    names = [region.name for region in judge.asked]
    assert len(set(names)) == len(names)  # a segment that is one of two scales is asked once
    assert found.score_map().max() <= 1
    assert np.allclose(np.maximum(found.score_of("Red"), found.score_of("Blue")), found.score_map())


def test_a_large_photo_has_a_map_of_its_own_size(judge: Judge) -> None:
    photo, red = _halves(400, 700)
    found = map_materials(judge, photo)
    assert max(found.segments.shape) == 512
    assert found.labels().shape == (400, 700)
    assert found.score_map().shape == (400, 700)
    assert ((found.labels() == 1) == red).mean() > 0.98


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (600, 5)])
def test_photos_of_odd_sizes(size: tuple[int, int], tiny_predictor: Predictor) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    found = map_materials(tiny_predictor, photo)
    assert found.labels().shape == size
    assert (found.labels() > 0).all()
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-5)


def test_segments_that_are_given_get_the_scores_of_predict(tiny_predictor: Predictor) -> None:
    photo, label_map = photo_and_label_map(1)
    encoded = tiny_predictor.encode(photo)
    regions = regions_from_label_map(label_map)
    expected = tiny_predictor.scores(regions, encoded=encoded)
    for given in (label_map, label_map.astype(np.int64), regions, [region.mask for region in regions]):
        found = map_materials(tiny_predictor, encoded, given)
        assert np.array_equal(found.scores, expected)
        assert np.array_equal(found.labels() == 0, label_map == 0)
        for region, row in zip(regions, expected, strict=True):
            assert (found.labels()[region.mask > 0] == row.argmax() + 1).all()
    assert found.labelled == pytest.approx((label_map > 0).mean())


def test_one_scale_is_the_regions_asked_at_the_photo_size(tiny_predictor: Predictor) -> None:
    """Segments of a smaller copy of the photo give what the same segments give at the photo's size."""
    photo, _ = _halves(128, 192)
    encoded = tiny_predictor.encode(photo)
    small = np.zeros((64, 96), dtype=np.bool_)
    small[10:40, 20:70] = True
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    expected = tiny_predictor.scores([large], encoded=encoded)
    found = tiny_predictor.scores([small], encoded=encoded, size=(64, 96))
    assert np.allclose(found, expected, atol=1e-5)
    odd = tiny_predictor.encode(photo[:101].repeat(2, axis=1)[:, :200])  # the net's size of a copy would be another
    whole = tiny_predictor.scores([np.ones((101, 200), dtype=np.bool_)], encoded=odd)
    copy = np.ones((49, 100), dtype=np.bool_)
    assert np.allclose(tiny_predictor.scores([copy], encoded=odd, size=(49, 100)), whole, atol=1e-5)
    with pytest.raises(RegionError, match="mask 0 is 96 x 64 but the photo is 192 x 128"):
        tiny_predictor.scores([small], encoded=encoded)


def test_by_value_and_by_blob(judge: Judge) -> None:
    photo, _ = _halves()
    label_map = np.zeros(photo.shape[:2], dtype=np.uint16)
    label_map[:20, :10] = label_map[60:, 100:] = 300  # one value, red and blue
    blobs = map_materials(judge, photo, label_map)
    assert [one.material for one in blobs.shares] == ["Blue", "Red"]
    one = map_materials(judge, photo, label_map, by_value=True)
    assert len(one.scores) == 1
    assert len(map_materials(judge, photo, label_map, min_area=300).scores) == 1
    with pytest.raises(RegionError, match=r"no segment of 9999 pixels or more; expected at least one"):
        map_materials(judge, photo, label_map, by_value=True, min_area=9999)


def test_the_smaller_mask_lies_on_the_larger(judge: Judge) -> None:
    photo, red = _halves()
    small = np.zeros_like(red)
    small[40:60, 5:15] = True
    found = map_materials(judge, photo, [small, np.ones_like(red)])
    assert (found.segments[small] == 0).all()
    assert (found.segments[~small] == 1).all()


def test_what_is_uncertain_is_not_labelled(judge: Judge) -> None:
    photo, red = _halves()
    half = np.zeros_like(red)
    half[:, 39:75] = True
    found = map_materials(judge, photo, [half, red & ~half], min_score=0.9)
    assert not found.labels()[half].any()
    assert (found.labels()[red & ~half] == 1).all()
    assert found.score_map()[half].min() > 0.5
    assert 0 < found.labelled < 1
    nothing = dataclasses.replace(found, min_score=1.0)
    assert nothing.shares == ()
    assert nothing.to_dict() == {"segments": 2, "labelled": 0.0, "materials": []}


def test_sure_scales_count_more() -> None:
    scores = np.array([[[0.98, 0.02]], [[0.3, 0.7]]], dtype=np.float32)
    assert merge(scores)[0, 0] > 0.8
    assert merge(scores[::-1])[0, 0] == merge(scores)[0, 0]
    assert np.allclose(merge(scores[:1]), scores[0])
    assert np.allclose(merge(scores).sum(axis=1), 1)
    assert np.isfinite(merge(np.array([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=np.float32))).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_score": 1.5}, r"min_score is 1\.5; expected a score from 0 to 1"),
        ({"min_score": float("nan")}, "min_score is nan"),
        ({"scales": ()}, r"scales is \(\); expected at least one"),
        ({"scales": (0, 4)}, r"scales is \(0, 4\)"),
        ({"regions": "slic"}, "regions is 'slic'; expected 'superpixels', a label map"),
        ({"regions": np.zeros((90, 120))}, "the label map has the dtype float64; expected integers"),
        ({"regions": np.full((90, 120), -1)}, "expected integers, 0"),
        ({"regions": np.ones((9, 12), dtype=np.uint8)}, "the label map is 12 x 9 but the photo is 120 x 90"),
        ({"regions": np.zeros((90, 120), dtype=np.uint8)}, "no segment of 1 pixels or more"),
        ({"regions": []}, "no segment"),
        ({"regions": [np.zeros((90, 120), dtype=np.bool_)]}, "mask 0 is empty"),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, Any], message: str, judge: Judge) -> None:
    with pytest.raises(InputError, match=message):
        map_materials(judge, _halves()[0], **given)


def test_a_material_that_the_model_lacks(judge: Judge) -> None:
    with pytest.raises(InputError, match="has no material 'Gold'; expected one of Red, Blue"):
        map_materials(judge, _halves()[0]).score_of("Gold")


def test_many_materials_need_sixteen_bits() -> None:
    names = tuple(f"m{i}" for i in range(300))
    scores = np.zeros((1, 300), dtype=np.float32)
    scores[0, 299] = 1
    found = MaterialMap(names, np.zeros((2, 2), dtype=np.int32), scores, (2, 2))
    assert found.labels().dtype == np.uint16
    assert (found.labels() == 300).all()


def test_the_picture_has_a_colour_for_each_of_seven() -> None:
    names = tuple(f"material {i}" for i in range(10))
    segments = np.repeat(np.arange(10, dtype=np.int32), 60)[None].repeat(200, axis=0)
    found = MaterialMap(names, segments, np.eye(10, dtype=np.float32), segments.shape)
    picture = np.asarray(draw_map(found, np.full((*segments.shape, 3), 128, dtype=np.uint8)))
    spots = picture[190, 30::60].astype(int)  # under the labels
    alike = np.abs(spots[:, None] - spots[None]).max(axis=2) < 12
    assert len({tuple(row) for row in alike}) == 7


def test_the_public_name(tiny_model: Path) -> None:
    photo, _ = photo_and_label_map(0)
    found = madeof.map_materials(madeof.load(tiny_model, threads=1), photo)
    assert isinstance(found, madeof.MaterialMap)


# The command.


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    for number in range(2):
        pixels, labels = photo_and_label_map(number)
        Image.fromarray(pixels).save(tmp_path / f"p{number}.png")
        (tmp_path / "segments").mkdir(exist_ok=True)
        Image.fromarray(labels).save(tmp_path / "segments" / f"p{number}.png")
    return [str(tmp_path / f"p{number}.png") for number in range(2)]


def test_the_command_writes_a_data_set(
    photos: list[str], tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["map", *photos, "--model", str(tiny_model), "--out", str(out), "--json", "--min-score", "0.3"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["image"] for line in lines] == photos
    assert (lines[0]["width"], lines[0]["height"]) == (80, 64)
    predictor = Predictor(tiny_model, threads=1)
    for number, line in enumerate(lines):
        found = map_materials(predictor, photos[number], min_score=0.3)
        labels = _pixels(out / "labels" / f"p{number}.png")
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, found.labels())
        scores = _pixels(line["files"]["scores"])
        assert np.abs(scores / 255 - found.score_map()).max() <= 0.5 / 255 + 1e-6
        assert _pixels(line["files"]["overlays"]).shape[1] >= 512
        assert line["materials"] == found.to_dict()["materials"]
    with (out / "materials.csv").open() as file:
        assert list(csv.reader(file)) == [["id", "name"], *([str(i + 1), name] for i, name in enumerate(MATERIALS))]
    (tmp_path / "photos").mkdir()
    for photo in photos:
        Path(photo).rename(tmp_path / "photos" / Path(photo).name)
    dataset = open_dataset(images=tmp_path / "photos", labels=out / "labels", materials=out / "materials.csv")
    assert len(dataset) == 2


def test_the_command_takes_segmentations(
    photos: list[str], tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(tiny_model), "--json"]
    assert main(["map", *photos, *model, "--regions", str(tmp_path / "segments")]) == 0
    folder = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert folder[0]["segments"] == 3
    one = str(tmp_path / "segments" / "p0.png")
    assert main(["map", photos[0], *model, "--regions", one]) == 0
    assert json.loads(capsys.readouterr().out) == folder[0]
    assert main(["map", photos[0], *model, "--regions", one, "--by-value"]) == 0
    assert json.loads(capsys.readouterr().out) == folder[0]
    for name, masks in _sam(tmp_path / "segments" / "p0.png").items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(masks))
        assert main(["map", photos[0], *model, "--regions", str(path)]) == 0
        assert json.loads(capsys.readouterr().out) == folder[0], name
    coco = tmp_path / "coco.json"
    coco.write_text(json.dumps(_coco(tmp_path / "segments" / "p0.png")))
    assert main(["map", photos[0], *model, "--regions", str(coco)]) == 0
    assert json.loads(capsys.readouterr().out) == folder[0]


def _pixels(path: str | Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.array(image)


def _sam(path: Path) -> dict[str, Any]:
    """The masks of a label map as Segment Anything's tools write them."""
    from pycocotools import mask as coco

    labels = _pixels(path)
    packed, plain = [], []
    for region in regions_from_label_map(labels):
        runs = coco.encode(np.asfortranarray(region.mask.astype(np.uint8)))
        packed.append({"segmentation": {"size": runs["size"], "counts": runs["counts"].decode()}, "area": region.area})
        flat = np.concatenate([[0], region.mask.T.ravel(), [0]])
        changes = np.flatnonzero(np.diff(flat))
        counts = np.diff([0, *changes.tolist(), region.mask.size]).tolist()
        plain.append({"segmentation": {"size": list(labels.shape), "counts": counts}})
    return {
        "everything": packed,
        "sa-1b": {"image": {"image_id": 1, "file_name": "p0.png"}, "annotations": packed},
        "plain": plain,
    }


def _coco(path: Path) -> dict[str, Any]:
    masks = _sam(path)["everything"]
    return {
        "images": [{"id": 1, "file_name": "p0.png", "width": 80, "height": 64}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 1, **mask} for i, mask in enumerate(masks)],
    }


def test_the_text_says_what_there_is(photos: list[str], tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", photos[0], "--model", str(tiny_model), "--min-score", "1"]) == 0
    assert capsys.readouterr().out == f"{photos[0]}  (80 x 64)\n  not labelled: 100.0%\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["p0.png", "--regions", "none.png"], "--regions none.png: there is no such file; expected superpixels"),
        (["p0.png", "p1.png", "--regions", "p0.png"], "with several photos expected a folder with one for each"),
        (["p0.png", "--regions", "empty"], "p0.png: expected one segmentation with its stem in empty, found 0"),
        (["p0.png", "--regions", "small.png"], "small.png is 8 x 6 but the photo is 80 x 64"),
        (["p0.png", "--regions", "zero.png"], "zero.png has no segment of 1 pixels or more"),
        (["p0.png", "--regions", "bad.json"], "mask 0 of bad.json: it is 3; expected an object with a segmentation"),
        (["p0.png", "--regions", "other.json"], "mask 0 of other.json: its runs are of a photo of 9 x 9"),
        (["gone.png"], "gone.png"),
        (["p0.png", "--out", "p1.png"], "cannot make the folder"),
        (["p0.png", "--out", "set"], "--out set is a data set that is no map's; choose another folder"),
        (["out/labels/p0.png", "--out", "out"], "--out out would overwrite what the maps are made from"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    arguments: list[str],
    message: str,
    photos: list[str],
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "set", "out/labels"):
        Path(folder).mkdir(parents=True)
    Path("set/materials.csv").write_text("id,name\n1,Wood\n")
    Image.fromarray(np.ones((6, 8), dtype=np.uint8)).save("small.png")
    Image.fromarray(np.zeros((64, 80), dtype=np.uint8)).save("zero.png")
    Path("out/labels/p0.png").write_bytes(Path("p0.png").read_bytes())
    Path("bad.json").write_text('{"image": {}, "annotations": [3]}')
    Path("other.json").write_text('[{"segmentation": {"size": [9, 9], "counts": [3, 78]}}]')
    assert main(["map", *arguments, "--model", str(tiny_model)]) == 1
    told = capsys.readouterr().err
    assert message in told
    assert all(line.startswith("madeof: ") for line in told.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [["--by-value"], ["--format", "coco"], ["--min-score", "2"], ["--min-score", "x"], ["--min-area", "-1"]],
)
def test_a_wrong_command_line(arguments: list[str], photos: list[str], tiny_model: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["map", photos[0], "--model", str(tiny_model), *arguments])
    assert stopped.value.code == 2


def test_the_good_photos_are_mapped(photos: list[str], tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(photos[0]).write_bytes(b"no photo")
    assert main(["map", *photos, "--model", str(tiny_model), "--json"]) == 1
    told = capsys.readouterr()
    assert [json.loads(line)["image"] for line in told.out.splitlines()] == photos[1:]
    assert photos[0] in told.err


def test_a_photo_that_cannot_be_read(judge: Judge) -> None:
    with pytest.raises(PhotoError):
        map_materials(judge, b"no photo")


@pytest.mark.parametrize("size", [(12, 20), (31, 47)])
def test_a_region_of_a_smaller_copy_covers_the_same_cells(size: tuple[int, int]) -> None:
    """Nets that take masks at the photo's size are given them finer than the superpixels' copy is."""
    mask = np.zeros((6, 10), dtype=np.bool_)
    mask[1:4, 2:9] = True
    mask[2, 5] = False
    cells = resize_mask(Region("r", mask[1:4, 2:9], corner=(2, 1), photo_size=(6, 10)), size)
    fine = at_size(mask, (6 * 35, 10 * 47)).astype(np.float64)  # cells are whole numbers of these, or nearly
    assert cells.mean() == pytest.approx(mask.mean(), abs=1e-5)
    assert np.abs(at_size(cells, fine.shape) - fine).mean() < 0.1
    if size == (12, 20):
        assert np.array_equal(cells > 0.5, mask.repeat(2, axis=0).repeat(2, axis=1))
