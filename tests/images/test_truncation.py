"""Files that hold fewer pixels than their header says are refused, whatever Pillow makes of them."""

from __future__ import annotations

import struct

import pytest
from images_photo import encode, refused, scene
from PIL import Image, ImageFile
from small_files import png

from madeof.images.photo import read_photo

PNG_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8)]


@pytest.mark.parametrize(("colour", "depth"), PNG_KINDS)
def test_a_png_with_fewer_rows_than_its_header_says(colour, depth):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-11 * depth * channels // 8))
    assert read_photo(png(11, 7, depth, colour, row * 7)).size == (7, 11)  # black, and whole
    for rows in (row * 6, row * 6 + row[:-1], row, b""):
        assert "expected a whole PNG" in refused(png(11, 7, depth, colour, rows))


def test_a_png_whose_data_end_early_is_no_black_half_photo():
    rows = (b"\0" + bytes(range(1, 11))) * 10
    assert read_photo(png(10, 10, 8, 0, rows)).size == (10, 10)
    assert "fewer pixels" in refused(png(10, 1000, 8, 0, rows))


def test_an_interlaced_png_that_lacks_a_part_of_its_last_pass():
    whole = bytes(2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9)  # the rows of the seven passes over 8 x 8 pixels
    assert read_photo(png(8, 8, 8, 0, whole, interlace=1)).size == (8, 8)
    for short in (1, 9, 18, 36, 40):
        assert "expected a whole PNG" in refused(png(8, 8, 8, 0, whole[:-short], interlace=1))


def test_a_gif_whose_frame_is_smaller_than_the_photo():
    data = encode(Image.fromarray(scene()), "GIF")
    taller = data[:8] + struct.pack("<H", 96) + data[10:]
    assert "fewer pixels" in refused(taller)


def test_no_rows_at_all():
    assert "expected" in refused(png(10, 0, 8, 0, b""))
    assert "no pixels" in refused(Image.new("RGB", (0, 4)))


def test_pillows_leave_to_read_truncated_files_changes_nothing_for_jpeg(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(Image.fromarray(scene(200, 300)), "JPEG")
    assert "truncated" in refused(data[: len(data) // 2])
