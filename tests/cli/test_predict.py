"""`madeof predict`: its three forms, its regions, its bad inputs and its odd names."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map
from PIL import Image

from madeof.cli.main import main
from madeof.errors import WriteError
from madeof.inference.predictor import Predictor, load

SIZE = (64, 80)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def predictor(tiny_model: Path) -> Predictor:
    return load(tiny_model, threads=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two photos, masks and label maps."""
    monkeypatch.chdir(tmp_path)
    for name in ("maps", "elsewhere"):
        Path(name).mkdir()
    for number, name in enumerate(("a", "b")):
        photo, labels = photo_and_label_map(number, *SIZE)
        Image.fromarray(photo).save(f"{name}.png")
        Image.fromarray(labels).save(f"maps/{name}.png")
    save_mask("m.png", box())
    save_mask("none.png", np.zeros(SIZE, bool))
    return tmp_path


@pytest.fixture
def run(here: Path, tiny_model: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof predict` in this process -> status, standard output, standard error."""
    monkeypatch.setattr("madeof.inference.predictor.load", lambda *_, **__: predictor)

    def run(*command: str) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), *command])
        return status, *capsys.readouterr()

    return run


def box() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[10:30, 20:50] = True
    return mask


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def save_mask(path: str | Path, mask: np.ndarray) -> None:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)


def answer(predictor: Predictor, photo: str, mask: np.ndarray) -> Any:
    predictor.set_image(photo)
    return predictor.predict([mask])[0]


def check_error(line: str) -> dict[str, str]:
    """The object of a photo without answers."""
    found = json.loads(line)
    assert set(found) == {"image", "error"}
    assert "\n" not in found["error"]
    return dict(found)


def check_json(line: str) -> dict[str, Any]:
    """Exactly the documented keys and types."""
    found = json.loads(line, parse_constant=lambda text: pytest.fail(text))
    assert set(found) - {"warnings", "damaged"} == {"image", "model", "width", "height", "regions"}
    assert type(found["image"]) is type(found["model"]) is str
    assert type(found["width"]) is type(found["height"]) is int
    for region in found["regions"]:
        if "error" in region:
            assert set(region) == {"region", "error"}
            continue
        assert set(region) - {"notes"} == {"region", "area", "box", "material", "score", "top"}
        assert [type(side) for side in region["box"]] == [int] * 4
        assert type(region["area"]) in (int, float)
        assert type(region["score"]) is float
        assert region["material"] in MATERIALS
        assert region["top"][0] == {"material": region["material"], "score": region["score"]}
        scores = [row["score"] for row in region["top"]]
        assert scores == sorted(scores, reverse=True)
        assert all(set(row) == {"material", "score"} and 0 <= row["score"] <= 1 for row in region["top"])
    return dict(found)


def test_json_of_every_kind_of_region(run: Run, predictor: Predictor) -> None:
    command = ["a.png", "--json", "--mask", "m.png", "--box", "20,10,50,30", "--polygon", "20,10 50,10 50,30 20,30"]
    status, out, err = run(*command, "--label-map", "maps/a.png", "--mask", "./m.png")
    assert (status, err, out.count("\n")) == (0, "", 1)
    found = check_json(out)
    assert (found["image"], found["model"], found["width"], found["height"]) == ("a.png", "tiny 3", 80, 64)
    regions = found["regions"]
    assert [r["region"] for r in regions[:4]] == ["m.png", "./m.png", "box 0", "polygon 0"]
    labels = pixels("maps/a.png")
    assert [r["region"] for r in regions[4:]] == [f"label {value} #1" for value in np.unique(labels)[1:]]
    wanted = answer(predictor, "a.png", box())
    for region in regions[:4]:
        assert (region["area"], region["box"]) == (600, [20, 10, 50, 30])
        assert region["material"] == wanted.material
        assert region["score"] == pytest.approx(wanted.score, abs=2e-6)
    for region, value in zip(regions[4:], np.unique(labels)[1:], strict=True):
        assert region["area"] == (labels == value).sum()
        assert region["score"] == pytest.approx(answer(predictor, "a.png", labels == value).score, abs=2e-6)


def test_without_a_region_the_whole_photo_is_one(run: Run) -> None:
    status, out, _ = run("a.png", "b.png", "--json")
    assert status == 0
    for name, line in zip(("a.png", "b.png"), out.splitlines(), strict=True):
        found = check_json(line)
        assert found["image"] == name
        assert [(r["region"], r["area"], r["box"]) for r in found["regions"]] == [("photo", 5120, [0, 0, 80, 64])]


@pytest.mark.parametrize(("top", "shown"), [("1", 1), ("3", 3), ("99", 4)])
def test_top(run: Run, top: str, shown: int) -> None:
    assert len(json.loads(run("a.png", "--json", "--top", top)[1])["regions"][0]["top"]) == shown
    assert sum(name in run("a.png", "--top", top)[1] for name in MATERIALS) == shown


def test_csv(run: Run) -> None:
    status, out, err = run("a.png", "b.png", "--csv", "--mask", "m.png", "--box", "0,0,9,9")
    assert (status, err) == (0, "")
    head, *rows = csv.reader(io.StringIO(out))
    assert head == [
        "image",
        "region",
        "area",
        "x0",
        "y0",
        "x1",
        "y1",
        "material",
        "score",
        "uncertain",
        "answer",
        "set",
        "notes",
        "error",
    ]
    assert [row[:7] for row in rows] == [
        ["a.png", "m.png", "600", "20", "10", "50", "30"],
        ["a.png", "box 0", "81", "0", "0", "9", "9"],
        ["b.png", "m.png", "600", "20", "10", "50", "30"],
        ["b.png", "box 0", "81", "0", "0", "9", "9"],
    ]
    assert all(row[7] in MATERIALS and 0 <= float(row[8]) <= 1 for row in rows)
    assert [row[9:] for row in rows] == [[""] * 5, ["", "", "", "small: 97.2 px seen", ""]] * 2


def test_csv_header_when_the_first_photo_is_bad(run: Run) -> None:
    status, out, _ = run("gone.png", "a.png", "b.png", "--csv")
    assert status == 1
    assert out.count("image,region") == 1
    assert out.startswith("image,region")
    bad, *good = csv.DictReader(io.StringIO(out))
    assert (bad["image"], bad["region"], bad["material"]) == ("gone.png", "", "")
    assert bad["error"].startswith("gone.png ")
    assert [(row["image"], row["error"]) for row in good] == [("a.png", ""), ("b.png", "")]


def test_text(run: Run) -> None:
    status, out, err = run("a.png", "--mask", "m.png", "--box", "0,0,3,3")
    assert (status, err) == (0, "")
    head, first, second = out.splitlines()
    assert head == "a.png  (80 x 64)"
    assert first.startswith("  m.png  ")
    assert second.startswith("  box 0  ")
    assert second.endswith("[small: 10.8 px seen]")


def test_label_map_folder(run: Run) -> None:
    status, out, err = run("a.png", "b.png", "--json", "--label-map", "maps")
    assert (status, err) == (0, "")
    assert [len(check_json(line)["regions"]) for line in out.splitlines()] == [3, 3]
    shutil.copy("maps/a.png", "maps/a.tif")
    status, out, err = run("a.png", "b.png", "--json", "--label-map", "maps")
    assert (status, out.count("\n")) == (1, 2)
    assert check_error(out.splitlines()[0])["image"] == "a.png"
    assert err == "madeof: a.png: expected one label map with the stem a in maps, found 2\n"
    status, out, err = run("a.png", "b.png", "--label-map", "maps/b.png")
    assert (status, out, err.count("\n")) == (1, "", 2)
    assert "with several photos expected a folder with one map for each" in err


def test_label_map_without_regions(run: Run) -> None:
    assert run("a.png", "--label-map", "none.png") == (
        1,
        "",
        "madeof: a.png: the label map none.png is 0 (unlabelled) everywhere; expected at least one region\n",
    )
    assert "has no region of 5000 pixels or more" in run("a.png", "--label-map", "maps/a.png", "--min-area", "5000")[2]


def test_good_photos_are_done_and_bad_ones_named_at_the_end(run: Run) -> None:
    Path("text.png").write_text("hello")
    Path("half.png").write_bytes(Path("a.png").read_bytes()[:2000])
    status, out, err = run("gone.png", "a.png", "text.png", "half.png", "elsewhere", "b.png", "--json")
    assert status == 1
    bad = {}
    for line in out.splitlines():
        if '"error"' in line:
            found = check_error(line)
            bad[found["image"]] = found["error"]
        else:
            assert check_json(line)["image"] in ("a.png", "b.png")
    assert list(bad) == ["gone.png", "text.png", "half.png", "elsewhere"]
    first, *others = bad
    assert [json.loads(line)["image"] for line in out.splitlines()] == [first, "a.png", *others, "b.png"]
    lines = err.splitlines()
    assert [f"madeof: {reason}" for reason in bad.values()] == lines
    for line, name in zip(lines, ("gone.png", "text.png", "half.png", "elsewhere"), strict=True):
        assert line.startswith(f"madeof: {name} ")
        assert "expected" in line


def test_an_empty_mask_among_good_ones(run: Run) -> None:
    command = ["a.png", "--mask", "none.png", "--mask", "m.png", "--box", "900,900,901,901", "--box", "0,0,9,9"]
    status, out, err = run(*command, "--json")
    assert status == 1
    regions = check_json(out)["regions"]
    assert [(r["region"], "error" in r) for r in regions] == [
        ("none.png", True), ("m.png", False), ("box 0", True), ("box 1", False),
    ]  # fmt: skip
    assert "none.png is empty" in regions[0]["error"]
    assert err.splitlines()[0].startswith("madeof: a.png: none.png is empty")
    assert err.splitlines()[1].startswith("madeof: a.png: box 0: the box 900, 900, 901, 901 lies outside the photo")
    status, out, _ = run(*command, "--csv")
    assert status == 1
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [bool(row["error"]) for row in rows] == [True, False, True, False]
    status, out, err = run("a.png", "--mask", "none.png")
    assert (status, out) == (1, "")
    assert err.startswith("madeof: a.png: none of its regions can be used: none.png is empty")


def test_masks_of_another_size(run: Run) -> None:
    save_mask("large.png", np.kron(box(), np.ones((2, 2), bool)))
    status, out, err = run("a.png", "--mask", "large.png")
    assert (status, out) == (1, "")
    assert "large.png is 160 x 128 but the photo is 80 x 64" in err
    assert "--resize-masks" in err
    status, out, err = run("a.png", "--mask", "large.png", "--resize-masks", "--json")
    assert (status, err) == (0, "")
    assert check_json(out)["regions"][0]["area"] == 600


def test_jpeg_masks(run: Run) -> None:
    save_mask("m.jpg", box())
    status, _, err = run("a.png", "--mask", "m.jpg")
    assert status == 1
    assert "m.jpg is a JPEG" in err
    status, out, _ = run("a.png", "--mask", "m.jpg", "--jpeg-masks", "--json")
    assert status == 0
    assert check_json(out)["regions"][0]["area"] == pytest.approx(600, abs=60)


def test_soft_masks(run: Run) -> None:
    Image.fromarray((box() * 102).astype(np.uint8) + np.uint8(51)).save("m.png")
    status, _, err = run("a.png", "--mask", "m.png")
    assert status == 1
    assert "m.png has several values (51, 153); expected 0 and one other" in err
    assert "--soft-masks" in err
    status, out, _ = run("a.png", "--mask", "m.png", "--soft-masks", "--json")
    assert status == 0
    assert check_json(out)["regions"][0]["area"] == pytest.approx(600 * 0.4 + 64 * 80 * 0.2, abs=0.1)


def test_max_megapixels(run: Run) -> None:
    status, out, err = run("a.png", "--max-megapixels", "0.001")
    assert (status, out) == (1, "")
    assert "a.png has 0.0 megapixels (80 x 64); expected at most 0.001" in err
    large = np.zeros((1000, 1000), np.uint8)
    Image.fromarray(large).save("large-map.png")
    assert "large-map.png has 1.0 megapixels" in run(
        "a.png", "--label-map", "large-map.png", "--max-megapixels", "0.5", "--resize-masks"
    )[2]  # fmt: skip


def test_damaged_jpeg(run: Run) -> None:
    Image.fromarray(pixels("a.png")).save("d.jpg", quality=95)
    Path("d.jpg").write_bytes(Path("d.jpg").read_bytes()[:-2])  # all of the photo, without the end marker
    status, out, _ = run("d.jpg", "--json")
    found = check_json(out)
    assert (status, found["damaged"]) == (0, True)
    assert found["warnings"][0].startswith("damaged data: ")
    status, out, err = run("d.jpg", "a.png", "--json", "--strict")
    refused, answered = out.splitlines()
    assert (status, check_json(answered)["image"]) == (1, "a.png")
    assert check_error(refused)["error"].startswith("d.jpg has damaged data (")
    assert err.startswith("madeof: d.jpg has damaged data (")


def test_exif(run: Run, predictor: Predictor) -> None:
    exif = Image.Exif()
    exif[274] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(pixels("a.png"))))
    stored.save("turned.png", exif=exif)
    status, out, _ = run("turned.png", "--json", "--mask", "m.png")
    found = check_json(out)
    assert (status, found["width"], found["height"]) == (0, 80, 64)
    assert found["regions"][0]["score"] == pytest.approx(answer(predictor, "a.png", box()).score, abs=2e-6)
    save_mask("raw.png", np.ascontiguousarray(np.rot90(box())))
    status, out, err = run("turned.png", "--mask", "raw.png")
    assert (status, out) == (1, "")
    assert "fits only the unrotated photo" in err


def test_overlay(run: Run) -> None:
    status, out, err = run("a.png", "--mask", "m.png", "--mask", "none.png", "--overlay", "o.png")
    assert status == 1
    assert "m.png" in out
    assert err.startswith("madeof: wrote o.png\n")
    with Image.open("o.png") as picture:
        assert picture.format == "PNG"
    shutil.copy("b.png", "elsewhere/a.png")
    status, _, err = run("a.png", "elsewhere/a.png", "gone.png", "--overlay", "out")
    assert status == 1
    assert sorted(path.name for path in Path("out").iterdir()) == ["a-overlay-2.png", "a-overlay.png"]
    assert Path("out/a-overlay-2.png").read_bytes() != Path("out/a-overlay.png").read_bytes()
    run("b.png", "--overlay", "out")
    assert Path("out/b-overlay.png").exists()


def test_overlay_never_overwrites_an_input(run: Run) -> None:
    Path("link.png").symlink_to("a.png")
    for overlay in ("a.png", "./elsewhere/../a.png", "link.png", "m.png"):
        before = Path(overlay).read_bytes()
        status, out, err = run("a.png", "--mask", "m.png", "--overlay", overlay)
        assert (status, out) == (1, "")
        assert err == f"madeof: --overlay {overlay} would overwrite {Path(overlay)}; choose another name\n"
        assert Path(overlay).read_bytes() == before


def test_overlay_on_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers come all the same, and what else was wrong is named too."""

    def full(picture: object, path: Path) -> None:
        raise WriteError(f"cannot write {path}: No space left on device; nothing was changed")

    monkeypatch.setattr("madeof.viz.overlay.save", full)
    status, out, err = run("a.png", "--json", "--box", "0,0,9,9", "--box", "99,99,100,100", "--overlay", "o.png")
    assert (status, out.count("\n")) == (1, 1)
    assert [line.split(":")[0:2] for line in err.splitlines()] == [
        ["madeof", " a.png"],
        ["madeof", " cannot write o.png"],
    ]


@pytest.mark.parametrize("overlay", ["no/o.png", "o.xyz", "-"])
def test_overlay_that_cannot_be(run: Run, overlay: str) -> None:
    """Found before the work."""
    status, out, err = run("a.png", f"--overlay={overlay}")
    assert (status, out) == (1, "")
    assert err == f"madeof: --overlay {overlay}: expected a name that ends in .png or .jpg, in a folder that exists\n"


def test_overlay_of_several_photos_is_a_folder(run: Run) -> None:
    status, out, err = run("a.png", "b.png", "--overlay", "o.png")
    assert (status, out, err) == (1, "", "madeof: --overlay o.png: with several photos expected a folder\n")


NAMES = [
    "Glas ür.png",
    "two\nlines.png",
    "=1+1.png",
    "tab\there.png",
    'quote".png',
    os.fsdecode(b"stray\xff.png"),
    "木.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_names(run: Run, name: str) -> None:
    shutil.copy("a.png", name)
    shutil.copy("m.png", "mask of " + name)
    status, out, err = run(name, "--mask", "mask of " + name, "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    found = check_json(out)
    shown = name.encode("utf-8", "backslashreplace").decode()
    assert (found["image"], found["regions"][0]["region"]) == (shown, "mask of " + shown)
    status, out, _ = run(name, "--mask", "mask of " + name, "--csv")
    assert (status, len(list(csv.reader(io.StringIO(out)))), out.count("\n")) == (0, 2, 2)
    assert list(csv.reader(io.StringIO(out)))[1][0][0] != "="
    status, out, _ = run(name, "--mask", "mask of " + name)
    assert (status, out.count("\n")) == (0, 2)
    status, out, err = run("no " + name, "a.png", "--mask", "no mask of " + name, "--box", "0,0,9,9", "--overlay", "o")
    assert (status, err.count("\n")) == (1, 3)
    assert all(line.isprintable() for line in err.splitlines())


def test_names_that_begin_with_a_dash(run: Run) -> None:
    shutil.copy("a.png", "-a.png")
    shutil.copy("m.png", "-m.png")
    status, out, err = run("--json", "--mask=-m.png", "--box=-5,-5,9,9", "--", "-a.png")
    assert (status, err) == (0, "")
    found = check_json(out)
    assert (found["image"], found["regions"][0]["region"]) == ("-a.png", "-m.png")
    assert found["regions"][1]["box"] == [0, 0, 9, 9]
    status, out, _ = run("--csv", "--mask=-m.png", "--", "-a.png")
    assert list(csv.reader(io.StringIO(out)))[1][:2] == ["'-a.png", "'-m.png"]


def test_a_model_that_breaks_in_the_middle(run: Run, predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    from madeof.errors import ModelError

    def fail(*_: Any) -> Any:
        raise ModelError("the model is broken")

    monkeypatch.setattr(predictor, "encode", fail)
    status, out, err = run("gone.png", "a.png")
    assert (status, out) == (1, "")
    assert [line[:16] for line in err.splitlines()] == ["madeof: gone.png", "madeof: the mode"]


def test_no_such_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "a.png", "--model", "gone"]) == 1
    assert capsys.readouterr().err == (
        "madeof: there is no model folder gone; expected a folder with model.json, or a Hub name like me/model\n"
    )


def process(*command: str, model: Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "madeof", "predict", "--threads", "1", "--model", str(model), *command]
    return subprocess.run(line, capture_output=True, check=False, **options)


@pytest.mark.parametrize("form", ["--json", "--csv", "--top=2"])
def test_an_ascii_locale(here: Path, tiny_model: Path, form: str) -> None:
    for number, name in enumerate(NAMES):
        shutil.copy("a.png", f"{number} {name}")
    names = [f"{number} {name}" for number, name in enumerate(NAMES)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process(*names, "gone 木.png", form, model=tiny_model, env=environment)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr.isascii()
    assert done.stderr.count(b"\n") == 1
    if form == "--json":
        *answered, gone = done.stdout.decode("ascii").splitlines()
        assert check_error(gone)["image"] == "gone 木.png"
        images = [check_json(line)["image"] for line in answered]
        assert images == [name.encode("utf-8", "backslashreplace").decode() for name in names]
    else:
        assert done.stdout.isascii()
        assert done.stdout.count(b".png") == len(names) + 2 * (form == "--csv")  # the one that is gone, and its error


def test_a_reader_that_has_enough(here: Path, tiny_model: Path) -> None:
    """Like `| head -1`: no traceback, no complaint at exit."""
    line = [sys.executable, "-m", "madeof", "predict", "--model", str(tiny_model), "--json", *["a.png"] * 40]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


def test_the_real_command(here: Path, tiny_model: Path) -> None:
    done = process("a.png", "--mask", "m.png", "--json", model=tiny_model)
    assert (done.returncode, done.stderr) == (0, b"")
    assert check_json(done.stdout.decode())["regions"][0]["region"] == "m.png"


def test_a_large_jpeg_keeps_its_size_and_its_answer_with_an_overlay(run: Run) -> None:
    photo, _ = photo_and_label_map(0, *SIZE)
    Image.fromarray(photo).resize((960, 768)).save("large.jpg", quality=95)
    alone = json.loads(run("large.jpg", "--box", "0,0,960,384", "--json")[1])
    shown = json.loads(run("large.jpg", "--box", "0,0,960,384", "--json", "--overlay", "out.png")[1])
    assert alone == shown
    assert (alone["width"], alone["height"]) == (960, 768)
    assert alone["regions"][0]["box"] == [0, 0, 960, 384]
    assert "(960 x 768)" in run("large.jpg")[1]
    assert pixels("out.png").shape == (768, 960, 3)


@pytest.mark.parametrize("command", [["predict"], ["map"], ["explain", "--looks", "0"]])
def test_a_stray_byte_in_a_name_is_the_same_text_in_every_command(
    run: Run, tiny_model: Path, capsys: Any, command: Any
) -> None:
    """`map` and `explain` once printed a lone surrogate, which strict parsers of JSON refuse."""
    photo, mask = os.fsdecode(b"a\xff.png"), os.fsdecode(b"m\xff.png")
    shutil.copy("a.png", photo)
    shutil.copy("m.png", mask)
    regions = [] if command[0] == "map" else ["--mask", mask]
    files = ["--out", "maps-of"] if command[0] == "map" else []
    assert main([*command, photo, "--json", "--model", str(tiny_model), *regions, *files]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["image"] == "a\\udcff.png"
    assert [region["region"] for region in told.get("regions", [])] == (["m\\udcff.png"] if regions else [])
    assert all("a\\udcff" in file for file in told.get("files", {}).values())
    json.dumps(told, ensure_ascii=False).encode()  # no lone surrogate anywhere


def test_zoom(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*command: str) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), "--threads", "1", *command])
        return status, *capsys.readouterr()

    random = np.random.default_rng(0)
    photo = np.kron(random.integers(0, 256, (60, 80, 3)), np.ones((5, 5, 1))).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "large.png")
    said = {
        zoom: run(str(tmp_path / "large.png"), "--box", "50,60,75,80", "--json", *zoom.split())
        for zoom in ("", "--zoom auto", "--zoom 1", "--zoom off", "--zoom 0")
    }
    assert {status for status, _, _ in said.values()} == {0}
    texts = [out for _, out, _ in said.values()]
    assert texts[0] == texts[1] == texts[2] != texts[3] == texts[4]
    box = "--box", "50,60,75,80"
    _, out, _ = run(str(tmp_path / "large.png"), *box, "--box", "300,200,320,220", "--json", "--zoom", "1")
    notes = [region.get("notes", []) for region in json.loads(out)["regions"]]
    assert sum("not zoomed: too many windows" in each for each in notes) == 1
