"""The layouts of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets_opening import EXPECTED, TWO, folder, regions, save, squares

from madeof.datasets import open_dataset
from madeof.materials.lists import OPENSURFACES


def test_two_folders_with_the_original_list(tmp_path: Path) -> None:
    folder(tmp_path, {"x": squares((1, 0, 0, 2, 2), (45, 4, 4, 9, 9))})
    dataset = open_dataset(images=tmp_path / "images", labels=str(tmp_path / "labels"))
    assert dataset.materials == OPENSURFACES
    assert regions(dataset) == {("x", "Brick", 4, (0, 0, 2, 2)), ("x", "Wood - painted", 25, (4, 4, 9, 9))}


@pytest.mark.parametrize("kind", ["csv", "original csv", "names", "list"])
def test_materials_of_two_folders(tmp_path: Path, kind: str) -> None:
    folder(tmp_path, {"x": squares((2, 0, 0, 2, 2))})
    (tmp_path / "colors.csv").write_text("red_color,substance_name\n0,Unlabelled\n2,Fur\n1,Sky\n")
    given = {
        "csv": tmp_path / "materials.csv",
        "original csv": str(tmp_path / "colors.csv"),
        "names": ["Sky", "Fur"],
        "list": "fmd",
    }[kind]
    dataset = open_dataset(images=tmp_path / "images", labels=tmp_path / "labels", materials=given)
    assert {one[1] for one in regions(dataset)} == {{"csv": "Wood", "list": "Foliage"}.get(kind, "Fur")}


def test_all_layouts_give_the_same(tmp_path: Path) -> None:
    one = open_dataset(folder(tmp_path, TWO))
    two = open_dataset(images=tmp_path / "images", labels=tmp_path / "labels", materials=tmp_path / "materials.csv")
    rows = ["image,mask,material"]
    for region in range(len(one.regions)):
        sample = one.read_region(region)
        save(tmp_path / "masks" / f"{region}.png", sample.masks[0])
        rows.append(f"images/{sample.name}.jpg,masks/{region}.png,{one.materials[sample.materials[0]]}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    three = open_dataset(tmp_path / "table.csv", materials=one.materials)
    assert one.materials == two.materials == three.materials
    assert one.digest == two.digest
    for column in ("photo", "material", "area", "box"):
        assert (getattr(one.regions, column) == getattr(two.regions, column)).all()
        assert (getattr(one.regions, column) == getattr(three.regions, column)).all()
    for number in range(len(one)):
        assert (one.read(number).masks == two.read(number).masks).all()
        assert (one.read(number).masks == three.read(number).masks).all()


def test_nested_odd_names_hidden_files_and_loops(tmp_path: Path) -> None:
    names = ["deep/er/a.b", "two\nlines", "with space", "-dash", "caf\udce9"]  # the last one is Latin-1 on disk
    root = folder(tmp_path, {name: squares((2, 1, 1, 6, 3)) for name in names})
    (root / "images" / "deep" / "loop").symlink_to(root / "images")
    (root / "images" / ".hidden.jpg").write_text("no photo")
    (root / "images" / ".git").mkdir()
    (root / "images" / ".git" / "x.jpg").write_text("no photo")
    (root / "images" / "Thumbs.db").write_text("no photo")
    (root / "images" / "UP.JPG").write_bytes((root / "images" / "-dash.jpg").read_bytes())
    save(root / "labels" / "UP.png", squares((2, 1, 1, 6, 3)))
    dataset = open_dataset(root)
    assert sorted(dataset.photos.name) == sorted([*names, "UP"])
    assert [dataset.read(number).masks.sum() for number in range(6)] == [10] * 6


def test_links_are_followed(tmp_path: Path) -> None:
    root = folder(tmp_path / "real", TWO)
    (tmp_path / "linked").mkdir()
    for name in ("images", "labels"):
        (tmp_path / "linked" / name).symlink_to(root / name)
    (tmp_path / "linked" / "materials.csv").symlink_to(root / "materials.csv")
    assert regions(open_dataset(tmp_path / "linked")) == EXPECTED
