"""Tables of images, masks and materials."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from datasets_problems import message, save, square, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madeof.datasets import open_dataset
from madeof.errors import MadeofError


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


def test_paths_of_windows_are_found(root: Path) -> None:
    save(root / "masks/m.png", square(255))
    path = table(root, "image,mask,material\nimages\\a.jpg,masks\\m.png,Wood")
    assert len(open_dataset(path).regions) == 1
