"""`madeof predict --annotations`: the regions of a file, for some photos or for all of its photos."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map
from PIL import Image

from madeof.cli.main import main
from madeof.inference.predictor import Predictor, load

SIZE = (64, 80)
Run = Callable[..., tuple[int, str, str]]


def square(id: int, image: int, category: int = 1, **more: Any) -> dict[str, Any]:
    outline = [10, 10, 40, 10, 40, 30, 10, 30]
    return {"id": id, "image_id": image, "category_id": category, "segmentation": [outline], **more}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with photos a, sub/b and empty in images/ and set.json."""
    monkeypatch.chdir(tmp_path)
    Path("images/sub").mkdir(parents=True)
    for number, name in enumerate(("a", "sub/b", "empty")):
        Image.fromarray(photo_and_label_map(number, *SIZE)[0]).save(f"images/{name}.png")
    names = ("a", "sub/b", "empty")
    save(
        images=[{"id": i, "file_name": f"{name}.png", "width": 80, "height": 64} for i, name in enumerate(names)],
        categories=[{"id": 1, "name": "Wood"}, {"id": 2, "name": "Küche, =1+1"}],
        annotations=[square(5, 0), square(6, 0, 2, segmentation=[[0, 0, 20, 0, 20, 64]]), square(7, 1)],
    )
    return tmp_path


def save(**lists: Any) -> None:
    value = json.loads(Path("set.json").read_text()) if Path("set.json").exists() else {}
    Path("set.json").write_text(json.dumps(value | lists))


def add(**lists: list[Any]) -> None:
    value = json.loads(Path("set.json").read_text())
    save(**{name: value[name] + more for name, more in lists.items()})


