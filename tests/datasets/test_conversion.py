"""`madeof convert`: from every format to every format and back, what is told to be lost, and nothing half-written."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import masks, save_photo, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from madeof.cli.arguments import FORMATS as NAMES
from madeof.cli.arguments import WRITTEN
from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.datasets.conversion import convert
from madeof.datasets.formats import FORMATS
from madeof.datasets.opening import find_layout
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import WriteError
from madeof.regions.shapes import Polygons

SIZE = 20, 26
"""(height, width) of the photos."""
SUFFIX = {"coco": ".json", "label_studio": ".json", "cvat": ".xml"}
Found = dict[str, list[tuple[str, bytes]]]
"""Of each photo the material and the mask of each region."""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof convert` in this process and in an empty folder -> status, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*command: object) -> tuple[int, str]:
        status = main(["convert", *map(str, command)])
        out, err = capsys.readouterr()
        assert out == ""
        return status, err

    return run


def small_set(folder: Path) -> list[Answered]:
    """Photos, saved in `folder`, whose regions have holes and parts, and lie at the edges; none touch or overlap."""
    first = np.zeros((6, *SIZE), dtype=bool)
    first[0, 0:8, 0:9] = True
    first[0, 2:6, 2:7] = False  # a hole
    first[1, 3:5, 3:6] = True  # of another material, an island in it
    first[2, 19, 25] = True  # one pixel, in the corner
    first[3, 10:12, 0:4] = first[3, 14:16, 0:4] = first[3, 16, 5] = True  # parts, two of them joined by a corner only
    first[4, 0:20, 12:14] = True  # from edge to edge
    first[5, 4, 20] = True
    second = np.zeros((2, *SIZE), dtype=bool)
    second[0] = True
    second[0, 8:12, 8:12] = False
    second[1, 9:11, 9:11] = True
    named = ("Wood", "Gläser & <Tassen>", "石", "Wood", "Holz: roh # 1", "it's"), ("Wood", "石")
    photos = []
    for file, found, materials in zip(("küche/größe 1.png", "deep/er/c+d 5%.png"), (first, second), named, strict=True):
        save_photo(folder, file, SIZE)
        regions = [
            AnsweredRegion(f"region {number}", mask, (0, 0), material)
            for number, (mask, material) in enumerate(zip(found, materials, strict=True))
        ]
        photos.append(Answered(file, folder, SIZE, tuple(regions)))
    save_photo(folder, "no regions.png", SIZE)
    return [*photos, Answered("no regions.png", folder, SIZE, ())]


def found_in(path: Path, images: Path | None = None, labels: Path | None = None) -> Found:
    """What is in a data set; nothing may be wrong with it."""
    layout = find_layout(path, images=images, labels=labels)
    assert layout.problems == []
    found: Found = {}
    for photo in layout.annotated():
        some = []
        for annotation in photo.annotations:
            with Image.open(layout.photos_folder / photo.file) as image:
                size = image.height, image.width
            part, corner = annotation.shape.cut(size)
            some.append((annotation.material, whole(part, corner, size).tobytes()))
        found[photo.file.removeprefix("images/")] = sorted(some)
    return {file: some for file, some in found.items() if some}


def as_found(photos: list[Answered]) -> Found:
    """What was meant to be written."""
    return {
        photo.file: sorted((one.material, whole(one.cut, one.corner, photo.size).tobytes()) for one in photo.regions)
        for photo in photos
        if photo.regions
    }


def in_a_map(found: Found) -> Found:
    """The same as a label map can say it: all of a material is one."""
    joined: Found = {}
    for file, some in found.items():
        by_material: dict[str, np.ndarray[Any, Any]] = {}
        for material, mask in some:
            by_material[material] = by_material.get(material, False) | np.frombuffer(mask, dtype=bool)
        joined[file] = sorted((material, mask.tobytes()) for material, mask in by_material.items())
    return joined


def place(folder: Path, format: str) -> Path:
    return folder / f"{format}{SUFFIX.get(format, '')}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos/ and the small set in each of the formats."""
    folder = tmp_path_factory.mktemp("sources")
    photos = small_set(folder / "photos")
    for format in WRITTEN:
        FORMATS[format].writer.write(photos, place(folder, format))
    return folder


