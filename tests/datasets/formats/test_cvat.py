"""CVAT's XML files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from format_cases import SIZE, answered, mask_of, reasons, regions_of, round_trip, save_photo, survives
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats import cvat
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError

META = """<meta><task><labels>
<label><name>Wood</name><type>any</type></label><label><name>Glass</name></label>
<label><name>path</name><type>polyline</type></label><label><name>knee</name><parent>body</parent></label>
</labels></task></meta>"""


EVERYTHING = """
<polygon label="Wood" source="manual" occluded="0" points="1.00,1.00;5.00,1.00;5.00,4.00;1.00,4.00" z_order="0"/>
<box label="Glass" xtl="6.00" ytl="5.00" xbr="9.00" ybr="8.00"><attribute name="a">b</attribute></box>
<box label="Wood" xtl="2.00" ytl="3.00" xbr="8.00" ybr="5.00" rotation="90.00"/>
<ellipse label="Wood" cx="8.00" cy="6.00" rx="4.00" ry="2.00" rotation="90.00"/>
<mask label="Wood" rle="0, 1, 1, 4" left="2" top="3" width="3" height="2"/>
<polyline label="path" points="1,1;2,2"/><points label="a" points="1,1"/><tag label="good"/>
<skeleton label="body"><points label="knee" points="1,1"/></skeleton><cuboid label="a" xtl1="1"/>
"""


ODD = ("", "x", "-1", "1e400", "1,2;3,4;5,6", "9" * 30, "0.5", "inf", "a.png")


# The example of CVAT's documentation, site/content/en/docs/dataset_management/formats/format-xml.md.
DOCUMENTED = (
    "3, 5, 7, 7, 5, 9, 3, 11, 2, 11, 2, 12, 1, 12, 1, 26, 1, 12, 1, 12, 2, 11, 3, 9, 5, 7, 7, 5, 3",
    13,
    15,
)


def document(shapes: str, name: str = "a.png", size: tuple[int, int] = SIZE, meta: str = META, more: str = "") -> str:
    image = f'<image id="0" name="{name}" width="{size[1]}" height="{size[0]}"{more}>{shapes}</image>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{image}</annotations>'


def save(folder: Path, text: str, photo: str = "a.png") -> Path:
    save_photo(folder, photo)
    path = folder / "annotations.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_shapes(tmp_path: Path) -> None:
    path = save(tmp_path, document(EVERYTHING))
    assert cvat.matches(path)
    assert cvat.matches(tmp_path)
    found = cvat.read(path)
    assert not found.problems
    assert found.photos[0].size == SIZE
    assert found.materials == ("Wood", "Glass")
    assert found.left_out == {"polylines": 1, "points": 1, "tags of photos": 1, "skeletons": 1, "cuboids": 1}
    polygon, box, turned, ellipse, mask = (mask_of(one.shape) for one in found.photos[0].annotations)
    assert polygon.sum() == 12
    assert np.argwhere(box).min(axis=0).tolist() == [5, 6]
    assert box.sum() == 9
    assert turned.sum() == 12
    assert (np.argwhere(turned).min(axis=0).tolist(), np.argwhere(turned).max(axis=0).tolist()) == ([1, 4], [6, 5])
    assert ellipse.sum() == pytest.approx(np.pi * 8, abs=3)
    assert (np.argwhere(ellipse).min(axis=0).tolist(), np.argwhere(ellipse).max(axis=0).tolist()) == ([2, 6], [9, 9])
    expected = np.zeros(SIZE, dtype=bool)
    expected[3:5, 2:5] = [[1, 0, 1], [1, 1, 1]]
    assert np.array_equal(mask, expected)
    assert regions_of(cvat.read(tmp_path)) == regions_of(found)


def test_the_mask_of_the_documentation(tmp_path: Path) -> None:
    rle, width, height = DOCUMENTED
    text = document(
        f'<mask label="car" rle="{rle}" left="1" top="2" width="{width}" height="{height}"/>', size=(20, 20)
    )
    mask = mask_of(cvat.read(save(tmp_path, text)).photos[0].annotations[0].shape, (20, 20))
    disc = mask[2:17, 1:14]
    assert mask.sum() == disc.sum()
    assert disc[0].tolist() == [False] * 3 + [True] * 5 + [False] * 5 or disc[0].sum() == 5
    assert np.abs(np.argwhere(disc).mean(axis=0) - [7, 6]).max() < 0.5  # round, and not sheared


def test_one_group_and_label_is_one_region(tmp_path: Path) -> None:
    boxes = "".join(
        f'<box label="{label}" xtl="{x}" ytl="0" xbr="{x + 2}" ybr="2" group_id="{group}"/>'
        for label, x, group in (("a", 0, 1), ("a", 4, 1), ("b", 8, 1), ("a", 10, 0), ("a", 13, 0))
    )
    found = cvat.read(save(tmp_path, document(boxes)))
    assert regions_of(found) == {"a.png": [("a", 8), ("b", 4), ("a", 4), ("a", 4)]}


def test_subsets_are_folders_and_splits(tmp_path: Path) -> None:
    box = '<box label="a" xtl="0" ytl="0" xbr="2" ybr="2"/>'
    save_photo(tmp_path / "images", "Validation/küche/a b.png")
    path = tmp_path / "annotations.xml"
    text = document(box, "küche\\a b.png", more=' subset="Validation"')
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    found = cvat.read(path)
    assert [(photo.file, photo.details.split) for photo in found.photos] == [("Validation/küche/a b.png", "val")]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ('<polygon label="a" points="1,1;2,2"/>', "a.png: polygon 1: it has 2 points; expected 3 or more"),
        ('<polygon label="a" points="1,1;2,2;3"/>', "its points are [['1', '1'], ['2', '2'], ['3']]; expected pairs"),
        ('<polygon label="a"/>', "it has no points; expected 3 or more"),
        ('<box label="a" xtl="x" ytl="0" xbr="2" ybr="2"/>', "xtl is 'x'; expected a number"),
        ('<box label="a" xtl="nan" ytl="0" xbr="2" ybr="2"/>', "xtl is 'nan'; expected a number"),
        ('<ellipse label="a" cx="1" cy="1" rx="0" ry="1"/>', "its radii are 0 and 1; expected both above 0"),
        (
            '<mask label="a" rle="1, 2" left="0" top="0" width="2" height="2"/>',
            "its run lengths are of 3 pixels; expected 4",
        ),
        ('<mask label="a" rle="5, -1" left="0" top="0" width="2" height="2"/>', "its run lengths are of 4 pixels"),
        (
            f'<mask label="a" rle="{", ".join([str(2**62)] * 4 + ["4"])}" left="0" top="0" width="2" height="2"/>',
            "its run lengths are of 18446744073709551620 pixels; expected 4",  # 4 if it overflows
        ),
        (
            '<mask label="a" rle="1; 2" left="0" top="0" width="2" height="2"/>',
            "its rle is '1; 2'; expected the",
        ),
        (
            '<mask label="a" rle="4" left="0" top="0" width="0" height="2"/>',
            "width is '0'; expected a whole number",
        ),
        ('<star label="a"/>', "we do not know the shape <star>; expected box, polygon, ellipse or mask"),
    ],
)
def test_broken_shapes_are_problems_that_say_where(tmp_path: Path, shape: str, expected: str) -> None:
    good = '<box label="a" xtl="0" ytl="0" xbr="2" ybr="2"/>'
    found = cvat.read(save(tmp_path, document(shape + good)))
    assert reasons(found)[0].startswith("annotations.xml: a.png: ")
    assert expected in reasons(found)[0]
    assert regions_of(found) == {"a.png": [("a", 4)]}


def test_a_missing_photo_and_one_without_a_name(tmp_path: Path) -> None:
    box = '<box label="a" xtl="0" ytl="0" xbr="2" ybr="2"/>'
    path = save(tmp_path, document(box, "nowhere.png"))
    assert reasons(cvat.read(path))[0].startswith("annotations.xml: the photo 'nowhere.png' is not in ")
    path = save(tmp_path, document(box, ""))
    assert reasons(cvat.read(path)) == ["annotations.xml: image 1: it has no name; expected the path of the photo"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (document(EVERYTHING)[:700], r"annotations\.xml line 9 column \d+: not valid XML"),
        ("<annotation/>", r"annotations\.xml has the root <annotation>; expected <annotations>"),
        ("<annotations><track id='0'/></annotations>", r"annotations\.xml is of a video; expected photos"),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>',
            r"annotations\.xml: has a document type \(<!DOCTYPE>\), which we do not read",
        ),
        ("", r"annotations\.xml line 1 column 1: not valid XML: no element found"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(DatasetError, match=expected):
        cvat.read(save(tmp_path, text))


def test_a_mask_over_the_edge_or_too_large_for_memory(tmp_path: Path) -> None:
    for mask in (
        '<mask label="a" rle="0, 4" left="15" top="0" width="2" height="2"/>',
        '<mask label="a" rle="0, 1000000000000" left="0" top="0" width="1000000" height="1000000"/>',
    ):
        found = cvat.read(save(tmp_path, document(mask)))
        with pytest.raises(ValueError, match="hangs over the photo of 16 x 12"):
            found.photos[0].annotations[0].shape.cut(SIZE)


def test_what_is_no_cvat_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    assert not cvat.matches(tmp_path / "a.xml")
    assert not cvat.matches(tmp_path)
    assert not cvat.matches(tmp_path / "none.xml")


@settings(max_examples=25, deadline=None)
@given(answered())
def test_round_trip(photos: list[Answered]) -> None:
    round_trip(cvat, photos, "annotations.xml")


def test_what_is_written(tmp_path: Path) -> None:
    """CVAT's own reader takes these attributes."""
    region = AnsweredRegion("r", np.array([[True, False], [True, True]]), (3, 4), "Wood", 0.9)
    cvat.write([Answered("b/a.png", tmp_path, SIZE, (region,), "madeof 1")], tmp_path / "out.xml")
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    mask = root.find("image/mask")
    assert mask is not None
    assert mask.attrib == {
        **{"label": "Wood", "source": "auto", "occluded": "0", "rle": "0, 1, 1, 2"},
        **{"left": "3", "top": "4", "width": "2", "height": "2", "z_order": "0"},
    }
    assert root.findtext("meta/task/labels/label/name") == "Wood"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_broken_value_is_an_error_of_ours(data: st.DataObject) -> None:
    root = ElementTree.fromstring(document(EVERYTHING))
    nodes = [node for node in root.iter() if node.attrib]
    for _ in range(data.draw(st.integers(1, 3))):
        node = data.draw(st.sampled_from(nodes))
        name = data.draw(st.sampled_from(sorted(node.attrib)))
        node.set(
            name, data.draw(st.sampled_from(["", "x", "-1", "1e400", "1,2;3,4;5,6", "9" * 30, "0.5", "inf", "a.png"]))
        )
    with tempfile.TemporaryDirectory() as place:
        survives(cvat, save(Path(place), ElementTree.tostring(root, encoding="unicode")))
