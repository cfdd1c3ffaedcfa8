"""`madeof explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import madeof
from madeof.cli.main import main
from madeof.inference.explanation import PARTS
from madeof.regions.raster import from_box


def test_the_command(photo_here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_several_regions_need_a_folder(photo_here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    given: list[str], message: str, photo_here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
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
    photo_here: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = ["--box", "4,4,40,40", "--box", "500,500,600,600"]
    assert main(["explain", "photo.png", "--model", str(tiny_model), "--looks", "0", "--json", *boxes]) == 1
    out, err = capsys.readouterr()
    first, second = json.loads(out)["regions"]
    assert "shares" in first
    assert "lies outside the photo" in second["error"]
    assert err.startswith("madeof: photo.png: box 1: ")
