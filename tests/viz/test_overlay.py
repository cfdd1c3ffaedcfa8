"""The picture with regions: where things are drawn, that labels never collide, that no input breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from viz_overlay import GREY, disc

from madeof.errors import RegionError, WriteError
from madeof.viz.overlay import draw, save
from madeof.viz.palette import COLOURS


def test_the_outline_is_on_the_edge_and_the_rest_is_left_alone():
    picture = np.asarray(draw(GREY, [(disc(400, 300, 150), "")])).astype(int)
    colour = np.array(COLOURS[0])
    assert (picture[300, 250:253] == colour).all(axis=1).any()
    assert (picture[300, 200] == 128).all()
    inside = picture[300, 400]
    assert 0 < np.abs(inside - 128).max() < 40  # a faint fill
    assert (picture[300, 235:250].sum(axis=1) < 300).any()  # the casing around the outline


def test_a_small_region_lies_on_a_large_one_in_whatever_order_they_come():
    small, large = (disc(400, 300, 40), ""), (disc(400, 300, 200), "")
    for regions, place in (([small, large], 0), ([large, small], 1)):
        picture = np.asarray(draw(GREY, regions, fill=1)).astype(int)
        assert (picture[300, 400] == COLOURS[place]).all()


def test_the_photo_is_not_changed():
    photo, mask = GREY.copy(), disc(400, 300, 150)
    draw(photo, [(mask, "Wood")])
    np.testing.assert_array_equal(photo, GREY)
    np.testing.assert_array_equal(mask, disc(400, 300, 150))


def test_no_regions_give_the_photo():
    np.testing.assert_array_equal(np.asarray(draw(GREY, [])), GREY)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((600, 800), (800, 600)), ((1200, 3200), (1600, 600)), ((64, 32), (256, 512)), ((1, 1), (512, 512))],
)
def test_the_pictures_size(size, expected):
    photo = np.zeros((*size, 3), dtype=np.uint8)
    assert draw(photo, [(np.ones(size, dtype=bool), "all")]).size == expected
    assert draw(photo, [(np.ones(size, dtype=np.float32) / 1000, "a trace")]).size == expected


def test_one_pixel_of_a_large_photo_is_still_seen():
    mask = np.zeros((2000, 3200), dtype=bool)
    mask[1234, 2345] = True
    picture = np.asarray(draw(np.full((2000, 3200, 3), 128, np.uint8), [(mask, "")])).astype(int)
    rows, columns = np.nonzero((picture == COLOURS[0]).all(axis=2))
    assert (abs(rows - 617) < 4).all()
    assert (abs(columns - 1172) < 4).all()
    assert len(rows) > 0


def test_a_mask_that_does_not_fit_is_named():
    with pytest.raises(RegionError, match="Wood 90% is 4 x 4 but the photo is 800 x 600"):
        draw(GREY, [(np.ones((4, 4), dtype=bool), "Wood 90%")])
    with pytest.raises(RegionError, match="region 1 is empty"):
        draw(GREY, [(disc(9, 9, 9), ""), (np.zeros((600, 800), dtype=bool), "")])


def test_save(tmp_path):
    picture = draw(GREY, [(disc(400, 300, 100), "Wood 90%")])
    for name, kind in (("a.png", "PNG"), ("b.JPG", "JPEG"), ("c.jpeg", "JPEG")):
        save(picture, tmp_path / name)
        with Image.open(tmp_path / name) as found:
            assert (found.format, found.size) == (kind, picture.size)
    assert len(list(tmp_path.iterdir())) == 3
    for name in ("a.gif", "a", "a.png.txt"):
        with pytest.raises(WriteError, match=r"expected a name that ends in \.png, \.jpg or \.jpeg"):
            save(picture, tmp_path / name)
    with pytest.raises(WriteError, match="cannot write"):
        save(picture, tmp_path / "no such folder" / "a.png")
    assert len(list(tmp_path.iterdir())) == 3
