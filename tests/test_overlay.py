"""The picture with regions: where things are drawn, that labels never collide, that no input breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from madeof import overlay
from madeof.errors import RegionError, WriteError
from madeof.overlay import draw, save

GREY = np.full((600, 800, 3), 128, dtype=np.uint8)


def disc(x: float, y: float, radius: float, size: tuple[int, int] = (600, 800)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2


@pytest.fixture
def boxes(monkeypatch):
    """The places that `draw` gives its labels, (x0, y0, x1, y1)."""
    found = []
    place = overlay._place

    def spy(*args):
        found.append(place(*args))
        return found[-1]

    monkeypatch.setattr(overlay, "_place", spy)
    return found


def test_the_outline_is_on_the_edge_and_the_rest_is_left_alone():
    picture = np.asarray(draw(GREY, [(disc(400, 300, 150), "")])).astype(int)
    colour = np.array(overlay._COLOURS[0])
    assert (picture[300, 250:253] == colour).all(axis=1).any()
    assert (picture[300, 200] == 128).all()
    inside = picture[300, 400]
    assert 0 < np.abs(inside - 128).max() < 40  # a faint fill
    assert (picture[300, 235:250].sum(axis=1) < 300).any()  # the casing around the outline


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
    rows, columns = np.nonzero((picture == overlay._COLOURS[0]).all(axis=2))
    assert (abs(rows - 617) < 4).all()
    assert (abs(columns - 1172) < 4).all()
    assert len(rows) > 0


def test_labels_never_collide_and_stay_in_the_picture(boxes):
    rng = np.random.default_rng(0)
    regions = [(disc(*rng.uniform(0, 600, 2), rng.uniform(5, 90)), f"Material {i} 50%") for i in range(40)]
    draw(GREY, regions)
    assert None not in boxes
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        assert 0 <= x0 < x1 < 800
        assert 0 <= y0 < y1 < 600
        assert all(x1 < a or x0 > c or y1 < b or y0 > d for a, b, c, d in boxes[:i])


def test_labels_of_one_place_are_drawn_apart_until_there_is_no_room(boxes):
    mask = disc(50, 50, 30, (100, 100))
    draw(GREY[:100, :100], [(mask, "Paper towel / tissue 100%")] * 150)
    placed = [box for box in boxes if box is not None]
    assert 10 < len(placed) < 150
    assert len(set(placed)) == len(placed)


def test_a_label_lies_in_its_region_when_it_fits_and_beside_it_when_it_would_hide_it(boxes):
    draw(GREY, [(disc(400, 300, 200), "Wood 90%")])
    draw(GREY, [(disc(400, 300, 8), "Wood 90%")])
    (x0, y0, x1, y1), (a0, b0, a1, b1) = boxes
    assert x0 < 400 < x1
    assert y0 < 300 < y1
    assert a1 < 395 or a0 > 405 or b1 < 295 or b0 > 305
    assert abs(b0 - 300) < 100


def test_the_label_of_a_ring_is_on_the_ring(boxes):
    draw(GREY, [(disc(400, 300, 280) & ~disc(400, 300, 160), "Wood")])
    x0, y0, x1, y1 = boxes[0]
    assert 150 < np.hypot((x0 + x1) / 2 - 400, (y0 + y1) / 2 - 300) < 290


@pytest.mark.parametrize(
    "label", ["石 木材", "عربى", "a\nb\tc\0\x1b[31m", "\ud800", "🪵 wood", "<script>$x^2$", "x" * 10_000, " ", "W" * 47]
)
def test_labels_of_any_characters(label, boxes):
    for size in ((600, 800), (40, 30), (3000, 4)):
        picture = draw(GREY[: size[0], : size[1]] if size[0] <= 600 else np.zeros((*size, 3), np.uint8),
                       [(np.ones(size, dtype=bool), label)])  # fmt: skip
        for box in filter(None, boxes):
            assert box[2] < max(picture.width, 800)
        boxes.clear()


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