@pytest.fixture
def run(here: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof predict` in this process -> status, standard output, standard error."""
    predictor = load(tiny_model, threads=1)
    monkeypatch.setattr("madeof.inference.predictor.load", lambda *_, **__: predictor)

    def run(*command: str) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), *command])
        return status, *capsys.readouterr()

    return run


def regions(out: str) -> dict[str, list[str]]:
    found = [json.loads(line) for line in out.splitlines()]
    return {one["image"]: [region["region"] for region in one["regions"]] for one in found if "regions" in one}


def errors(out: str) -> dict[str, str]:
    found = [json.loads(line) for line in out.splitlines()]
    return {one["image"]: one["error"] for one in found if "error" in one}


def test_all_photos_of_a_file(run: Run, tiny_model: Path) -> None:
    status, out, err = run("--annotations", "set.json", "--json")
    assert status == 0
    assert err == "madeof: set.json: 1 of its photos have no region\n"
    assert regions(out) == {"images/a.png": ["annotation 5", "annotation 6"], "images/sub/b.png": ["annotation 7"]}
    first = json.loads(out.splitlines()[0])["regions"]
    assert [one["truth"] for one in first] == ["Wood", "Küche, =1+1"]
    assert first[0]["box"] == [10, 10, 40, 30]
    assert first[0]["area"] == 600
    assert set(first[0]) - {"notes"} == {"region", "area", "box", "material", "score", "top", "truth"}
    predictor: Predictor = load(tiny_model, threads=1)
    predictor.set_image("images/a.png")
    mask = np.zeros(SIZE, bool)
    mask[10:30, 10:40] = True
    assert first[0]["score"] == pytest.approx(predictor.predict([mask])[0].score, abs=1e-5)


def test_the_photos_that_are_given(run: Run) -> None:
    for photo in ("images/a.png", "./images/../images/a.png", str(Path("images/a.png").absolute())):
        status, out, err = run(photo, "--annotations", "set.json", "--format", "coco", "--json")
        assert (status, err) == (0, "")
        assert regions(out) == {photo: ["annotation 5", "annotation 6"]}
    # In the order given, each once.
    status, out, _ = run("images/sub/b.png", "images/a.png", "images/a.png", "--annotations", "set.json", "--json")
    assert list(regions(out)) == ["images/sub/b.png", "images/a.png"]
    assert status == 0


def test_the_photos_may_be_elsewhere(run: Run) -> None:
    Path("images").rename("far")
    Path("annotations").mkdir()
    Path("set.json").rename("annotations/set.json")
    for command in (["far/sub/b.png"], ["far/sub/b.png", "--images", "far"]):
        status, out, err = run(*command, "--annotations", "annotations/set.json", "--json")
        assert (status, err) == (0, "")
        assert regions(out) == {"far/sub/b.png": ["annotation 7"]}
    status, out, err = run("--annotations", "annotations/set.json", "--images", "far", "--json")
    assert status == 0
    assert list(regions(out)) == ["far/a.png", "far/sub/b.png"]
    status, out, err = run("--annotations", "annotations/set.json", "--json")
    assert (status, out) == (1, "")
    assert "annotations/set.json: no photo to look at: set.json: the photo 'a.png' is not in " in err
    assert "give its folder (images=, --images)" in err


def test_photos_that_the_file_does_not_have(run: Run) -> None:
    Image.new("RGB", (80, 64)).save("other.png")
    status, out, err = run(
        "other.png", "gone.png", "images/empty.png", "images/a.png", "--annotations", "set.json", "--json"
    )
    assert status == 1
    assert list(regions(out)) == ["images/a.png"]
    assert [f"madeof: {reason}" for reason in errors(out).values()] == err.splitlines()
    assert list(errors(out)) == ["other.png", "gone.png", "images/empty.png"]
    assert err.splitlines() == [
        "madeof: other.png: set.json has no photo of this path or name alone",
        "madeof: gone.png: set.json has nothing for it: no such file",
        "madeof: images/empty.png: set.json has no region for it",
    ]
    status, out, err = run("other.png", "--annotations", "set.json")
    assert (status, out) == (1, "")
    assert err == "madeof: set.json: no photo to look at: other.png: set.json has no photo of this path or name alone\n"


def test_one_name_in_two_folders(run: Run) -> None:
    Path("images/x").mkdir()
    Image.open("images/a.png").save("images/x/b.png")
    add(images=[{"id": 9, "file_name": "x/b.png"}], annotations=[square(20, 9)])
    status, out, _ = run("images/x/b.png", "images/sub/b.png", "--annotations", "set.json", "--json")
    assert status == 0
    assert regions(out) == {"images/x/b.png": ["annotation 20"], "images/sub/b.png": ["annotation 7"]}
    Image.new("RGB", (80, 64), "red").save("b.png")  # of neither folder
    status, _, err = run("b.png", "--annotations", "set.json")
    assert status == 1
    assert "b.png: set.json has no photo of this path or name alone" in err


def test_broken_regions_are_told_and_the_others_answered(run: Run) -> None:
    add(
        annotations=[
            square(30, 0, segmentation={"size": [64, 80], "counts": [3]}),
            square(31, 0, segmentation=[[1, 1, 2, 2]]),
            square(32, 1, segmentation={"size": [80, 64], "counts": [0, 5120]}),
            square(33, 40),
        ],
        images=[{"id": 40, "file_name": "gone.png"}],
    )
    status, out, err = run("--annotations", "set.json", "--json")
    assert status == 1
    found = {one["image"]: one["regions"] for one in map(json.loads, out.splitlines())}
    assert [one["region"] for one in found["images/a.png"]] == ["annotation 5", "annotation 6", "annotation 30"]
    broken = "annotation 30 of set.json: its runs make 3 pixels; expected the photo's 80 x 64 = 5120"
    assert found["images/a.png"][2] == {"region": "annotation 30", "error": broken}
    for part in (
        f"madeof: images/a.png: {broken}\n",
        "madeof: set.json: annotation 31: its outline has 2 points; expected three or more\n",
        "madeof: images/sub/b.png: annotation 32 of set.json: its runs are of a photo of 64 x 80 but ",
        "madeof: set.json: the photo 'gone.png' is not in ",
    ):
        assert part in err
    # A photo that is not asked for need not be there.
    status, _, err = run("images/sub/b.png", "--annotations", "set.json")
    assert "gone.png" not in err
    assert status == 1


def test_a_photo_of_another_size_than_stated(run: Run) -> None:
    Image.new("RGB", (20, 30)).save("images/a.png")
    status, out, err = run("--annotations", "set.json", "--json")
    assert status == 1
    assert list(regions(out)) == ["images/sub/b.png"]
    assert list(errors(out)) == ["images/a.png"]
    assert "madeof: images/a.png: the photo in set.json is 80 x 64 but its photo a.png is 20 x 30 " in err


def test_no_region_that_can_be_used(run: Run) -> None:
    save(annotations=[square(5, 0, segmentation=[[900, 900, 950, 900, 950, 950]]), square(6, 1)])
    status, out, err = run("--annotations", "set.json", "--min-area", "601", "--json")
    assert (status, regions(out)) == (1, {})
    assert list(errors(out)) == ["images/a.png", "images/sub/b.png"]
    assert (
        "images/a.png: none of its regions in set.json can be used: annotation 5 of set.json: the polygon lies " in err
    )
    assert "images/sub/b.png: none of its regions in set.json can be used: none of 1 is large enough" in err
    status, out, _ = run("images/sub/b.png", "--annotations", "set.json", "--min-area", "600", "--json")
    assert regions(out) == {"images/sub/b.png": ["annotation 6"]}
    assert status == 0


def test_csv_text_and_overlay(run: Run) -> None:
    status, out, _ = run("--annotations", "set.json", "--csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["image"], row["region"]) for row in rows] == [
        ("images/a.png", "annotation 5"),
        ("images/a.png", "annotation 6"),
        ("images/sub/b.png", "annotation 7"),
    ]
    status, out, err = run("--annotations", "set.json", "--overlay", "drawn")
    assert status == 0
    assert "  annotation 5  " in out
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["a-overlay.png", "b-overlay.png"]
    add(annotations=[square(30 + i, 0, image_id=77) for i in range(14)])
    status, _, err = run("--annotations", "set.json")
    assert status == 1
    assert err.count("is none of its images") == 10
    assert "madeof: set.json: and 4 more problems\n" in err


def test_left_out_is_said(run: Run) -> None:
    add(annotations=[{"id": 50, "image_id": 0, "category_id": 1, "caption": "a wall"}])
    status, _, err = run("images/a.png", "--annotations", "set.json")
    assert status == 0
    assert err == "madeof: set.json: left out 1 captions, which are no regions\n"


def test_a_folder_of_files(run: Run) -> None:
    """Label maps are read when their photo's turn comes; a broken one is that photo's error."""
    Path("set/images").mkdir(parents=True)
    Path("set/labels").mkdir()
    Path("set/materials.csv").write_text("id,name\n1,Brick\n2,Foliage\n3,Sky\n4,Wood\n")
    for number in range(3):
        photo, labels = photo_and_label_map(number, *SIZE)
        Image.fromarray(photo).save(f"set/images/{number}.png")
        Image.fromarray(labels if number else labels[:9]).save(f"set/labels/{number}.png")
    Image.fromarray(np.zeros(SIZE, np.uint8)).save("set/labels/2.png")
    status, out, err = run("--annotations", "set", "--json")
    assert status == 1
    assert list(regions(out)) == ["set/images/1.png"]
    assert list(errors(out)) == ["set/images/0.png", "set/images/2.png"]
    answered = next(line for line in out.splitlines() if '"regions"' in line)
    assert {one["truth"] for one in json.loads(answered)["regions"]} <= {"Brick", "Foliage", "Sky", "Wood"}
    assert "set/images/0.png: labels/0.png is 80 x 9 but its photo 0.png is 80 x 64" in err
    assert "set/images/2.png: none of its regions in set can be used: " in err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["--annotations", "set.json", "--mask", "m.png"], "--annotations gives the regions itself; leave --mask out"),
        (["--annotations", "set.json", "--box", "1,2,3,4"], "leave --box out"),
        (["--annotations", "set.json", "--polygon", "1,2 3,4 5,6"], "leave --polygon out"),
        (["--annotations", "set.json", "--label-map", "l.png"], "leave --label-map out"),
        (["--annotations", "set.json", "--resize-masks"], "leave --resize-masks out"),
        (["--annotations", "set.json", "--format", "coconut"], "invalid choice: 'coconut'"),
        (["images/a.png", "--format", "coco"], "--format is of --annotations FILE, which is not given"),
        (["images/a.png", "--images", "x"], "--images is of --annotations FILE, which is not given"),
        ([], "the following arguments are required: PHOTO (or --annotations FILE)"),
    ],
)
def test_what_makes_no_sense_together(
    command: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["predict", *command])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.json is of no format that we know: we tried coco, "),
        (b'{"images": [{"id": 1', "bad.json line 1 column 21: not valid JSON: the file ends too soon"),
        (None, "bad.json does not exist; expected an annotation file, or a folder of them"),
    ],
)
def test_a_file_that_cannot_be_read(content: bytes | None, message: str, run: Run) -> None:
    if content is not None:
        Path("bad.json").write_bytes(content)
    status, out, err = run("--annotations", "bad.json")
    assert (status, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1
