"""DMS: label maps whose values are those of its taxonomy."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from small_pictures import opened, photo, regions, save, squares

from madeof.datasets import open_dataset
from madeof.datasets.formats import dms, recognise
from madeof.errors import DatasetError
from madeof.materials.lists import DMS

INFO = [{"image_path": "images/train/1.jpg", "openimages_metadata": {"OriginalURL": "https://example.org/1.jpg"}}]


def release(root: Path, info: bool = True) -> Path:
    photo(root / "images/train/1.jpg")
    photo(root / "images/validation/2.jpg")
    save(root / "labels/train/1.png", squares((46, 0, 0, 4, 4), (56, 8, 0, 12, 4), (22, 0, 8, 4, 12)))
    save(root / "labels/validation/2.png", squares((1, 0, 0, 4, 4), (55, 8, 8, 12, 12)))
    if info:
        with gzip.open(root / "info.json.gz", "wt", encoding="utf-8") as file:
            json.dump(INFO, file)
    return root


def test_its_values_and_splits(tmp_path: Path) -> None:
    dataset = opened(release(tmp_path), "dms")
    assert dataset.materials == DMS
    assert regions(dataset) == {
        ("train/1.jpg", "Tile", 16, (0, 0, 4, 4)),
        ("train/1.jpg", "Asphalt", 16, (8, 0, 12, 4)),
        ("validation/2.jpg", "Animal skin", 16, (0, 0, 4, 4)),
    }
    assert dataset.photos.split == ("train", "val")


def test_the_names_of_its_own_taxonomy(tmp_path: Path) -> None:
    root = release(tmp_path, info=False)
    names = [f"n{number}" for number in range(57)]
    content = {"names": names, "semantic_labels": [1, 46, 56], "shortnames": []}
    (root / "taxonomy.json").write_text(json.dumps(content))
    dataset = opened(root, "dms")
    assert dataset.materials == ("n1", "n46", "n56")
    assert len(dataset.regions) == 3


def test_photos_that_were_not_fetched_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = release(tmp_path)
    save(root / "labels/test/3.png", squares((1, 0, 0, 4, 4)))
    with caplog.at_level(logging.INFO, logger="madeof"):
        assert len(open_dataset(root)) == 2
    assert "left out 1 label maps whose photo was not fetched" in caplog.text
    photo(root / "images/train/9.jpg")
    with pytest.raises(DatasetError, match=r"images/train/9\.jpg: no label map labels/train/9\.png"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("taxonomy", "message"),
    [
        ('{"semantic_labels": [1]}', "expected lists names and semantic_labels"),
        ('{"names": ["a"], "semantic_labels": [1]}', r"names\[1\] is None; expected the name of a material"),
        ('{"names": ["a", 3], "semantic_labels": [1]}', r"names\[1\] is 3; expected the name"),
        ('{"names": ["a"], "semantic_labels": ["x"]}', r"semantic_labels\[0\] is 'x'; expected a number"),
        ('{"names": ["a"], "semantic_labels": [1', "line 1 column .*not valid JSON"),
        ("[]", "expected lists names"),
    ],
)
def test_a_broken_taxonomy(tmp_path: Path, taxonomy: str, message: str) -> None:
    root = release(tmp_path)
    (root / "taxonomy.json").write_text(taxonomy)
    with pytest.raises(DatasetError, match=message) as caught:
        dms.read(root)
    assert "taxonomy.json" in str(caught.value)


def test_broken_label_maps(tmp_path: Path) -> None:
    root = release(tmp_path)
    save(root / "labels/train/1.png", squares((57, 0, 0, 4, 4), (99, 5, 5, 6, 6)))
    save(root / "labels/validation/2.png", squares((1, 0, 0, 2, 2), size=(16, 12)))
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    message = str(caught.value)
    assert "labels/train/1.png: the values 57 (16 px), 99 (1 px) not in the 57 values of DMS: add the name" in message
    assert "labels/validation/2.png is 12 x 16 but its photo 2.jpg is 16 x 12" in message
    (root / "labels/train/1.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="2 problems: .*1.png"):
        open_dataset(root)


def test_a_broken_info_is_not_dms(tmp_path: Path) -> None:
    root = release(tmp_path, info=False)
    assert recognise(root) != "dms"
    whole = gzip.compress(json.dumps(INFO).encode() + np.random.default_rng(0).bytes(4096))
    (root / "info.json.gz").write_bytes(whole[:30])
    assert not dms.matches(root)
    (root / "info.json.gz").write_bytes(b"no gzip")
    assert not dms.matches(root)
