"""Data sets that are as they should be: every layout, reading, splits and counts."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import label as skimage_label

from madeof.datasets import RegionDataset, open_dataset
from madeof.errors import DatasetError
from madeof.materials.lists import OPENSURFACES

MATERIALS = "id,name\n1,Brick\n2,Wood\n7,Glass\n"


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def photo(height: int = 12, width: int = 16, *, grey: int = 90) -> NDArray[np.uint8]:
    return np.full((height, width, 3), grey, dtype=np.uint8)


def squares(*blobs: tuple[int, int, int, int, int], size: tuple[int, int] = (12, 16)) -> NDArray[np.uint8]:
    """A label map with the rectangles (value, x0, y0, x1, y1)."""
    values = np.zeros(size, dtype=np.uint8)
    for value, x0, y0, x1, y1 in blobs:
        values[y0:y1, x0:x1] = value
    return values


def folder(root: Path, maps: dict[str, NDArray[np.uint8]], *, photos: str | None = None) -> Path:
    for name, values in maps.items():
        save(root / "images" / f"{name}.jpg", photo(*values.shape))
        save(root / "labels" / f"{name}.png", values)
    (root / "materials.csv").write_text(MATERIALS)
    if photos is not None:
        (root / "photos.csv").write_text(photos)
    return root


TWO = {"a": squares((1, 0, 0, 4, 4), (7, 8, 2, 16, 12), (1, 0, 6, 3, 9)), "b": squares((2, 1, 1, 6, 3))}


def test_of_sources(tmp_path: Path) -> None:
    empty = squares((1, 0, 0, 2, 2))
    photos = "name,source\na,home\nb,street\nc,\n"
    dataset = open_dataset(folder(tmp_path, {**TWO, "c": empty}, photos=photos))
    assert dataset.of_sources(["street"]).photos.name == ("b",)
    assert dataset.of_sources(["street", "home"]).photos.name == ("a", "b")
    assert dataset.of_sources([""]).photos.name == ("c",)
    with pytest.raises(DatasetError) as caught:
        dataset.of_sources(["home", "mo\non"])
    assert str(caught.value) == (
        "no photo has the source 'mo\\non'; the sources are home (1), street (1), not stated (1)"
    )


@pytest.fixture
def two(tmp_path: Path) -> RegionDataset:
    return open_dataset(folder(tmp_path, TWO))


def regions(dataset: RegionDataset) -> set[tuple[str, str, int, tuple[int, ...]]]:
    """All regions, whatever their order."""
    table = dataset.regions
    return {
        (dataset.photos.name[row], dataset.materials[material], area, tuple(box))
        for row, material, area, box in zip(
            table.photo.tolist(), table.material.tolist(), table.area.tolist(), table.box.tolist(), strict=True
        )
    }


EXPECTED = {
    ("a", "Brick", 16, (0, 0, 4, 4)),
    ("a", "Brick", 9, (0, 6, 3, 9)),
    ("a", "Glass", 80, (8, 2, 16, 12)),
    ("b", "Wood", 10, (1, 1, 6, 3)),
}


def test_folder(two: RegionDataset) -> None:
    assert len(two) == 2
    assert two.materials == ("Brick", "Wood", "Glass")
    assert two.photos.name == ("a", "b")
    assert two.photos.height.tolist() == [12, 12]
    assert two.photos.width.tolist() == [16, 16]
    assert regions(two) == EXPECTED
    assert two.skipped == ()
    assert [column.dtype for column in (two.regions.photo, two.regions.material, two.regions.area)] == [
        np.int32,
        np.int16,
        np.int32,
    ]


def test_read(two: RegionDataset) -> None:
    for number, name in enumerate(two.photos.name):
        sample = two.read(number)
        assert sample.name == name
        assert sample.image.shape == (12, 16, 3)
        assert sample.image.dtype == np.uint8
        assert sample.masks.dtype == np.bool_
        assert sample.materials.dtype == sample.regions.dtype == np.int64
        table = two.regions.part(sample.regions)
        assert (table.photo == number).all()
        assert sample.materials.tolist() == table.material.tolist()
        values = np.array([1, 2, 7])[sample.materials]
        for mask, value, area, (x0, y0, x1, y1) in zip(sample.masks, values, table.area, table.box, strict=True):
            assert (TWO[name][mask] == value).all()
            assert mask.sum() == area == mask[y0:y1, x0:x1].sum()


def test_read_region_is_one_of_read(two: RegionDataset) -> None:
    for region in range(len(two.regions)):
        sample = two.read_region(region)
        whole = two.read(int(two.regions.photo[region]))
        place = whole.regions.tolist().index(region)
        assert sample.regions.tolist() == [region]
        assert (sample.masks[0] == whole.masks[place]).all()
        assert sample.materials[0] == whole.materials[place]


def test_out_of_range(two: RegionDataset) -> None:
    with pytest.raises(IndexError, match="photo 2 of a data set of 2; expected 0 to 1"):
        two.read(2)
    with pytest.raises(IndexError):
        two.read(-1)
    with pytest.raises(IndexError, match="region 4 of a data set of 4"):
        two.read_region(4)
    with pytest.raises(IndexError):
        two.select(np.array([0, 2]))


def test_blobs_are_those_of_another_library(tmp_path: Path) -> None:
    """Touching blobs of different values, corners that touch, and several blobs of a value."""
    values = np.random.default_rng(5).choice(np.array([0, 1, 2, 7], dtype=np.uint8), (40, 50))
    dataset = open_dataset(folder(tmp_path, {"noise": values}))
    sample = dataset.read(0)
    expected = set()
    for position, value in enumerate([1, 2, 7]):
        blobs = skimage_label(values == value, connectivity=2)
        expected |= {(position, (blobs == one).tobytes()) for one in range(1, blobs.max() + 1)}
    found = [(int(material), mask.tobytes()) for material, mask in zip(sample.materials, sample.masks, strict=True)]
    assert set(found) == expected
    assert len(found) == len(expected)


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


def test_table(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.jpg", photo())
    save(tmp_path / "b.png", photo())
    save(tmp_path / "m" / "1.png", squares((255, 0, 0, 4, 4), (255, 0, 6, 3, 9)))
    save(tmp_path / "m" / "2.png", squares((1, 8, 2, 16, 12)))
    save(tmp_path / "m" / "3.png", squares((9, 1, 1, 6, 3)))
    table = tmp_path / "table.csv"
    table.write_text(
        "mask,image,material,licence,split,note\n"
        "m/1.png,photos/a.jpg,Wood,MIT,val,x\n"
        "m/3.png,b.png,Brick,CC0,train,y\n"
        "m/2.png,./photos/a.jpg, wood ,MIT,val,z\n"
    )
    dataset = open_dataset(table)
    assert dataset.materials == ("Brick", "Wood")
    assert dataset.photos.name == ("photos/a.jpg", "b.png")
    assert dataset.photos.split == ("val", "train")
    assert dataset.count_by_licence() == {"MIT": 1, "CC0": 1}
    # A mask is one region, even in two pieces.
    assert regions(dataset) == {
        ("photos/a.jpg", "Wood", 25, (0, 0, 4, 9)),
        ("photos/a.jpg", "Wood", 80, (8, 2, 16, 12)),
        ("b.png", "Brick", 10, (1, 1, 6, 3)),
    }
    sample = dataset.read(0)
    assert sample.masks.sum(axis=(1, 2)).tolist() == dataset.regions.area[sample.regions].tolist() == [25, 80]
    assert open_dataset(table, materials=["Wood", "Sky", "Brick"]).materials == ("Wood", "Sky", "Brick")
    assert len(open_dataset(table, min_area=11)) == 1


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


def test_16_bit_values_are_exact(tmp_path: Path) -> None:
    folder(tmp_path, {})
    values = squares((1, 0, 0, 2, 2)).astype(np.uint16)
    values[5:8, 5:8] = 300
    values[8:10, 10:12] = 65535
    save(tmp_path / "images" / "x.png", photo())
    save(tmp_path / "labels" / "x.png", values)
    (tmp_path / "materials.csv").write_text("id,name\n65535,Sky\n1,Brick\n300,Fur\n44,Wood\n")
    dataset = open_dataset(tmp_path)
    assert dataset.materials == ("Brick", "Wood", "Fur", "Sky")
    assert {one[1:3] for one in regions(dataset)} == {("Brick", 4), ("Fur", 9), ("Sky", 4)}


def test_min_area_and_ignore_are_counted(tmp_path: Path) -> None:
    maps = {**TWO, "c": squares((255, 0, 0, 9, 9)), "d": squares((2, 0, 0, 1, 2), (255, 5, 5, 9, 9))}
    dataset = open_dataset(folder(tmp_path, maps), min_area=10, ignore=[255])
    assert regions(dataset) == EXPECTED - {("a", "Brick", 9, (0, 6, 3, 9))}
    assert dataset.too_small == 2
    assert dataset.without_regions == 2
    assert dataset.read(0).masks.shape == (2, 12, 16)


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


def test_exif_turned_photo_and_its_map(tmp_path: Path) -> None:
    folder(tmp_path, {})
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.fromarray(photo(12, 16)).save(tmp_path / "images" / "x.jpg", exif=exif)
    save(tmp_path / "labels" / "x.png", squares((2, 1, 1, 6, 3), size=(16, 12)))
    dataset = open_dataset(tmp_path)
    assert (dataset.photos.height[0], dataset.photos.width[0]) == (16, 12)
    assert dataset.read(0).image.shape == (16, 12, 3)
    save(tmp_path / "labels" / "x.png", squares((2, 1, 1, 6, 3), size=(12, 16)))
    with pytest.raises(DatasetError, match=r"x\.png.*EXIF"):
        open_dataset(tmp_path)


def test_splits_of_photos_csv(tmp_path: Path) -> None:
    rows = "name,split,licence,source,group\na.jpg,VAL,MIT,mine,\nb,train,,mine,\nnot there,test,,,\n"
    dataset = open_dataset(folder(tmp_path, TWO, photos=rows))
    assert dataset.photos.split == ("val", "train")
    assert dataset.split("all") is dataset
    assert len(dataset.split("test")) == 0
    assert dataset.count_by_source() == {"mine": 2}
    assert dataset.count_by_licence() == {"MIT": 1, "": 1}
    train = dataset.split("train")
    assert train.photos.name == ("b",)
    assert train.regions.photo.tolist() == [0]
    assert train.read(0).name == "b"
    assert train.read_region(0).regions.tolist() == [0]
    assert train.digest != dataset.digest
    with pytest.raises(DatasetError, match="the split 'valid' is not one of train, val, test, all"):
        dataset.split("valid")


def test_select_keeps_order_and_regions(tmp_path: Path) -> None:
    dataset = open_dataset(folder(tmp_path, TWO))
    turned = dataset.select(np.array([1, 0]))
    assert turned.photos.name == ("b", "a")
    assert turned.regions.photo.tolist() == [0, 1, 1, 1]
    assert regions(turned) == EXPECTED
    assert (turned.read(1).masks == dataset.read(0).masks).all()
    assert turned.select(np.array([1, 0])).digest == dataset.digest != turned.digest
    assert dataset.select(np.array([False, True])).photos.name == dataset.select([1]).photos.name == ("b",)
    with pytest.raises(IndexError, match="1 bools to select from 2 photos"):
        dataset.select(np.array([True]))
    nothing = dataset.select([])
    assert (len(nothing), len(nothing.regions)) == (0, 0)
    assert [one.regions for one in nothing.count_by_material()] == [0, 0, 0]


def test_drawn_splits_are_stable(tmp_path: Path) -> None:
    one = squares((1, 0, 0, 2, 2), size=(4, 4))
    names = [f"p{number}" for number in range(60)]
    root = folder(tmp_path, dict.fromkeys(names, one))
    before = open_dataset(root, val_fraction=0.3)
    of = dict(zip(before.photos.name, before.photos.split, strict=True))
    assert 8 <= list(of.values()).count("val") <= 30
    folder(root, dict.fromkeys(["0first", "zlast"], one))
    after = open_dataset(root, val_fraction=0.3)
    assert {name: split for name, split in zip(after.photos.name, after.photos.split, strict=True) if name in of} == of
    assert open_dataset(root, val_fraction=0.3, seed=1).photos.split != after.photos.split
    assert set(open_dataset(root, val_fraction=0).photos.split) == {"train"}


def test_groups_stay_together(tmp_path: Path) -> None:
    one = squares((1, 0, 0, 2, 2), size=(4, 4))
    names = [f"p{number}" for number in range(40)]
    rows = ["name,group,split"] + [f"{name},house{number // 4}," for number, name in enumerate(names)]
    rows[1] += "test"  # p0: the other three of house0 follow
    photos = open_dataset(folder(tmp_path, dict.fromkeys(names, one), photos="\n".join(rows)), val_fraction=0.4).photos
    splits: dict[str, set[str]] = {}
    for group, split in zip(photos.group, photos.split, strict=True):
        splits.setdefault(group, set()).add(split)
    assert all(len(found) == 1 for found in splits.values())
    assert splits["house0"] == {"test"}
    assert {"train", "val"} <= set(photos.split)


def test_count_by_material(two: RegionDataset) -> None:
    assert two.count_by_material() == (("Brick", 2, 1), ("Wood", 1, 1), ("Glass", 1, 1))


def test_pickles_for_workers_in_other_processes(two: RegionDataset) -> None:
    again = pickle.loads(pickle.dumps(two))
    assert again.digest == two.digest
    assert (again.read(0).masks == two.read(0).masks).all()


def test_soft_masks_are_cut_at_one_half(tmp_path: Path) -> None:
    save(tmp_path / "a.png", photo())
    soft = np.zeros((12, 16), dtype=np.uint16)
    soft[2:4, 2:4] = 65535
    soft[4, 2:4] = 20000
    save(tmp_path / "soft.png", soft)
    save(tmp_path / "faint.png", np.minimum(soft, 9000))
    (tmp_path / "t.csv").write_text("image,mask,material\na.png,soft.png,Wood\na.png,faint.png,Wood\n")
    dataset = open_dataset(tmp_path / "t.csv")
    assert dataset.regions.area.tolist() == [4, 6]
    assert dataset.read(0).masks.sum(axis=(1, 2)).tolist() == [4, 6]
