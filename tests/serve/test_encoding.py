"""Photos that the service keeps: small copies, from which zoom still sees everything."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from madeof.inference.predictor import Predictor
from madeof.regions.region import Region
from madeof.serve.cache import Images
from madeof.serve.encoding import encode, slim
from madeof.serve.metrics import Metrics
from madeof.serve.multipart import Upload
from madeof.serve.service import Service
from madeof.serve.settings import MB, Settings

SIZE = 1000, 1200


def upload(form: str) -> Upload:
    """More than a million pixels, with grain at every scale."""
    random = np.random.default_rng(0)
    pixels = sum(
        np.kron(random.integers(0, 60, (SIZE[0] // n, SIZE[1] // n, 3)), np.ones((n, n, 1))) for n in (4, 20, 100, 200)
    )
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels).astype(np.uint8)).save(file, form, quality=95)
    return Upload("a.photo", file.getvalue())


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_zoom_sees_all_of_a_slim_photo(form: str, tiny_predictor: Predictor) -> None:
    service = Service(tiny_predictor, Settings())
    given = upload(form)
    whole = encode(service, given)
    kept = slim(encode(service, given))
    assert kept.photo.name == "a.photo"
    assert kept.photo.size == SIZE
    assert kept.photo.pixels.shape[0] * kept.photo.pixels.shape[1] <= 1_000_000
    assert kept.photo.source == given.data
    regions = [Region.from_box("a", (300, 700, 340, 730), SIZE), Region.from_box("b", (0, 0, 900, 900), SIZE)]
    wanted = tiny_predictor.scores(regions, encoded=tiny_predictor.encode(given.data))
    np.testing.assert_allclose(tiny_predictor.scores(regions, encoded=whole), wanted, atol=1e-6)
    np.testing.assert_allclose(tiny_predictor.scores(regions, encoded=kept), wanted, atol=1e-6)
    off = tiny_predictor.scores(regions, encoded=kept, zoom="off")
    assert np.abs(off[0] - wanted[0]).max() > 1e-3
    assert kept.looks.nbytes > 0


def test_a_small_photo_needs_no_file(tiny_predictor: Predictor) -> None:
    file = io.BytesIO()
    Image.new("RGB", (120, 90)).save(file, "PNG")
    kept = slim(encode(Service(tiny_predictor, Settings()), Upload(None, file.getvalue())))
    assert kept.photo.source is None
    assert not kept.photo.reduced


def test_windows_count_among_what_is_kept(tiny_predictor: Predictor) -> None:
    service = Service(tiny_predictor, Settings())
    first, second = (slim(encode(service, upload("JPEG"))) for _ in range(2))
    images = Images(Settings(), Metrics())
    names = [images.add(first), images.add(second)]
    before = images.nbytes
    region = Region.from_box("a", (300, 700, 340, 730), SIZE)
    tiny_predictor.predict([region], encoded=first)
    images.get(names[1])
    assert images.nbytes == before + first.looks.nbytes > before
    images._most_bytes = images.nbytes - 1
    images.get(names[1])
    assert len(images) == 1
    assert images.nbytes == second.nbytes <= Settings().cache_mb * MB
