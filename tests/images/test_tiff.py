"""TIFF files that are more, or something else, than one plain photo."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from images_photo import encode, refused, scene
from PIL import Image, TiffImagePlugin

from madeof.images.photo import read_photo


def pages(*sizes: tuple[int, int], reduced: tuple[int, ...]) -> bytes:
    """A TIFF of a page of each (height, width); those whose numbers are in `reduced` are marked so."""
    file = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file, new=True) as writer:
        for number, size in enumerate(sizes):
            Image.fromarray(scene(*size)).save(writer, "TIFF", tiffinfo={254: 1 if number in reduced else 0})
            writer.newFrame()
    return file.getvalue()


def bare(samples: int, bits: int, form: int, colour: int, planar: int = 1, **tags: Any) -> bytes:
    """A whole TIFF of 4 x 4 pixels, all 0, uncompressed."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory.tagtype.update({254: 4, 50706: 1})
    strips = samples if planar == 2 else 1
    size = 16 * samples * bits // 8
    directory.update(
        {
            256: 4, 257: 4, 258: (bits,) * samples, 259: 1, 262: colour, 277: samples, 278: 4, 284: planar,
            339: (form,) * samples, 279: (size // strips,) * strips, 273: (8,) * strips,
        }
    )  # fmt: skip
    if tags:
        directory.update({int(name[1:]): value for name, value in tags.items()})
    directory[273] = tuple(8 + part * size // strips for part in range(strips))
    file = io.BytesIO()
    file.write(b"II*\0" + (8 + size).to_bytes(4, "little") + bytes(size))
    directory.save(file)
    return file.getvalue()


def test_a_reduced_first_page_is_not_the_photo() -> None:
    photo = read_photo(pages((6, 8), (48, 64), reduced=(0,)))
    assert (photo.size, photo.warnings) == ((48, 64), ())
    np.testing.assert_array_equal(photo.pixels, scene())


def test_pages_that_are_copies_are_no_animation_and_others_are() -> None:
    assert read_photo(pages((48, 64), (24, 32), (12, 16), reduced=(1, 2))).warnings == ()
    assert read_photo(pages((48, 64), (48, 64), reduced=())).warnings == ("animated: the first frame is used",)


def test_a_photo_of_which_there_is_only_a_reduced_copy_is_refused() -> None:
    assert "all reduced copies of a photo" in refused(pages((6, 8), reduced=(0,)))


def test_a_rotation_is_applied_once() -> None:
    turned = encode(Image.fromarray(scene()), "tiff", tiffinfo={274: 6})
    assert read_photo(turned).size == (64, 48)
    np.testing.assert_array_equal(read_photo(turned).pixels, np.rot90(scene(), -1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bare(3, 32, 3, 2), "32-bit floats and 3 channels; expected 8 or 16 bits: convert it"),
        (bare(1, 64, 3, 1), "64-bit floats and 1 channels"),
        (bare(4, 8, 1, 1), "4 bands that are no RGB; expected grey or RGB: choose three of them"),
        (bare(3, 8, 1, 1, planar=2), "3 bands in planes that are no RGB"),
        (bare(3, 16, 1, 2, planar=2), "16 bits in planes"),
        (bare(1, 16, 1, 32803), "a camera's raw file; expected a photo: develop it"),
        (bare(3, 8, 1, 2, t50706=b"\1\4\0\0"), "a camera's raw file"),
    ],
)
def test_whole_files_of_unread_kinds_are_not_called_damaged(data: bytes, words: str) -> None:
    message = refused(data)
    assert words in message
    assert "damaged" not in message
    assert "get it again" not in message


def test_a_cut_tiff_is_called_damaged() -> None:
    assert "damaged" in refused(encode(Image.fromarray(scene()), "tiff")[:5000])
