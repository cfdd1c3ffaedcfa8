"""Pascal VOC's XML files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from format_cases import SIZE, mask_of, reasons, regions_of, save_photo, survives
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats import voc
from madeof.errors import DatasetError


def thing(box: str = "1 1 2 2", name: str = "Wood", more: str = "") -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box.split(), strict=True)
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in corners)
    return f"<object><name>{name}</name><difficult>1</difficult>{more}<bndbox>{sides}</bndbox></object>"


def document(things: str, photo: str = "a.png", size: tuple[object, object] = SIZE) -> str:
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    return f"<annotation>\n<folder>VOC2012</folder><filename>{photo}</filename>{sides}{things}</annotation>"


def save(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_corners_are_pixels_from_1_and_within_the_box(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    boxes = thing("1 1 1 1") + thing("3 2 5 4") + thing(f"1 1 {SIZE[1]} {SIZE[0]}") + thing("3.0 2.0 5.0 4.0", "Glas ü")
    path = save(tmp_path / "a.xml", document(boxes))
    assert voc.matches(path)
    found = voc.read(path)
    assert not found.problems
    assert found.photos[0].size == SIZE
    assert found.materials == ("Glas ü", "Wood")
    one, some, whole, same = (mask_of(annotation.shape) for annotation in found.photos[0].annotations)
    assert np.argwhere(one).tolist() == [[0, 0]]
    assert (np.argwhere(some).min(axis=0).tolist(), np.argwhere(some).max(axis=0).tolist()) == ([1, 2], [3, 4])
    assert whole.all()
    assert np.array_equal(some, same)
    assert [annotation.place for annotation in found.photos[0].annotations] == [f"object {n}" for n in (1, 2, 3, 4)]


def test_tools_that_count_from_0(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    found = voc.read(save(tmp_path / "a.xml", document(thing("0 0 2 2"))))
    assert regions_of(found) == {"a.png": [("Wood", 4)]}


def test_the_folders_of_the_challenge(tmp_path: Path) -> None:
    for number, file in enumerate(("2007_1.jpg", "küche/2 b.jpg", "3.jpeg")):
        save_photo(tmp_path / "JPEGImages", f"{Path(file).with_suffix('.png')}")
        name = Path(file).with_suffix(".png").name if number < 2 else "3"  # ImageNet's files leave the suffix out
        save(tmp_path / "Annotations" / Path(file).with_suffix(".xml"), document(thing(), name).replace("\n", "\r\n"))
    save(tmp_path / "ImageSets" / "Main" / "train.txt", "2007_1\r\n")
    save(tmp_path / "ImageSets" / "Main" / "val.txt", "küche/2 b\n3\n")
    for path in (tmp_path, tmp_path / "Annotations"):
        assert voc.matches(path)
        found = voc.read(path)
        assert not found.problems
        assert found.photos_folder == tmp_path / "JPEGImages"
        assert {photo.file: photo.details.split for photo in found.photos} == {
            **{"2007_1.png": "train", "küche/2 b.png": "val", "3.png": "val"}
        }


def test_parts_are_left_out_and_unknown_sizes_are_none(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    found = voc.read(save(tmp_path / "a.xml", document(thing(more=part), size=(0, 0))))
    assert not found.problems
    assert found.left_out == {"boxes of parts": 1}
    assert found.photos[0].size is None


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (thing("5 1 4 2"), "object 1: its box is 5, 1, 4, 2; expected xmin <= xmax and ymin <= ymax"),
        (thing("a 1 4 2"), "object 1: xmin is 'a'; expected a number"),
        ("<object><name>Wood</name></object>", "object 1: it has no bndbox; expected the corners of its box"),
        ("<object><name>a</name><bndbox><xmin>1</xmin></bndbox></object>", "object 1: ymin is ''; expected a number"),
    ],
)
def test_broken_boxes_are_problems_that_say_where(tmp_path: Path, one: str, expected: str) -> None:
    save_photo(tmp_path, "a.png")
    found = voc.read(save(tmp_path / "a.xml", document(one + thing())))
    assert reasons(found) == [f"a.xml: {expected}"]
    assert regions_of(found) == {"a.png": [("Wood", 4)]}


def test_broken_files(tmp_path: Path) -> None:
    save_photo(tmp_path, "b.png")
    save(tmp_path / "a.xml", document(thing())[:120])
    save(tmp_path / "b.xml", document(thing(), "b.png"))
    save(tmp_path / "c.xml", "<annotations/>")
    save(tmp_path / "d.xml", document(thing(), "d.png"))
    with pytest.raises(DatasetError, match=r"a\.xml line 2 column \d+: not valid XML"):
        voc.read(tmp_path / "a.xml")
    with pytest.raises(DatasetError, match=r"c\.xml: it has the root <annotations>; expected <annotation>"):
        voc.read(tmp_path / "c.xml")
    found = voc.read(tmp_path)
    assert regions_of(found) == {"b.png": [("Wood", 4)]}
    assert [problem.file for problem in found.problems] == ["a.xml", "c.xml", "d.png"]
    assert reasons(found)[2].startswith("d.xml: ")
    assert "the photo 'd.png' is not in" in reasons(found)[2]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty: no \.xml file in this folder"):
        voc.read(tmp_path / "empty")


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>' + document(thing())
    with pytest.raises(DatasetError, match="has a document type"):
        voc.read(save(tmp_path / "a.xml", bomb))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_broken_value_is_an_error_of_ours(data: st.DataObject) -> None:
    root = ElementTree.fromstring(document(thing() + thing("2 2 9 9")))
    for _ in range(data.draw(st.integers(1, 3))):
        node = data.draw(st.sampled_from(list(root.iter())))
        if data.draw(st.booleans()):
            node.text = data.draw(st.sampled_from(["", "x", "-1", "1e400", "9" * 400, "0.5", "inf", "../a.png", "nan"]))
        elif len(node):
            node.remove(node[data.draw(st.integers(0, len(node) - 1))])
    with tempfile.TemporaryDirectory() as place:
        save_photo(Path(place), "a.png")
        survives(voc, save(Path(place) / "a.xml", ElementTree.tostring(root, encoding="unicode")))
