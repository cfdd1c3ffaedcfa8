"""Embedded colour profiles."""

from __future__ import annotations

import io
import struct

import numpy as np
from images_photo import encode, scene
from PIL import Image, ImageCms

from madeof.images.photo import read_photo


def adobe_like() -> bytes:
    """An ICC profile of RGB with the primaries of Adobe RGB (adapted to D50) and gamma 2.2, made by hand."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78)
    text += bytes(-len(text) % 4)
    tags = {
        b"desc": text, b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947), b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def test_colours_of_a_wide_profile_become_srgb() -> None:
    image, profile = Image.fromarray(scene()), adobe_like()
    want = ImageCms.profileToProfile(
        image,
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert want is not None
    for kind in ("png", "tiff"):
        found = read_photo(encode(image, kind, icc_profile=profile)).pixels
        np.testing.assert_array_equal(found, np.asarray(want))
    assert np.abs(found.astype(int) - scene()).max() > 20
    green = Image.new("RGB", (8, 8), (100, 160, 100))
    red, greens, _ = read_photo(encode(green, "jpeg", quality=95, icc_profile=profile)).pixels[4, 4].tolist()
    assert red < 75  # a greener green than sRGB's of the same numbers
    assert abs(greens - 161) < 6


def test_srgb_and_broken_profiles_change_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"no profile"):
        photo = read_photo(encode(Image.fromarray(scene()), "png", icc_profile=profile))
        np.testing.assert_array_equal(photo.pixels, scene())
        assert photo.warnings == ()
