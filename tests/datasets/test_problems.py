"""Data sets with something wrong: what each gets, and the words of the message."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import open_dataset
from madeof.errors import DatasetError, InputError, MadeofError

MATERIALS = "id,name\n1,Brick\n2,Wood\n"


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def square(value: int = 1, size: tuple[int, int] = (6, 8)) -> NDArray[np.uint8]:
    values = np.zeros(size, dtype=np.uint8)
    values[1:4, 1:5] = value
    return values


def photo(size: tuple[int, int] = (6, 8)) -> NDArray[np.uint8]:
    return np.full((*size, 3), 77, dtype=np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two photos."""
    for name in ("a", "b"):
        save(tmp_path / "images" / f"{name}.jpg", photo())
        save(tmp_path / "labels" / f"{name}.png", square())
    (tmp_path / "materials.csv").write_text(MATERIALS)
    return tmp_path


def message(*args: object, **settings: object) -> str:
    """What the error says; one line, printable."""
    with pytest.raises(DatasetError) as caught:
        open_dataset(*args, **settings)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.isprintable()
    return text


def left(root: Path, **settings: object) -> tuple[tuple[str, ...], list[str]]:
    """With skip_bad: the photos that are left, the files that are not."""
    dataset = open_dataset(root, skip_bad=True, **settings)  # type: ignore[arg-type]
    return dataset.photos.name, [problem.file for problem in dataset.skipped]


def test_missing_partners_are_all_listed(root: Path) -> None:
    save(root / "images" / "c.jpg", photo())
    save(root / "labels" / "d.png", square())
    text = message(root)
    assert "2 problems: images/c.jpg: no label map labels/c.png; labels/d.png: no photo images/d.jpg." in text
    assert text.startswith(str(root))
    assert text.endswith("Mend them, or leave them out with skip_bad=True (--skip-bad)")
    assert left(root) == (("a", "b"), ["images/c.jpg", "labels/d.png"])


def test_first_ten_and_the_count(root: Path) -> None:
    for number in range(25):
        save(root / "images" / f"lonely{number:02}.jpg", photo())
    text = message(root)
    assert text.count("no label map") == 10
    assert ": 25 problems: " in text
    assert "; and 15 more. " in text
    assert len(open_dataset(root, skip_bad=True).skipped) == 25


def test_one_stem_in_two_suffixes(root: Path) -> None:
    save(root / "images" / "a.png", photo())
    assert "1 problem: images/a.jpg, images/a.png share a name: keep one." in message(root)
    assert left(root) == (("b",), ["images/a.jpg"])


def test_case_clash(root: Path) -> None:
    save(root / "images" / "B.jpg", photo())
    save(root / "labels" / "B.png", square())
    text = message(root)
    assert "images/B.jpg, images/b.jpg differ only in case or Unicode spelling: rename one" in text
    assert left(root)[0] == ("a",)


def test_partner_in_another_case(root: Path) -> None:
    (root / "labels" / "b.png").rename(root / "labels" / "B.png")
    text = message(root)
    assert "images/b.jpg: no label map labels/b.png (B.png differs in case or Unicode spelling: rename it)" in text


def test_unknown_values_of_all_maps(root: Path) -> None:
    values = square(2)
    values[0, 0], values[5, 6:8] = 77, 9
    save(root / "labels" / "a.png", values)
    save(root / "labels" / "b.png", square(255))
    text = message(root)
    assert "labels/a.png: the values 9 (2 px), 77 (1 px) not in materials.csv: add the material" in text
    assert "labels/b.png: the value 255 (12 px) not in materials.csv" in text
    assert "labels/b.png" not in message(root, ignore=[255])
    assert open_dataset(root, ignore=[255, 9, 77]).photos.name == ("a",)
    # A blob under the smallest area is as unknown as any.
    assert "77 (1 px)" in message(root, min_area=5)


def test_many_unknown_values_are_counted(root: Path) -> None:
    save(root / "labels" / "a.png", np.arange(48, dtype=np.uint8).reshape(6, 8))
    assert "the values 3 (1 px), 4 (1 px), 5 (1 px), 6 (1 px), 7 (1 px) and 40 more not in" in message(root)


