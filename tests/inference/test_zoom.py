"""Second looks: which windows, that they cover their regions, and that they find what the first look cannot see."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_zoom import PREPROCESSING, ROUGH, RULE, SIZE, Eye, boxed, textured

from madeof.errors import InputError
from madeof.inference.explanation import explain
from madeof.inference.predictor import Predictor, load, probabilities
from madeof.inference.zoom import AUTO, MOST, Seen, Sights, choose, place, windows_for
from madeof.inference.zoom_looks import inside
from madeof.model.preprocess import Preprocessing
from madeof.regions.components import regions_from_label_map


@pytest.mark.parametrize("length", [256, 777, 1000])
@pytest.mark.parametrize("window", [64, 125, 250])
def test_a_window_covers_its_stretch(length: int, window: int) -> None:
    random = np.random.default_rng(0)
    placed = 0
    for _ in range(500):
        low, high = sorted(random.uniform(0, length, 2))
        start = place(low, high, window, length)
        if start is None:
            assert high - low > 5 / 8 * window - 2
            continue
        placed += 1
        assert 0 <= start <= start + window <= length
        assert start <= low
        assert high <= start + window
        assert start == 0 or low - start >= window // 16
        assert start + window == length or start + window - high >= window // 16
    assert placed > 20


def test_windows_lie_in_few_places() -> None:
    starts = {place(low, low + 20.0, 100, 1000) for low in range(981)}
    assert None not in starts
    assert starts <= set(range(0, 901, 25))
    together = {place(low, low + 20.0, 100, 1000) for low in range(310, 370)}
    assert together == {300}
    assert place(0, 1000, 1001, 1000) is None


@pytest.mark.parametrize("size", [SIZE, (1024, 768), (1001, 999), (300, 4000), (3000, 200)])
def test_windows_cover_their_regions(size: tuple[int, int]) -> None:
    sights = Sights(size, PREPROCESSING, RULE)
    random = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        h, w = random.integers(1, 40, 2)
        y, x = random.integers(0, size[0] - h + 1), random.integers(0, size[1] - w + 1)
        window = sights.window((x, y, x + w, y + h), h * w)
        if window is None:
            continue
        found += 1
        assert window.left <= x
        assert window.top <= y
        assert x + w <= window.left + window.width <= size[1]
        assert y + h <= window.top + window.height <= size[0]
        assert window.level in sights.levels
        assert sights.close(h * w, window.level) > sights.first(h * w)
    assert found > 200


def test_windows_have_the_shape_of_the_photo() -> None:
    sights = Sights(SIZE, PREPROCESSING, RULE)
    assert sights.net_shape == PREPROCESSING.network_size(*SIZE) == (96, 128)
    assert sights.levels == (2, 4, 8)
    assert Sights((300, 4000), PREPROCESSING, RULE).net_shape == (64, 128)  # not a strip
    assert Sights((96, 128), PREPROCESSING, RULE).levels == ()
    assert Sights((60, 83), PREPROCESSING, RULE).levels == ()  # which is enlarged already
    assert Sights((130, 175), PREPROCESSING, RULE).levels == ()
    assert Sights((140, 186), PREPROCESSING, RULE).levels == (2,)  # 1.5 times as much as in the first look


def test_as_near_as_needed() -> None:
    sights = Sights(SIZE, PREPROCESSING, RULE)
    levels = []
    for side in (5, 20, 40, 80, 100, 158, 161):
        window = sights.window((400, 300, 400 + side, 300 + side), side**2)
        levels.append(window.level if window else 1)
    # 40 of the net's pixels each way are enough, which 80 of the photo's are at level 4; 161 are 20 in the first look.
    assert levels == [8, 8, 8, 4, 4, 4, 1]
    long = sights.window((100, 300, 700, 302), 1200)  # which lies whole in no window that is finer
    assert long is None
    assert sights.window((100, 300, 400, 302), 600).level == 2  # type: ignore[union-attr]


def test_off_is_what_it_was(tiny_predictor: Predictor) -> None:
    size = 300, 400
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    regions = boxed((10, 10, 30, 30), (200, 100, 215, 130), (0, 0, 400, 300), size=size)
    encoded = tiny_predictor.encode(photo)
    preprocessing = tiny_predictor.record.preprocessing
    image = preprocessing.image(photo)
    features = tiny_predictor._sessions.encode(image)
    logits = tiny_predictor._sessions.classify(features, preprocessing.masks(regions))
    wanted = probabilities(logits, tiny_predictor.record)
    off = tiny_predictor.scores(regions, encoded=encoded, zoom="off")
    np.testing.assert_array_equal(off, wanted)
    assert encoded.looks.nbytes == 0
    auto = tiny_predictor.scores(regions, encoded=encoded)
    np.testing.assert_array_equal(auto[2], wanted[2])  # a large one
    assert np.abs(auto[:2] - wanted[:2]).max() > 1e-3
    assert encoded.looks.nbytes > 0
    np.testing.assert_array_equal(tiny_predictor.scores(regions, encoded=encoded, zoom=0), wanted)


def test_what_the_first_look_cannot_see() -> None:
    eye = Eye()
    eye.set_image(textured(ROUGH))
    first, again = eye.predict(boxed(ROUGH), zoom="off")[0], eye.predict(boxed(ROUGH))[0]
    assert (first.material, again.material) == ("Smooth", "Rough")
    assert first.seen == pytest.approx(60**2 / 64)
    assert again.seen == pytest.approx(60**2)
    assert eye.sessions.encoded == [(1, 3, 96, 128)] * 2  # one shape
    assert eye.predict(boxed((100, 100, 160, 160)))[0].material == "Smooth"


def test_both_looks_count() -> None:
    eye = Eye()
    encoded = eye.encode(textured(ROUGH))
    (seen,) = eye._seen(boxed(ROUGH), encoded, None)
    assert seen.weight == pytest.approx(64 / 65)
    logits, _ = eye._run(boxed(ROUGH), encoded, [seen])
    first, _ = eye._run(boxed(ROUGH), encoded, [Seen(seen.first, seen.first)])
    features = encoded.looks.get(seen.window)  # type: ignore[arg-type]
    part = [inside(boxed(ROUGH)[0], seen.window, SIZE)]  # type: ignore[arg-type]
    again, _ = eye._describe(features, part, SIZE)  # type: ignore[arg-type]
    np.testing.assert_allclose(logits, again * 64 / 65 + first / 65, rtol=1e-5)


def test_large_regions_cost_nothing_more() -> None:
    eye = Eye()
    eye.set_image(textured((0, 0, 500, 700)))
    found = eye.predict(boxed((0, 0, 500, 700), (500, 0, 700, 200), (0, 0, 1024, 768)))
    assert [one.notes for one in found] == [(), (), ()]
    assert len(eye.sessions.encoded) == 1


def test_regions_that_lie_together_share_a_window() -> None:
    eye = Eye()
    boxes = [(x, y, x + 12, y + 12) for x in range(10, 110, 20) for y in range(10, 80, 20)]
    eye.set_image(textured(*boxes))
    assert {one.material for one in eye.predict(boxed(*boxes))} == {"Rough"}
    assert len(eye.sessions.encoded) == 2
    assert eye.predict(boxed((110, 70, 120, 80)))[0].material == "Smooth"  # one more of the same place
    assert len(eye.sessions.encoded) == 2


def test_a_label_map_of_hundreds() -> None:
    labels = np.zeros(SIZE, np.uint8)
    rough = []
    for number, (y, x) in enumerate((y, x) for y in range(4, 760, 32) for x in range(4, 1016, 32)):
        labels[y : y + 12, x : x + 12] = 1 + number % 2
        if number % 2:
            rough.append((x, y, x + 12, y + 12))
    eye = Eye()
    eye.set_image(textured(*rough))
    regions = regions_from_label_map(labels)
    found = eye.predict(regions, zoom=MOST)
    assert len(regions) == 768
    assert all(
        one.material == ("Rough" if region.value == 2 else "Smooth") for one, region in zip(found, regions, strict=True)
    )
    assert len(eye.sessions.encoded) < 1 + len(regions) / 3


def test_the_order_and_the_others_do_not_matter() -> None:
    random = np.random.default_rng(3)
    boxes = []
    for _ in range(60):
        w, h = random.integers(3, 60, 2)
        x, y = random.integers(0, SIZE[1] - w + 1), random.integers(0, SIZE[0] - h + 1)
        boxes.append((x, y, x + w, y + h))
    eye, photo = Eye(), textured(*boxes[::3])
    regions = boxed(*boxes)
    together = eye.scores(regions, encoded=eye.encode(photo), zoom=MOST)
    turned = eye.scores(regions[::-1], encoded=eye.encode(photo), zoom=MOST)
    np.testing.assert_allclose(turned[::-1], together, atol=1e-6)
    for region, row in list(zip(regions, together, strict=True))[::7]:
        np.testing.assert_allclose(eye.scores([region], encoded=eye.encode(photo), zoom=MOST)[0], row, atol=1e-6)


def test_what_is_beyond_the_bound_is_noted() -> None:
    boxes = [(10, 10, 22, 22), (30, 10, 42, 22), (600, 500, 612, 512), (900, 700, 912, 712)]
    eye = Eye()
    eye.set_image(textured(*boxes))
    for zoom, zoomed in ((3, 4), (2, 3), (1, 2)):
        eye.sessions.encoded.clear()
        found = eye.predict(boxed(*boxes), encoded=eye.encode(textured(*boxes)), zoom=zoom)
        assert len(eye.sessions.encoded) == 1 + zoom
        assert [one.material for one in found] == ["Rough"] * zoomed + ["Smooth"] * (4 - zoomed)  # most regions first
        assert ["not zoomed: too many windows" in one.notes for one in found] == [False] * zoomed + [True] * (
            4 - zoomed
        )
    found = eye.predict(boxed(*boxes), zoom="off")
    assert [one.notes for one in found] == [("small: 2.25 px seen",)] * 4  # as was asked


def test_soft_masks() -> None:
    soft = np.zeros(SIZE, np.float32)
    x0, y0, x1, y1 = ROUGH
    soft[y0:y1, x0:x1] = 0.5
    eye = Eye()
    eye.set_image(textured(ROUGH))
    (found,) = eye.predict([soft])
    assert found.material == "Rough"
    assert found.seen == pytest.approx(60**2 / 2)


def test_small_is_what_the_net_sees() -> None:
    eye = Eye()
    eye.set_image(textured())
    near, far = eye.predict(boxed((10, 10, 15, 15), (20, 20, 26, 26)))
    assert (near.notes, far.notes) == (("small: 25 px seen",), ())
    eye.set_image(np.full((48, 64, 3), 128, np.uint8))  # which the net sees twice as large
    assert eye.predict(boxed((0, 0, 3, 3), size=(48, 64)))[0].notes == ()
    assert eye.predict(boxed((0, 0, 2, 3), size=(48, 64)))[0].notes == ("small: 24 px seen",)


def test_the_original_rule_of_size() -> None:
    eye = Eye(preprocessing=Preprocessing((0.0,) * 3, (1.0,) * 3, resize="limit", max_pixels=96 * 128))
    eye.set_image(textured(ROUGH))
    assert eye.predict(boxed(ROUGH))[0].material == "Rough"
    assert eye.predict(boxed(ROUGH), zoom="off")[0].material == "Smooth"


def test_what_is_no_zoom(tiny_model: Path) -> None:
    assert (windows_for("auto"), windows_for("off"), windows_for(7)) == (AUTO, 0, 7)
    for wrong in ("on", -1, MOST + 1, True, 1.5, None):
        with pytest.raises(InputError, match=f"zoom is {wrong!r}; expected 'auto', 'off', or how many windows, 0 to"):
            windows_for(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="zoom is 'no'"):
        load(tiny_model, zoom="no")  # type: ignore[arg-type]
    assert load(tiny_model, threads=1, zoom="off").zoom == "off"


def test_choose_takes_the_windows_with_most_regions() -> None:
    sights = Sights(SIZE, PREPROCESSING, RULE)
    regions = boxed((900, 700, 910, 710), (10, 10, 20, 20), (30, 10, 40, 20))
    seen = choose(regions, sights, 1)
    assert [one.left_out for one in seen] == [True, False, False]
    assert [one.left_out for one in choose(regions[::-1], sights, 1)] == [False, False, True]
    never = dataclasses.replace(RULE, closer_below=0)
    assert all(one.window is None for one in choose(regions, Sights(SIZE, PREPROCESSING, never), "auto"))


def test_an_explanation_alters_both_looks() -> None:
    eye = Eye()
    photo = textured(ROUGH)
    found = explain(eye, photo, boxed(ROUGH)[0], looks=9)
    assert found.prediction.material == "Rough"
    assert found.shares["inside"] > 0.99
    assert found.alone_material == "Rough"
    assert found.parts["inside"].material == "Smooth"
    assert found.heat is not None
    ys, xs = np.nonzero(found.heat > 0.1)  # 2 x 3 cells, of which the stripes lie in one
    height, width = found.heat.shape
    assert {(y * 2 // height, x * 3 // width) for y, x in zip(ys, xs, strict=True)} == {(0, 1)}
    first, again = explain(eye, photo, boxed((100, 100, 400, 400))[0], looks=0), found
    assert first.parts["inside"].area == pytest.approx(300**2 / 768 / 1024, abs=0.01)
    assert again.parts["inside"].area == pytest.approx(60**2 / 768 / 1024, abs=0.001)