def images_of(folder: Path, format: str) -> list[str]:
    """The option that names the photos; formats that copy them need none."""
    return [] if format in ("label_map", "masks") else ["--images", str(folder / "photos")]


def test_the_lists_of_formats_are_the_registry_s() -> None:
    assert set(NAMES) == set(FORMATS)
    assert set(WRITTEN) == {one.name for one in FORMATS.values() if one.writes}


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("to", WRITTEN)
def test_from_each_format_to_each_and_back(format: str, to: str, sources: Path, run: Run, tmp_path: Path) -> None:
    there, back = place(tmp_path / "there", to), place(tmp_path / "back", format)
    there.parent.mkdir()
    back.parent.mkdir()
    status, err = run(place(sources, format), there, "--to", to, *images_of(sources, format))
    assert status == 0, err
    status, err = run(there, back, "--to", format, *images_of(sources, to))
    assert status == 0, err
    assert f"wrote {back}: 3 photos, " in err
    images = images_of(sources, to)
    found = found_in(there, Path(images[1]) if images else None)
    again = found_in(back, None if format in ("label_map", "masks") else sources / "photos")
    meant = as_found(small_set(tmp_path / "photos"))
    if "label_map" not in (format, to):
        assert found == meant
        assert again == meant
    assert in_a_map(found) == in_a_map(meant)
    assert in_a_map(again) == in_a_map(meant)


@st.composite
def photos_of_masks(draw: st.DrawFn) -> list[Answered]:
    found = []
    for file in draw(st.lists(st.sampled_from(["a.png", "b c.png", "ü/a.png"]), min_size=1, max_size=2, unique=True)):
        size = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
        regions = [
            AnsweredRegion("", draw(masks(size)), (0, 0), draw(st.sampled_from(["Wood", "Wood - painted", "石"])))
            for _ in range(draw(st.integers(1, 4)))
        ]
        found.append(Answered(file, Path(), size, tuple(regions)))
    return found


