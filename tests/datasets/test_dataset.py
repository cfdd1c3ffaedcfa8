"""What an open data set does."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from datasets_opening import EXPECTED, TWO, folder, photo, regions, save, squares

from madeof.datasets import RegionDataset, open_dataset
from madeof.errors import DatasetError


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
