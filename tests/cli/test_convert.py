"""`madeof convert`: options, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from datasets_conversion import Run, found_in, place

from madeof.cli.arguments import WRITTEN
from madeof.datasets.conversion import convert
from madeof.datasets.formats import FORMATS
from madeof.errors import WriteError


def test_what_is_there_is_not_overwritten(formats_folder: Path, run_convert: Run) -> None:
    source, images = formats_folder / "coco.json", ("--images", formats_folder / "photos")
    Path("there.json").write_text("mine")
    Path("folder").mkdir()
    Path("folder/mine").touch()
    Path("link.json").symlink_to("nowhere")
    for name, to in (("there.json", "coco"), ("there.json", "yolo"), ("folder", "yolo"), ("link.json", "coco")):
        status, err = run_convert(source, name, "--to", to, *images)
        assert status == 1
        assert err.startswith(f"madeof: {name} is ")
        assert err.endswith("give another name, or take it away: nothing is overwritten\n")
    Path("images").mkdir()
    status, err = run_convert(source, "new.json", "--to", "coco", "--copy-photos", *images)
    assert (status, "images is there already" in err or "images is a folder" in err) == (1, True)
    Path("new.label_config.xml").touch()
    status, err = run_convert(source, "new.json", "--to", "label-studio", *images)
    assert (status, "new.label_config.xml is there already" in err) == (1, True)
    assert Path("there.json").read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == [
        "folder",
        "images",
        "link.json",
        "new.label_config.xml",
        "there.json",
    ]
    Path("empty").mkdir()
    assert run_convert(source, "empty", "--to", "yolo", *images)[0] == 0
    assert Path("empty/data.yaml").is_file()


@pytest.mark.parametrize("to", WRITTEN)
def test_nothing_is_there_unless_all_is(
    to: str, formats_folder: Path, run_convert: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(formats_folder / "photos", "photos")
    Path("photos/no regions.png").write_bytes(b"no photo")
    out = place(Path(), to)
    status, err = run_convert(formats_folder / "coco.json", out, "--to", to, "--images", "photos")
    assert status == 1
    assert "coco.json: 1 problem: no regions.png is not" in err.replace("photos/", "")
    assert [path.name for path in Path().iterdir()] == ["photos"]
    status, err = run_convert(formats_folder / "coco.json", out, "--to", to, "--images", "photos", "--skip-bad")
    assert status == 0
    assert err.startswith("madeof: skipped no regions.png: ")
    assert "2 photos" in err
    shutil.rmtree(out) if out.is_dir() else out.unlink()
    Path("label_studio.label_config.xml").unlink(missing_ok=True)
    for fault in (KeyboardInterrupt(), OSError(28, "No space left on device")):

        def fail(*_: object, fault: BaseException = fault, **__: object) -> None:
            raise fault

        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", fail)
            status, err = run_convert(formats_folder / "coco.json", out, "--to", to, "--images", "photos", "--skip-bad")
        assert status == (130 if isinstance(fault, KeyboardInterrupt) else 1)
        assert "interrupted" in err or "No space left on device" in err
        assert [path.name for path in Path().iterdir()] == ["photos"]


def test_options_of_the_data_set(tiny_dataset: Path, run_convert: Run) -> None:
    status, err = run_convert(tiny_dataset, "a.json", "--to", "coco", "--ignore", "2", "--min-area", "1300")
    rows = json.loads(Path("a.json").read_text())["annotations"]
    everything = found_in(tiny_dataset)
    kept = [1 for some in everything.values() for name, mask in some if name != "Foliage" and sum(mask) >= 1300]
    assert (status, len(rows)) == (0, len(kept))
    assert "px" in err
    Path("list.csv").write_text("id,name\n1,wood\n2,Sky\n3,Nothing\n")
    images = tiny_dataset / "images"
    status, err = run_convert("a.json", "b.json", "--to", "coco", "--materials", "list.csv", "--images", images)
    assert status == 1
    assert "the material 'Brick' is not in the list of materials" in err
    command = ("a.json", "b.json", "--to", "coco", "--materials", "list.csv", "--skip-bad")
    status, err = run_convert(*command, "--images", images)
    categories = json.loads(Path("b.json").read_text())["categories"]
    assert [(row["id"], row["name"]) for row in categories] == [(1, "wood"), (2, "Sky"), (3, "Nothing")]
    status, err = run_convert(tiny_dataset, "c.json", "--to", "coco", "--min-area", "100000")
    assert (status, Path("c.json").exists()) == (1, False)
    assert "no region is left of 12 photos: 0 problems, 36 regions under 100000 px" in err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["a", "b", "--to", "voc"], "invalid choice: 'voc'"),
        (["a", "b"], "--to"),
        (["a", "--to", "coco"], "OUT"),
        (["a", "b", "--to", "coco", "--labels", "c", "--images", "d"], "leave --images and --format out"),
    ],
)
def test_wrong_command_lines(command: list[str], message: str, run_convert: Run, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run_convert(*command)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_what_cannot_be_read_or_written(run_convert: Run, formats_folder: Path) -> None:
    assert run_convert("gone.json", "a", "--to", "yolo") == (1, f"madeof: gone.json does not exist; {GONE}")
    Path("odd.txt").write_text("hello")
    assert "odd.txt is of no layout or format that we know" in run_convert("odd.txt", "a", "--to", "yolo")[1]
    status, err = run_convert(
        formats_folder / "coco.json", "no/such/a.json", "--to", "coco", "--images", formats_folder / "photos"
    )
    assert (status, err) == (
        1, "madeof: cannot write no/such/a.json: No such file or directory; nothing was changed\n",
    )  # fmt: skip
    for to, suffix in (("cvat", "xml"), ("label_studio", "json")):
        status, err = run_convert(formats_folder / "coco.json", "a", "--to", to, "--images", formats_folder / "photos")
        assert (status, err) == (1, f"madeof: cannot write a as {FORMATS[to].title}; expected a name with .{suffix}\n")
    with pytest.raises(WriteError, match="is there already"):
        convert(formats_folder / "coco.json", "odd.txt", "coco", images=formats_folder / "photos")


GONE = (
    "expected a folder with images/, labels/ and materials.csv, or a CSV with the columns image,mask,material, or an "
    f"annotation file or folder of one of the formats {', '.join(FORMATS)}\n"
)