@pytest.mark.parametrize("to", [format for format in WRITTEN if format != "label_map"])
@settings(max_examples=8, deadline=None)
@given(photos_of_masks())
def test_overlapping_regions_of_any_pixels_survive(to: str, photos: list[Answered]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = [Answered(one.file, folder / "photos", one.size, one.regions) for one in photos]
        for photo in photos:
            save_photo(photo.folder, photo.file, photo.size)
        FORMATS["coco"].writer.write(photos, folder / "from.json")
        convert(folder / "from.json", place(folder, to), to, images=folder / "photos")
        images = None if to == "masks" else folder / "photos"
        assert found_in(place(folder, to), images) == as_found(photos)
        convert(place(folder, to), folder / "again.json", "coco", images=images)
        assert found_in(folder / "again.json", folder / "photos") == as_found(photos)


@settings(max_examples=25, deadline=None)
@given(photos_of_masks())
def test_what_a_label_map_loses_is_what_is_told(photos: list[Answered]) -> None:
    """Nothing is told exactly where the regions survive as they are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = [Answered(one.file, folder / "photos", one.size, one.regions) for one in photos]
        for photo in photos:
            save_photo(photo.folder, photo.file, photo.size)
        FORMATS["coco"].writer.write(photos, folder / "coco.json")
        done = convert(folder / "coco.json", folder / "map", "label_map", images=folder / "photos")
        assert bool(done.lost) == (found_in(folder / "map") != as_found(photos))


def test_outlines_go_through_all_formats_that_have_them(run: Run, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos", "a.png", SIZE)
    points = np.array([[1.25, 2.5], [20.75, 3.0], [13.3, 17.1]])
    region = AnsweredRegion("", *Polygons([points]).cut(SIZE), "Wood", polygons=Polygons([points]))
    FORMATS["coco"].writer.write([Answered("a.png", tmp_path / "photos", SIZE, (region,))], tmp_path / "coco.json")
    last = Path("coco.json")
    for number, to in enumerate(("labelme", "cvat", "label_studio", "yolo", "coco")):
        out = place(Path(), to).with_stem(f"{number}")
        status, err = run(last, out, "--to", to, "--images", "photos")
        assert status == 0
        assert "not kept" not in err
        last = out
    outline = json.loads(last.read_text())["annotations"][0]["segmentation"]
    np.testing.assert_allclose(np.array(outline).reshape(-1, 2), points, atol=1e-6)


def test_boxes_stay_boxes(run: Run) -> None:
    """Where they are between pixels too."""
    save_photo(Path(), "a.png", SIZE)
    Path("data.yaml").write_text("names: [wood]\n")
    Path("a.txt").write_text("0 0.5 0.5 0.31 0.3\n0 0.05 0.05 0.2 0.2\n")  # the second hangs over the edge
    assert run(".", "out.json", "--to", "coco")[0] == 0
    rows = json.loads(Path("out.json").read_text())["annotations"]
    np.testing.assert_allclose(rows[0]["segmentation"][0], [8.97, 7, 17.03, 7, 17.03, 13, 8.97, 13])
    np.testing.assert_allclose(rows[1]["segmentation"][0], [0, 0, 3.9, 0, 3.9, 3, 0, 3], atol=1e-9)


def test_what_is_lost_is_told_in_a_line_each(sources: Path, run: Run, tmp_path: Path) -> None:
    ring = Polygons([np.array([[1.0, 1], [9, 1], [9, 9], [1, 9]])], [np.array([[3.0, 3], [3, 6], [6, 6], [6, 3]])])
    two = Polygons([np.array([[12.0, 1], [15, 1], [15, 4]]), np.array([[12.0, 8], [15, 8], [15, 12]])])
    over = np.zeros(SIZE, dtype=bool)
    over[5:14, 5:15] = True
    regions = (
        AnsweredRegion("", *ring.cut(SIZE), "Wood", polygons=ring),
        AnsweredRegion("", *two.cut(SIZE), "Glas", polygons=two),
        AnsweredRegion("", over, (0, 0), "Glas"),
        AnsweredRegion("", over[::-1], (0, 0), "Glas"),
    )
    FORMATS["cvat"].writer.write([Answered("küche/größe 1.png", sources, SIZE, regions)], tmp_path / "in.xml")
    lost = {}
    for to in WRITTEN:
        out = place(Path("out"), to)
        out.parent.mkdir(exist_ok=True)
        status, err = run("in.xml", out, "--to", to, "--images", sources / "photos")
        assert status == 0
        *lines, wrote = err.splitlines()
        assert wrote == f"madeof: wrote {out}: 1 photo, 4 regions; the photos are in " + (
            f"{out / 'images'}" if to in ("label_map", "masks") else f"{sources / 'photos'}"
        )
        assert all(line.startswith(f"madeof: not kept in {to}: ") for line in lines)
        lost[to] = [line.removeprefix(f"madeof: not kept in {to}: ") for line in lines]
    # CVAT has no holes: what comes out of it is pixels.
    assert lost == {
        "coco": [],
        "cvat": [],
        "labelme": [],
        "label_studio": ["outlines of several parts or with holes: they are pixels now (1 region)"],
        "yolo": ["holes and parts of their own: lines of no width join them (2 regions)"],
        "masks": ["outlines: they are pixels now (1 region)"],
        "label_map": [
            "outlines: they are pixels now (1 region)",
            "pixels of regions that overlap: the smallest region has them (2 regions)",
            "that several pieces are one region: each is a region now (1 region)",
            "that regions of one material which touch are several: they are one now (3 regions)",
        ],
    }


@pytest.mark.parametrize("to", WRITTEN)
def test_copied_photos_are_found_without_being_named(to: str, sources: Path, run: Run, tmp_path: Path) -> None:
    out = place(tmp_path / "new", to)
    out.parent.mkdir()
    command = ("--to", to, "--copy-photos", "--images", sources / "photos")
    assert run(sources / "coco.json", out, *command)[0] == 0
    meant = as_found(small_set(tmp_path / "photos"))
    shutil.rmtree(tmp_path / "photos")
    moved = (tmp_path / "new").rename(tmp_path / "moved") / out.name
    assert in_a_map(found_in(moved)) == in_a_map(meant)
    copy = next((tmp_path / "moved").rglob("größe 1.png"))
    assert copy.read_bytes() == (sources / "photos/küche/größe 1.png").read_bytes()


def test_what_is_there_is_not_overwritten(sources: Path, run: Run) -> None:
    source, images = sources / "coco.json", ("--images", sources / "photos")
    Path("there.json").write_text("mine")
    Path("folder").mkdir()
    Path("folder/mine").touch()
    Path("link.json").symlink_to("nowhere")
    for name, to in (("there.json", "coco"), ("there.json", "yolo"), ("folder", "yolo"), ("link.json", "coco")):
        status, err = run(source, name, "--to", to, *images)
        assert status == 1
        assert err.startswith(f"madeof: {name} is ")
        assert err.endswith("give another name, or take it away: nothing is overwritten\n")
    Path("images").mkdir()
    status, err = run(source, "new.json", "--to", "coco", "--copy-photos", *images)
    assert (status, "images is there already" in err or "images is a folder" in err) == (1, True)
    Path("new.label_config.xml").touch()
    status, err = run(source, "new.json", "--to", "label-studio", *images)
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
    assert run(source, "empty", "--to", "yolo", *images)[0] == 0
    assert Path("empty/data.yaml").is_file()


@pytest.mark.parametrize("to", WRITTEN)
def test_nothing_is_there_unless_all_is(to: str, sources: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(sources / "photos", "photos")
    Path("photos/no regions.png").write_bytes(b"no photo")
    out = place(Path(), to)
    status, err = run(sources / "coco.json", out, "--to", to, "--images", "photos")
    assert status == 1
    assert "coco.json: 1 problem: no regions.png is not" in err.replace("photos/", "")
    assert [path.name for path in Path().iterdir()] == ["photos"]
    status, err = run(sources / "coco.json", out, "--to", to, "--images", "photos", "--skip-bad")
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
            status, err = run(sources / "coco.json", out, "--to", to, "--images", "photos", "--skip-bad")
        assert status == (130 if isinstance(fault, KeyboardInterrupt) else 1)
        assert "interrupted" in err or "No space left on device" in err
        assert [path.name for path in Path().iterdir()] == ["photos"]


def test_our_own_layouts(tiny_dataset: Path, run: Run, tmp_path: Path) -> None:
    """A folder, two folders and a table; what is known of the photos goes along where there is a place for it."""
    status, err = run(tiny_dataset, "copy", "--to", "label-map")
    assert (status, "not kept" in err) == (0, False)
    before, after = open_dataset(tiny_dataset), open_dataset("copy")
    assert after.photos.name == before.photos.name
    assert after.photos.split == before.photos.split
    assert after.photos.licence == before.photos.licence
    assert after.materials == before.materials
    assert found_in(Path("copy")) == found_in(tiny_dataset)
    with Path("copy/photos.csv").open() as file:
        assert next(csv.reader(file)) == ["name", "split", "group", "source", "licence"]

    status, err = run(tiny_dataset, "a.json", "--to", "coco")
    assert "madeof: not kept in coco: splits, groups, sources and licences (12 photos)" in err.splitlines()
    content = json.loads(Path("a.json").read_text())
    assert [row["name"] for row in content["categories"]] == list(before.materials)  # whether they occur or not

    command = (tiny_dataset / "images", "b", "--labels", tiny_dataset / "labels", "--to", "masks")
    status, err = run(*command, "--materials", tiny_dataset / "materials.csv")
    assert status == 0
    assert found_in(Path("b")) == found_in(tiny_dataset)

    table = "".join(
        f'"b/images/{path.parent.name}.png","{path}",{path.stem.partition("-")[2]}\n'
        for path in Path("b/masks").rglob("*.png")
    )
    Path("table.csv").write_text("image,mask,material\n" + table)
    assert run("table.csv", "c.xml", "--to", "cvat")[0] == 0
    assert {Path(file).name: some for file, some in found_in(Path("c.xml"), tmp_path).items()} == found_in(tiny_dataset)
    assert "b/images/p0.png" in Path("c.xml").read_text()


def test_options_of_the_data_set(tiny_dataset: Path, run: Run) -> None:
    status, err = run(tiny_dataset, "a.json", "--to", "coco", "--ignore", "2", "--min-area", "1300")
    rows = json.loads(Path("a.json").read_text())["annotations"]
    everything = found_in(tiny_dataset)
    kept = [1 for some in everything.values() for name, mask in some if name != "Foliage" and sum(mask) >= 1300]
    assert (status, len(rows)) == (0, len(kept))
    assert "px" in err
    Path("list.csv").write_text("id,name\n1,wood\n2,Sky\n3,Nothing\n")
    images = tiny_dataset / "images"
    status, err = run("a.json", "b.json", "--to", "coco", "--materials", "list.csv", "--images", images)
    assert status == 1
    assert "the material 'Brick' is not in the list of materials" in err
    command = ("a.json", "b.json", "--to", "coco", "--materials", "list.csv", "--skip-bad")
    status, err = run(*command, "--images", images)
    categories = json.loads(Path("b.json").read_text())["categories"]
    assert [(row["id"], row["name"]) for row in categories] == [(1, "wood"), (2, "Sky"), (3, "Nothing")]
    status, err = run(tiny_dataset, "c.json", "--to", "coco", "--min-area", "100000")
    assert (status, Path("c.json").exists()) == (1, False)
    assert "no region is left of 12 photos: 0 problems, 36 regions under 100000 px" in err


def test_a_photo_elsewhere_stays_out_of_other_folders(run: Run, tmp_path: Path) -> None:
    """A table may name photos by `..`; what is written must not follow."""
    for name in ("elsewhere", "here"):
        Path(name).mkdir()
    save_photo(Path("elsewhere"), "a.png", SIZE)
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[3:9, 3:9] = 255
    Image.fromarray(mask).save("here/m.png")
    Path("here/table.csv").write_text("image,mask,material\n../elsewhere/a.png,m.png,Wood\n")
    for to in WRITTEN:
        Path(f"out-{to}").mkdir()
        status, err = run("here/table.csv", place(Path(f"out-{to}"), to), "--to", to, "--copy-photos")
        assert status == 0, err
        assert list(found_in(place(Path(f"out-{to}"), to))) == ["a.png"]
    assert sorted(path.name for path in Path().iterdir()) == sorted(
        ["elsewhere", "here", *(f"out-{to}" for to in WRITTEN)]
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["a", "b", "--to", "voc"], "invalid choice: 'voc'"),
        (["a", "b"], "--to"),
        (["a", "--to", "coco"], "OUT"),
        (["a", "b", "--to", "coco", "--labels", "c", "--images", "d"], "leave --images and --format out"),
    ],
)
def test_wrong_command_lines(command: list[str], message: str, run: Run, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*command)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_what_cannot_be_read_or_written(run: Run, sources: Path) -> None:
    assert run("gone.json", "a", "--to", "yolo") == (1, f"madeof: gone.json does not exist; {GONE}")
    Path("odd.txt").write_text("hello")
    assert "odd.txt is of no layout or format that we know" in run("odd.txt", "a", "--to", "yolo")[1]
    status, err = run(sources / "coco.json", "no/such/a.json", "--to", "coco", "--images", sources / "photos")
    assert (status, err) == (
        1, "madeof: cannot write no/such/a.json: No such file or directory; nothing was changed\n",
    )  # fmt: skip
    for to, suffix in (("cvat", "xml"), ("label_studio", "json")):
        status, err = run(sources / "coco.json", "a", "--to", to, "--images", sources / "photos")
        assert (status, err) == (1, f"madeof: cannot write a as {FORMATS[to].title}; expected a name with .{suffix}\n")
    with pytest.raises(WriteError, match="is there already"):
        convert(sources / "coco.json", "odd.txt", "coco", images=sources / "photos")


GONE = (
    "expected a folder with images/, labels/ and materials.csv, or a CSV with the columns image,mask,material, or an "
    f"annotation file or folder of one of the formats {', '.join(FORMATS)}\n"
)
