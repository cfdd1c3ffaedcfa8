"""Second looks: what is decoded for them, of every kind of photo, and what is kept."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_zoom import PREPROCESSING, ROUGH, SIZE, Eye, boxed, file_of, textured
from PIL import Image

from madeof.images.photo import read_photo
from madeof.inference import zoom_looks
from madeof.inference.zoom import Window
from madeof.inference.zoom_looks import Looks, enlarge
from madeof.regions.region import Region


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
