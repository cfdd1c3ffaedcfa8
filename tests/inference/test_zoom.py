"""Second looks: which windows, that they cover their regions, and that they find what the first look cannot see."""

from __future__ import annotations

import dataclasses
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_model
from numpy.typing import NDArray
from PIL import Image

from madeof.errors import InputError, ModelError
from madeof.images.photo import read_photo
from madeof.inference import zoom_looks
from madeof.inference.explanation import explain
from madeof.inference.predictor import Predictor, load, probabilities
from madeof.inference.zoom import AUTO, MOST, Seen, Sights, Window, choose, place, windows_for
from madeof.inference.zoom_looks import Looks, enlarge, inside
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record
from madeof.model.zooming import ZoomRule
from madeof.regions.components import regions_from_label_map
from madeof.regions.region import Region

SIZE = 768, 1024
PREPROCESSING = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), side=128, multiple=16)
RULE = ZoomRule(closer_below=400, enough=1600, small_below=30)


class Sessions:
    """Calls a region Rough where its pixels, as the net gets them, differ: which fine texture does in no small copy."""

    def __init__(self) -> None:
        self.encoded: list[tuple[int, ...]] = []

    def encode(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        self.encoded.append(image.shape)
        return (image,)

    def describe(
        self, features: tuple[NDArray[np.float32], ...], masks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], None]:
        rows = []
        for mask in masks[:, 0]:
            grey = features[0][0].mean(axis=0)
            mean = (grey * mask).sum() / mask.sum()
            spread = np.sqrt((((grey - mean) ** 2) * mask).sum() / mask.sum())
            rows.append([0.0, (spread - 30) / 10])
        return np.array(rows, np.float32), None


class Eye(Predictor):
    """A model that sees roughness."""

    def __init__(self, rule: ZoomRule = RULE, preprocessing: Preprocessing = PREPROCESSING) -> None:
        self.record = Record("eye", "1", ("Smooth", "Rough"), preprocessing, {}, zoom=rule)
        self.materials = self.record.materials
        self.sessions = Sessions()
        self._sessions: Any = self.sessions
        self._learned = None
        self._encoded = None


