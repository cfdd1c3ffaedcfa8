"""Labels of regions: inside the picture, apart, and readable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from viz_overlay import GREY, disc

from madeof.viz import labels, overlay
from madeof.viz.overlay import draw


def check(arrangement: labels.Arrangement, size: tuple[int, int]) -> None:
    """The boxes are inside the picture of `size`, (width, height), and apart."""
    boxes = [one.box for one in arrangement.placed]
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        assert 0 <= x0 < x1 < size[0]
        assert 0 <= y0 < y1 < size[1]
        assert all(x1 < a or x0 > c or y1 < b or y0 > d for a, b, c, d in boxes[:i])


def test_a_few_labels_are_written_out_and_a_crowd_of_them_has_numbers_and_a_legend(found):
    rng = np.random.default_rng(0)
    regions = [(disc(*rng.uniform(0, 600, 2), rng.uniform(5, 90)), f"Material {i} 50%") for i in range(40)]
    few, many = draw(GREY, regions[:12]), draw(GREY, regions)
    assert few.size == (800, 600)
    assert {one.text for one in found[0].placed} == {label for _, label in regions[:12]}
    assert not found[0].legend
    assert many.width == 800
    assert many.height > 700
    assert sorted(int(one.text) for one in found[1].placed) == list(range(1, 41))
    assert [(one.number, one.label) for one in found[1].legend] == [(i + 1, f"Material {i} 50%") for i in range(40)]
    for arrangement in found:
        check(arrangement, (800, 600))
    paper = np.asarray(many)[600:]
    assert (paper == labels._PAPER).all(axis=2).mean() > 0.5
    assert len(np.unique(paper.reshape(-1, 3), axis=0)) > 10  # the numbers' colours, and letters


def test_labels_of_one_place_are_drawn_apart_until_there_is_no_room():
    mask = disc(250, 250, 150, (500, 500))
    shapes = [labels.Labelled(mask, (0, 0, 0), "Paper towel / tissue 100%", number) for number in range(1, 401)]
    found = labels.arrange(shapes, (500, 500))
    assert 100 < len(found.placed) < 400
    assert len(found.legend) == 400
    check(found, (500, 500))


@st.composite
def regions(draw: st.DrawFn) -> tuple[tuple[int, int], list[tuple[np.ndarray, str]]]:
    """(height, width) of a photo, and boxes in it with labels of any length, some alike."""
    size = draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    some = []
    for _ in range(draw(st.integers(0, 30))):
        mask = np.zeros(size, dtype=bool)
        y, x = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
        mask[y : y + draw(st.integers(1, 60)), x : x + draw(st.integers(1, 60))] = True
        some.append((mask, draw(st.sampled_from(["", "Wood 90%", "unsure: Paper towel / tissue 40%", "W" * 60]))))
    return size, some


@settings(max_examples=25, deadline=None)
@given(regions())
def test_labels_are_inside_the_picture_and_apart_whatever_the_regions(given_regions):
    size, some = given_regions
    scale = 300 / max(size)
    width, height = max(1, round(size[1] * scale)), max(1, round(size[0] * scale))
    shapes = [
        labels.Labelled(overlay._at_size(mask, (width, height)), (0, 0, 0), label, number)
        for number, (mask, label) in enumerate(some, start=1)
    ]
    found = labels.arrange(shapes, (width, height))
    check(found, (width, height))
    named = [number for number, (_, label) in enumerate(some, start=1) if label]
    assert {one.shape.number for one in found.placed} <= set(named)
    if found.legend:
        assert [one.number for one in found.legend] == named
        assert all(one.text == str(one.shape.number) for one in found.placed)
    elif len(named) > 1:
        assert len(found.placed) == len(named)
    for one in found.placed:
        x, y = one.spot
        assert one.shape.inside[y, x]
    picture = draw(np.zeros((*size, 3), np.uint8), some, max_side=300, min_side=300)
    assert picture.width == width
    assert (picture.height > height) == bool(found.legend)


def test_a_label_lies_in_its_region_when_it_fits_and_beside_it_when_it_would_hide_it(found):
    draw(GREY, [(disc(400, 300, 200), "Wood 90%")])
    draw(GREY, [(disc(400, 300, 8), "Wood 90%")])
    (x0, y0, x1, y1), (a0, b0, a1, b1) = (one.placed[0].box for one in found)
    assert x0 < 400 < x1
    assert y0 < 300 < y1
    assert a1 < 395 or a0 > 405 or b1 < 295 or b0 > 305
    assert abs(b0 - 300) < 100


def test_the_label_of_a_ring_is_on_the_ring(found):
    draw(GREY, [(disc(400, 300, 280) & ~disc(400, 300, 160), "Wood")])
    x0, y0, x1, y1 = found[0].placed[0].box
    assert 150 < np.hypot((x0 + x1) / 2 - 400, (y0 + y1) / 2 - 300) < 290


def test_a_line_does_not_run_under_another_label(found):
    """Two small regions above each other, and a large one over which there is room."""
    draw(GREY, [(disc(60, 200, 12), "Wood 90%"), (disc(60, 260, 12), "Stone 50%"), (disc(60, 230, 12), "Skin 70%")])
    for one in found[0].placed:
        others = np.array([other.box for other in found[0].placed if other is not one])
        near = np.clip(one.spot, one.box[:2], one.box[2:])
        line = near + (np.array(one.spot) - near) * np.linspace(0, 1, 50)[:, None]
        assert not labels._within(line[:, None], others[None]).any()


@pytest.mark.parametrize(
    "label", ["石 木材", "عربى", "a\nb\tc\0\x1b[31m", "\ud800", "🪵 wood", "<script>$x^2$", "x" * 10_000, " ", "W" * 47]
)
@pytest.mark.parametrize("count", [1, 20])
def test_labels_of_any_characters(label, count, found):
    for size in ((300, 400), (40, 30), (3000, 4)):
        photo = GREY[: size[0], : size[1]] if size[0] <= 600 else np.zeros((*size, 3), np.uint8)
        picture = draw(photo, [(np.ones(size, dtype=bool), label)] * count, max_side=512)
        for one in found[-1].placed:
            assert one.box[2] < picture.width
