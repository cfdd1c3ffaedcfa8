"""`madeof map`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference_segmentation import Judge
from made import MATERIALS, photo_and_label_map
from numpy.typing import NDArray
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.errors import PhotoError
from madeof.inference.predictor import Predictor
from madeof.inference.segmentation import map_materials
from madeof.regions.components import regions_from_label_map


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


def test_a_photo_that_cannot_be_read(map_judge: Judge) -> None:
    with pytest.raises(PhotoError):
        map_materials(map_judge, b"no photo")


def test_maps_of_two_models_do_not_share_a_folder(
    photos: list[str], tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "scores").mkdir(parents=True)
    legend = tmp_path / "out" / "materials.csv"
    legend.write_text("id,name\n1,Another\n")
    assert main(["map", photos[0], "--out", str(tmp_path / "out"), "--model", str(tiny_model)]) == 1
    assert "lists other materials than this model" in capsys.readouterr().err
    assert legend.read_text() == "id,name\n1,Another\n"
