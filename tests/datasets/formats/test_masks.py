"""A folder of masks named after their photos."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from small_pictures import SIZE, opened, photo, regions, save, squares

from madeof.datasets import open_dataset
from madeof.datasets.formats import masks, recognise
from madeof.datasets.formats.masks import material_of
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError
from madeof.materials.lists import key


def mask(path: Path, x0: int = 0, y0: int = 0, x1: int = 4, y1: int = 4) -> Path:
    return save(path, squares((255, x0, y0, x1, y1)))


def test_names_in_one_folder(tmp_path: Path) -> None:
    photo(tmp_path / "kitchen.jpg")
    photo(tmp_path / "kitchen_2.jpg")
    photo(tmp_path / "old room" / "a b.jpg")
    photo(tmp_path / "1.png")
    photo(tmp_path / "1_2.png")  # a photo: a number is no material
    mask(tmp_path / "kitchen_wood.png")
    mask(tmp_path / "kitchen-2-wood.png", 8, 0, 12, 4)
    mask(tmp_path / "kitchen_2_painted_wall_1.png")
    mask(tmp_path / "old room" / "a b" / "Carpet %2F rug.png")
    mask(tmp_path / "1_2_Glas.png")
    dataset = opened(tmp_path, "masks")
    box, other = (0, 0, 4, 4), (8, 0, 12, 4)
    assert regions(dataset) == {
        ("kitchen.jpg", "wood", 16, box),
        ("kitchen.jpg", "wood", 16, other),
        ("kitchen_2.jpg", "painted wall", 16, box),
        ("old room/a b.jpg", "Carpet / rug", 16, box),
        ("1_2.png", "Glas", 16, box),
    }
    assert dataset.without_regions == 1


def test_photos_and_masks_in_folders_of_their_own(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    mask(tmp_path / "masks/a/wood.tif")
    mask(tmp_path / "masks/a/1-brick.png", 8, 0, 12, 4)
    dataset = opened(tmp_path, "masks")
    assert {region[:2] for region in regions(dataset)} == {("a.jpg", "wood"), ("a.jpg", "brick")}
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    assert recognise(tmp_path) is None
    assert len(open_dataset(tmp_path, images=tmp_path / "elsewhere", format="masks").regions) == 2


def test_photos_in_a_folder_among_the_masks(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.png")
    photo(tmp_path / "images/b.png")
    mask(tmp_path / "a_wood.png")
    mask(tmp_path / "b" / "brick.png")
    assert {region[:2] for region in regions(opened(tmp_path, "masks"))} == {("a.png", "wood"), ("b.png", "brick")}


@pytest.mark.parametrize(
    ("rest", "material"),
    [
        ("wood", "wood"),
        ("1-wood", "wood"),
        ("1_wood", "wood"),
        ("wood_12", "wood"),
        ("brick_wall", "brick wall"),
        ("1-Type 2", "Type 2"),
        ("2x4", "2x4"),
        ("3", ""),
        ("%41%FF", "%41%FF"),
        ("%5F", "_"),
        ("Gr%C3%BCn", "Grün"),
    ],
)
def test_the_material_in_a_name(rest: str, material: str) -> None:
    assert material_of(rest) == material


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    mask(tmp_path / "masks/a_wood.png")
    mask(tmp_path / "masks/b_wood.png")
    mask(tmp_path / "masks/a_1.png")
    save(tmp_path / "masks/a_small.png", squares((255, 0, 0, 2, 2), size=(4, 4)))
    save(tmp_path / "masks/a_empty.png", squares())
    save(tmp_path / "masks/a_many.png", squares((3, 0, 0, 2, 2), (200, 4, 4, 6, 6)))
    (tmp_path / "masks/a_torn.png").write_bytes((tmp_path / "masks/a_wood.png").read_bytes()[:60])
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path)
    message = str(caught.value)
    assert "6 problems" in message
    for part in (
        "b_wood.png: named after no photo in",
        "a_1.png: no material after the name of its photo",
        "a_small.png is 4 x 4 but its photo a.jpg is 16 x 12",
        "a_empty.png is empty",
        "a_many.png has",
        "a_torn.png",
    ):
        assert part in message
    assert len(open_dataset(tmp_path, skip_bad=True).regions) == 1


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is not a folder; expected one of photos and of masks named after them"):
        masks.read(tmp_path / "none")
    assert not masks.matches(tmp_path)
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.png")
    assert not masks.matches(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    """Nothing waits for the disk: many small files are written here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


materials = st.text(min_size=1, max_size=24).filter(lambda text: " ".join(text.split()) and "\0" not in text)


cuts = arrays.arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 9))).filter(lambda cut: bool(cut.any()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "ä ö", "room/1", "room/1_2"]), st.lists(st.tuples(materials, cuts), max_size=4)
        ),
        max_size=4,
        unique_by=lambda one: one[0],
    )
)
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_exactly(photos: list[tuple[str, list[tuple[str, np.ndarray]]]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        answered = []
        for name, found in photos:
            photo(root / "in" / f"{name}.jpg")
            some = tuple(AnsweredRegion("r", cut, (3, 2), material) for material, cut in found)
            answered.append(Answered(f"{name}.jpg", root / "in", SIZE, some))
        written = masks.write(answered, root / "out")
        assert all(path.is_file() for path in written)
        if not photos:
            return
        read = masks.read(root / "out")
        assert read.problems == ()
        by_file = {one.file: one for one in read.photos}
        for one in answered:
            got = sorted(by_file[one.file].annotations, key=lambda each: int(Path(each.place).name.partition("-")[0]))
            assert [key(each.material) for each in got] == [key(region.material) for region in one.regions]
            for each, region in zip(got, one.regions, strict=True):
                mask_of = np.zeros(SIZE, dtype=np.bool_)
                mask_of[2 : 2 + region.cut.shape[0], 3 : 3 + region.cut.shape[1]] = region.cut
                part, (x, y) = each.shape.cut(SIZE)
                again = np.zeros(SIZE, dtype=np.bool_)
                again[y : y + part.shape[0], x : x + part.shape[1]] = part
                np.testing.assert_array_equal(again, mask_of)