def test_wrong_size(root: Path) -> None:
    save(root / "labels" / "b.png", square(size=(7, 9)))
    text = message(root)
    assert "labels/b.png is 9 x 7 but its photo b.jpg is 8 x 6 (width x height); expected the same size" in text
    assert left(root) == (("a",), ["images/b.jpg"])


@pytest.mark.parametrize(
    ("side", "data"),
    [
        ("images/b.jpg", b""),
        ("images/b.jpg", b"<html>not a photo"),
        ("labels/b.png", b""),
        ("labels/b.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40),
        ("labels/b.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    ],
)
def test_unreadable_file(root: Path, side: str, data: bytes) -> None:
    (root / side).write_bytes(data)
    assert Path(side).name in message(root)
    assert left(root) == (("a",), ["images/b.jpg"])


def test_jpeg_as_label_map(root: Path) -> None:
    (root / "labels" / "b.png").unlink()
    save(root / "labels" / "b.jpg", square())
    assert "JPEG" in message(root)


def test_broken_link_folder_and_pipe_in_place_of_a_file(root: Path) -> None:
    (root / "images" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (root / "images" / "folder.jpg").mkdir()
    os.mkfifo(root / "images" / "pipe.png")
    text = message(root)
    assert "images/gone.jpg: cannot be read: No such file or directory" in text
    assert "images/pipe.png: is not a file" in text
    assert ": 2 problems: " in text
    assert left(root)[0] == ("a", "b")


def test_names_in_messages_are_printable(root: Path) -> None:
    save(root / "images" / "two\nlines \udce9.jpg", photo())
    assert r"images/two\nlines \udce9.jpg: no label map labels/two\nlines \udce9.png" in message(root)


def test_truncated_photo_is_found_when_it_is_read(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(root / "images" / "b.jpg", noise)
    path.write_bytes(path.read_bytes()[:2000])
    save(root / "labels" / "b.png", square(size=(64, 64)))
    dataset = open_dataset(root)
    with pytest.raises(InputError, match=r"b\.jpg"):
        dataset.read(1)
    assert dataset.read(0).name == "a"


def test_files_that_change_after_opening(root: Path) -> None:
    dataset = open_dataset(root)
    for values in (square(2), np.roll(square(), 1), np.zeros((6, 8), dtype=np.uint8)):
        save(root / "labels" / "b.png", values)
        if values.max() == 1:
            values[3, 3] = 0  # one pixel less
            save(root / "labels" / "b.png", values)
        with pytest.raises(DatasetError, match=r"b\.png changed since the data set was opened; open it again"):
            dataset.read(1)
    (root / "images" / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"a\.jpg"):
        dataset.read(0)


def test_nothing_left(root: Path) -> None:
    assert "no region is left of 2 photos: 0 problems, 2 regions under 100 px" in message(root, min_area=100)
    for path in (*root.glob("images/*"), *root.glob("labels/*")):
        path.unlink()
    assert "no region is left of 0 photos" in message(root)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "materials.csv is empty; expected the columns id,name"),
        ("\n\n", "is empty"),
        ("id;name\n1;Brick\n", "the column id and name is missing from its first line, 'id;name'"),
        ("id;name\n1;Brick\n", "separate the columns by commas"),
        ("id,material\n1,Brick\n", "the column name is missing"),
        ("id,id,name\n1,1,Brick\n", "the column id is there twice"),
        ("id,name\n", "no materials in it; expected rows such as 1,Brick"),
        ("id,name\n0,Nothing\n", "no materials in it"),
        ("id,name\n1,Brick\n1,Wood\n", "line 3: the id 1 is on line 2 already"),
        ("id,name\n1,Brick\n\n2, brick\n", "line 4: the material 'brick' is on line 2 already"),
        ("id,name\none,Brick\n", "line 2: the id 'one' is not a whole number from 1"),
        ("id,name\n1.0,Brick\n", "line 2: the id '1.0' is not"),
        ("id,name\n-1,Brick\n", "line 2: the id '-1' is not"),
        ("id,name\n4000000000,Brick\n", "is not a whole number"),
        (f"id,name\n{'9' * 5000},Brick\n", "is not a whole number"),
        ("id,name\n1,\n", "line 2: the id 1 has no name"),
        ("id,name\n1,Brick,red\n", "line 2: 3 values for 2 columns; a value with a comma needs double quotes"),
        ("id,name\n1\n", "line 2: 1 values for 2 columns"),
        ('id,name\n1,"Brick"x\n', "line 2: not a valid CSV row"),
        ('id,name\n1,"Brick\n', "not a valid CSV row"),
        ("id,name\n1,Pl\udce2tre\n", "line 2: name is not UTF-8; save it as UTF-8"),
    ],
)
def test_broken_materials_csv(root: Path, text: str, words: str) -> None:
    (root / "materials.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = message(root)
    assert words in found
    assert "materials.csv" in found


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffid,name\r\n1,Brick\r\n2,Wood\r\n",
        "ID , Name\n 1 , Brick \n2,Wood",
        'name,colour,id\n"Brick","red, dark",1\n\nWood,,2\n',
        "id,name\r1,Brick\r2,Wood\r",
    ],
)
def test_sound_spellings_of_materials_csv(root: Path, text: str) -> None:
    (root / "materials.csv").write_bytes(text.encode())
    assert open_dataset(root).materials == ("Brick", "Wood")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "photos.csv is empty; expected the columns name"),
        ("photo,split\na,val\n", "the column name is missing"),
        ("name,split\na,valid\n", "photos.csv line 2: the split 'valid' is not one of train, val, test"),
        ("name,split\na,val\na,train\n", "line 3: a is on line 2 already"),
        ("name,split\n,val\n", "line 2: the name is missing"),
        ("name,split\nx,val\ny,train\n", "names none of the 2 photos; expected names such as a"),
        (
            "name,split,group\na,val,house 1\nb,train,house 1\n",
            "the group 'house 1' is in two splits, val (a) and train (b); a group must be in one",
        ),
    ],
)
def test_broken_photos_csv(root: Path, text: str, words: str) -> None:
    (root / "photos.csv").write_text(text)
    assert words in message(root)