def textured(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Grey, with stripes of two pixels in some boxes."""
    photo = np.full((*size, 3), 128, np.uint8)
    stripes = np.where(np.arange(size[1]) // 2 % 2, 228, 28).astype(np.uint8)
    for x0, y0, x1, y1 in boxes:
        photo[y0:y1, x0:x1] = stripes[x0:x1, np.newaxis]
    return photo


def boxed(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> list[Region]:
    return [Region.from_box(f"box {i}", box, size) for i, box in enumerate(boxes)]


def file_of(photo: NDArray[np.uint8], form: str = "JPEG", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {}), **settings)
    return file.getvalue()


ROUGH = 500, 300, 560, 360  # 7.5 pixels of the net in the first look, 60 in the closest


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


@pytest.mark.parametrize("way", ["path", "bytes", "photo", "png", "array", "pil"])
def test_photos_of_every_kind(way: str, tmp_path: Path) -> None:
    eye, photo = Eye(), textured(ROUGH)
    data = file_of(photo, "PNG" if way == "png" else "JPEG")
    path = tmp_path / "photo"
    path.write_bytes(data)
    given: Any = {"path": path, "bytes": data, "png": data, "array": photo}.get(way)
    if way == "pil":
        given = Image.open(path)
    if way == "photo":
        given = read_photo(path, least_size=PREPROCESSING.least_size)
    encoded = eye.encode(given)
    assert encoded.photo.reduced is (
        way in ("path", "bytes", "photo")
    )  # a large JPEG was decoded at a part of its size
    assert encoded.photo.source == (data if encoded.photo.reduced else None)
    assert encoded.nbytes >= len(encoded.photo.source or b"")
    (found,) = eye.predict(boxed(ROUGH), encoded=encoded)
    assert found.material == "Rough"
    if way == "pil":
        given.close()


def test_a_file_that_changes_does_not_change_the_photo(tmp_path: Path) -> None:
    eye, path = Eye(), tmp_path / "photo.jpg"
    path.write_bytes(file_of(textured(ROUGH)))
    eye.set_image(path)
    path.write_bytes(file_of(textured()))
    assert eye.predict(boxed(ROUGH))[0].material == "Rough"
    eye.set_image(path)
    path.unlink()
    assert eye.predict(boxed(ROUGH))[0].material == "Smooth"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_photos(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    eye = Eye()
    shown = eye.set_image(file_of(textured(ROUGH), exif=exif))
    assert shown.reduced
    full = read_photo(file_of(textured(ROUGH), exif=exif)).pixels
    ys, xs = np.nonzero(np.abs(full[:, :, 0].astype(int) - 128) > 60)
    region = Region.from_box("rough", (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), shown.size)
    other = Region.from_box("smooth", (5, 5, 65, 65), shown.size)
    assert [one.material for one in eye.predict([region, other])] == ["Rough", "Smooth"]


def test_no_more_of_a_photo_is_decoded_than_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    eye = Eye()
    photo = read_photo(file_of(textured(ROUGH, size=(3072, 4096))), least_size=PREPROCESSING.least_size)
    decoded = []
    real = zoom_looks.finer
    monkeypatch.setattr(zoom_looks, "finer", lambda *given: decoded.append(real(*given)) or decoded[-1])
    eye.set_image(photo)
    size = 3072, 4096
    eye.predict(boxed((0, 0, 2000, 2000), size=size))
    assert not decoded
    eye.predict(boxed((700, 700, 870, 870), (710, 710, 880, 880), size=size))  # in an eighth they have 42 pixels
    assert [pixels.shape for pixels in decoded] == [(768, 1024, 3)]


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


def test_masks_of_a_smaller_copy() -> None:
    small = Region.from_box("small", (125, 75, 140, 90), (192, 256))
    eye = Eye()
    encoded = eye.encode(textured(ROUGH))
    found = eye.scores([small], encoded=encoded, size=(192, 256))
    np.testing.assert_allclose(found, eye.scores(boxed(ROUGH), encoded=encoded), atol=1e-6)
    large = enlarge(small, SIZE)
    assert (large.box, large.area, large.size) == (ROUGH, 3600, SIZE)
    odd = Region("odd", np.array([[True, False], [True, True]]), corner=(3, 1), photo_size=(5, 7))
    mask = enlarge(odd, (13, 17)).mask
    ys, xs = (2 * np.arange(13) + 1) * 5 // 26, (2 * np.arange(17) + 1) * 7 // 34  # the nearest
    np.testing.assert_array_equal(mask, odd.mask[np.ix_(ys, xs)])


def test_small_is_what_the_net_sees() -> None:
    eye = Eye()
    eye.set_image(textured())
    near, far = eye.predict(boxed((10, 10, 15, 15), (20, 20, 26, 26)))
    assert (near.notes, far.notes) == (("small: 25 px seen",), ())
    eye.set_image(np.full((48, 64, 3), 128, np.uint8))  # which the net sees twice as large
    assert eye.predict(boxed((0, 0, 3, 3), size=(48, 64)))[0].notes == ()
    assert eye.predict(boxed((0, 0, 2, 3), size=(48, 64)))[0].notes == ("small: 24 px seen",)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 3 * 96 * 128 * 4
    monkeypatch.setattr(zoom_looks, "KEPT_BYTES", 3 * size)
    eye = Eye()
    encoded = eye.encode(textured())
    before = encoded.nbytes
    boxes = [(x, 10, x + 12, 22) for x in range(10, 1000, 130)]
    for box in boxes:
        eye.predict(boxed(box), encoded=encoded)
    assert encoded.nbytes - before == 3 * size
    assert len(eye.sessions.encoded) == 1 + len(boxes)
    eye.predict(boxed(boxes[-1], boxes[-3]), encoded=encoded)
    assert len(eye.sessions.encoded) == 1 + len(boxes)
    eye.predict(boxed(boxes[0]), encoded=encoded)
    assert len(eye.sessions.encoded) == 2 + len(boxes)
    monkeypatch.setattr(zoom_looks, "KEPT_BYTES", size - 1)
    looks = Looks()
    looks.add(Window(2, 0, 0, 1, 1), (np.zeros((1, 3, 96, 128), np.float32),))
    assert looks.nbytes == 0


def test_threads() -> None:
    boxes = [(x, y, x + 12, y + 12) for x in range(10, 1000, 130) for y in (10, 300, 600)]
    eye = Eye()
    encoded = eye.encode(textured(*boxes[::2]))
    wanted = ["Rough" if i % 2 == 0 else "Smooth" for i in range(len(boxes))]
    found: list[list[str]] = []

    def ask() -> None:
        found.append([one.material for one in eye.predict(boxed(*boxes), encoded=encoded)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4
    kept = sum(sum(array.nbytes for array in features) for features in encoded.looks._kept.values())
    assert encoded.looks.nbytes == kept


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


def test_a_models_own_rule(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", zoom=ZoomRule(0, 100, 5.5))
    assert Record.read(folder).zoom == ZoomRule(0, 100, 5.5)
    path = folder / "model.json"
    for value, said in (
        ('{"nearer": 3}', "zoom: .*nearer"),
        ('{"enough": -1}', "zoom: enough is -1; expected an area in pixels, 0 or more"),
        ('{"enough": true}', "zoom: enough is True"),
        ("[1]", r"zoom is \[1\]; expected an object or null"),
    ):
        text = path.read_text()
        start, end = text.index('"zoom": {'), text.index("}", text.index('"zoom": {')) + 1
        broken = tmp_path / "broken"
        broken.mkdir(exist_ok=True)
        (broken / "model.json").write_text(text[:start] + f'"zoom": {value}' + text[end:])
        with pytest.raises(ModelError, match=said):
            Record.read(broken)


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
