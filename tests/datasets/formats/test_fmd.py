"""FMD: photos and masks in folders of materials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_pictures import SIZE, opened, photo, regions, save

from madeof.datasets import open_dataset
from madeof.datasets.formats import fmd
from madeof.errors import DatasetError


def mask(path: Path, x0: int, y0: int, x1: int, y1: int, size: tuple[int, int] = (48, 64)) -> Path:
    values = np.zeros(size, dtype=np.uint8)
    values[y0:y1, x0:x1] = 255
    return save(path, values, quality=95)


def release(root: Path) -> Path:
    for name, box in {"fabric/fabric_1": (8, 8, 40, 32), "wood/wood_1": (0, 0, 64, 48)}.items():
        photo(root / "image" / f"{name}.jpg", (48, 64))
        mask(root / "mask" / f"{name}.jpg", *box)
    (root / "image/fabric/Thumbs.db").write_bytes(b"of Windows")
    return root


def test_jpeg_masks_are_halved(tmp_path: Path) -> None:
    dataset = opened(release(tmp_path), "fmd")
    assert dataset.materials == ("fabric", "wood")
    assert regions(dataset) == {
        ("fabric/fabric_1.jpg", "fabric", 32 * 24, (8, 8, 40, 32)),
        ("wood/wood_1.jpg", "wood", 48 * 64, (0, 0, 64, 48)),
    }


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    root = release(tmp_path)
    photo(root / "image/wood/wood_2.jpg", (48, 64))
    mask(root / "mask/wood/wood_3.jpg", 0, 0, 4, 4)
    photo(root / "image/wood/small.jpg", SIZE)
    mask(root / "mask/wood/small.jpg", 0, 0, 4, 4)
    photo(root / "image/wood/empty.jpg", (48, 64))
    mask(root / "mask/wood/empty.jpg", 0, 0, 0, 0)
    photo(root / "image/wood/cut.jpg", (48, 64))
    whole = mask(root / "mask/wood/cut.jpg", 0, 0, 40, 40).read_bytes()
    (root / "mask/wood/cut.jpg").write_bytes(whole[: len(whole) // 2])
    photo(root / "image/nowhere.jpg", (48, 64))
    mask(root / "mask/nowhere.jpg", 0, 0, 4, 4)
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    message = str(caught.value)
    assert "6 problems" in message
    assert "image/wood/wood_2.jpg: no mask/wood/wood_2.jpg" in message
    assert "mask/wood/wood_3.jpg: no photo image/wood/wood_3.jpg" in message
    assert "wood/small.jpg is 64 x 48 but its photo small.jpg is 16 x 12" in message
    assert "empty.jpg is empty; expected at least one pixel inside" in message
    assert "cut.jpg" in message
    assert "nowhere.jpg: in no folder, which would name its material" in message
    assert len(open_dataset(root, skip_bad=True)) == 2


def test_a_mask_that_changes_is_found_again(tmp_path: Path) -> None:
    root = release(tmp_path / "fmd")
    before = open_dataset(root, cache=tmp_path / "index.npz")
    mask(root / "mask/fabric/fabric_1.jpg", 8, 8, 24, 16)
    after = open_dataset(root, cache=tmp_path / "index.npz")
    assert sorted(after.regions.area.tolist()) == [128, 3072]
    with pytest.raises(DatasetError, match="changed since the data set was opened"):
        before.read(0)


def test_photos_elsewhere_and_none_at_all(tmp_path: Path) -> None:
    root = release(tmp_path / "fmd")
    (root / "image").rename(tmp_path / "photos")
    assert len(open_dataset(root, images=tmp_path / "photos", format="fmd")) == 2
    with pytest.raises(DatasetError, match=r"image is not a folder; expected image/MATERIAL"):
        fmd.read(root)