def table(root: Path, text: str) -> Path:
    save(root / "m.png", square(255))
    save(root / "other.png", square(255))
    path = root / "table.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("images/a.jpg,m.png,Wood,,\nimages/a.jpg,,Wood,,", "table.csv line 3: mask missing"),
        ("images/a.jpg,m.png,,,", "table.csv line 2: material missing"),
        ("images/z.jpg,m.png,Wood,,", "table.csv line 2: images/z.jpg: cannot be read: No such file or directory"),
        ("images/a.jpg,none.png,Wood,,", "table.csv line 2: none.png: cannot be read"),
        ("images/a.jpg,images,Wood,,", "table.csv line 2: images: is not a file"),
        ("images/a.jpg,m.png,Wood,,\n./images/a.jpg,m.png,Fur,,", "line 3: the same image and mask as line 2"),
        ("images/a.jpg,m.png,Wood,valid,", "table.csv line 2: the split 'valid' is not one of"),
        ("images/a.jpg,m.png,Wood,val,\nimages/a.jpg,other.png,Wood,train,", "line 3: another split than line 2 gives"),
        ("images/a.jpg,m.png,Wood,val,x\nimages/b.jpg,m.png,Wood,train,x", "the group 'x' is in two splits"),
        ("images/a.jpg,m.png,Wood", "table.csv line 2: 3 values for 5 columns"),
        ("images/a.jpg,empty.png,Wood,,", "table.csv line 2: "),
        ("images/a.jpg,empty.png,Wood,,", "empty"),
        ("images/a.jpg,big.png,Wood,,", "line 2: big.png is 9 x 9 but its photo a.jpg is 8 x 6"),
    ],
)
def test_broken_table(root: Path, rows: str, words: str) -> None:
    save(root / "empty.png", square(0))
    save(root / "big.png", square(255, size=(9, 9)))
    assert words in message(table(root, "image,mask,material,split,group\n" + rows))


def test_table_without_a_column(root: Path) -> None:
    assert "the column mask is missing" in message(table(root, "image,material\na,b\n"))
    assert "is empty" in message(table(root, ""))


def test_table_skips_rows_not_photos(root: Path) -> None:
    path = table(root, "image,mask,material\nimages/a.jpg,m.png,Wood\nimages/a.jpg,gone.png,Wood\n")
    save(root / "gone.png", square(0))
    dataset = open_dataset(path, skip_bad=True)
    assert dataset.regions.area.tolist() == [12]
    assert [problem.file for problem in dataset.skipped] == ["gone.png"]
    assert dataset.read(0).masks.shape == (1, 6, 8)


def test_table_with_unknown_materials(root: Path) -> None:
    path = table(root, "image,mask,material\nimages/a.jpg,m.png,Wod\nimages/b.jpg,m.png,Wood\n")
    assert "line 2: the material 'Wod' is not in the materials given" in message(path, materials=["Wood"])
    assert open_dataset(path, materials=["Wood"], skip_bad=True).photos.name == ("images/b.jpg",)


def test_no_layout(root: Path) -> None:
    expected = "expected a folder with images/, labels/ and materials.csv, or a CSV"
    assert f"does not exist; {expected}" in message(root / "nothing")
    assert f"is of no layout or format that we know; {expected}" in message(root / "images" / "a.jpg")
    assert f"no images/ and no labels/ and no materials.csv in this folder; {expected}" in message(root / "images")
    assert "no data set: give a folder" in message()
    assert "no data set: give a folder" in message(images=root / "images")
    assert "both given; give one or the other" in message(root, images=root / "images")
    assert "is not a folder" in message(images=root / "images", labels=root / "nothing")
    assert "expected two folders" in message(images=root / "images", labels=root / "images")
    assert "has its own materials.csv" in message(root, materials="fmd")
    (root / "materials.csv").unlink()
    assert "no materials.csv in this folder" in message(root)
    assert open_dataset(root, materials="fmd").materials[0] == "Fabric"


def test_wrong_settings(root: Path) -> None:
    assert "min_area is 0; expected 1 pixel or more" in message(root, min_area=0)
    assert "val_fraction is 1.0; expected 0 or more and less than 1" in message(root, val_fraction=1.0)
    assert "val_fraction is nan" in message(root, val_fraction=float("nan"))
    assert "workers is 0" in message(root, workers=0)
    assert "ignore is [-1]" in message(root, ignore=[-1])
    assert "leave ignore out" in message(table(root, "image,mask,material\n"), ignore=[255])
    two = {"images": root / "images", "labels": root / "labels"}
    assert "is neither a CSV file nor one of the lists opensurfaces," in message(**two, materials="oak")
    assert "the material 'wood' is there twice" in message(**two, materials=["Wood", "wood"])
    assert "no materials" in message(**two, materials=[])
    assert "'' is not the name of a material" in message(**two, materials=[""])


wild = st.text(alphabet=st.sampled_from('a1,"\n\r;\t\x00\ufeff é\udce9-=./'), max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(materials=wild, photos=wild, rows=wild)
def test_wild_tables_give_our_errors_only(root: Path, materials: str, photos: str, rows: str) -> None:
    (root / "materials.csv").write_bytes(f"id,name\n{materials}".encode("utf-8", "surrogateescape"))
    (root / "photos.csv").write_bytes(f"name,split\n{photos}".encode("utf-8", "surrogateescape"))
    path = table(root, f"image,mask,material\nimages/a.jpg,m.png,Wood\n{rows}")
    for place in (root, path):
        try:
            dataset = open_dataset(place)
            text = f"region: {len(dataset)}"
        except MadeofError as error:
            text = str(error)
        assert text.isprintable()
        assert re.search(r"\.csv|problem|region", text)
