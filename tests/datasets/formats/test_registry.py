"""The registry of formats, and what all of them use: photos are found, files are parsed with errors that say where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.cli import arguments
from madeof.datasets.formats import FORMATS, format_named, recognise, streaming
from madeof.datasets.formats.finding import MissingPhoto, find_photos, relative_path
from madeof.datasets.formats.parsing import head, read_json, read_text, read_xml, top_keys
from madeof.datasets.formats.streaming import stream
from madeof.errors import DatasetError


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read a few characters at a time."""
    monkeypatch.setattr(streaming, "_BLOCK", 3)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def error(call: Any, *args: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_format_is_a_module_that_does_what_the_registry_says() -> None:
    assert tuple(FORMATS) == arguments.FORMATS  # --help knows them without loading them
    for one in FORMATS.values():
        assert callable(one.reader.is_it)
        assert callable(one.reader.read)
        assert one.writes == hasattr(one.reader, "write")
        if one.writes:
            assert one.writer is one.reader
        else:
            refusal = f"{one.title} is a format that we read and do not write; we write coco, "
            assert refusal in error(getattr, one, "writer")
    assert format_named(" Label-Studio ").name == "label_studio"
    assert error(format_named, "coconut").startswith(
        "there is no format 'coconut'; the formats are coco, label_studio, "
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe\x00", b"<a/>", b"a,b\n1,2\n", b"1 2 3\n"])
@pytest.mark.parametrize("name", ["a.json", "a.xml", "a.txt", "a.csv", "a"])
def test_what_is_none_of_them_is_not_recognised(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert recognise(tmp_path / name) is None


def test_folders_and_nothing_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nothing", tmp_path / "a\0b"):
        assert recognise(path) is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("living\\room 1.jpg", "living/room 1.jpg"),
        ("./küche//b.jpg", "küche/b.jpg"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("C:a.jpg", "a.jpg"),
        ("/data/a.jpg", "a.jpg"),
        ("\\\\server\\share\\a.jpg", "a.jpg"),
        ("https://example.org/x/a.jpg", "a.jpg"),
        ("../../etc/a.jpg", "a.jpg"),
        ("x/../a.jpg", "a.jpg"),
        ("..", ""),
        ("x/..", ""),
        ("C:..", ""),
        ("/C:.", ""),
        ("/", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_a_path_stays_in_its_folder(name: str, path: str) -> None:
    assert relative_path(name) == path


@settings(deadline=None)
@given(st.text(st.sampled_from("ab/\\.: "), max_size=12))
def test_no_path_leads_out(name: str) -> None:
    path = relative_path(name)
    assert not path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))


def test_photos_are_found(tmp_path: Path) -> None:
    where = touch(tmp_path / "set" / "file.json")
    for photo in ("set/images/a.jpg", "set/images/x/b.jpg", "set/images/y/c.JPG", "photos/a.jpg"):
        touch(tmp_path / photo)
    folder, files = find_photos(["a.jpg", "x\\b.jpg", "c.jpg"], where)
    assert folder == tmp_path / "set" / "images"
    assert files == ["a.jpg", "x/b.jpg", "y/c.JPG"]  # the last by its base name
    # Where the folders are as the file says, another folder is another photo's.
    assert str(find_photos(["x/b.jpg", "z/c.jpg"], where)[1][1]).count("'y/c.JPG' there is in another folder") == 1
    assert find_photos(["z/c.jpg"], where)[1] == ["y/c.JPG"]
    assert isinstance(find_photos(["z/c.jpg"], where, strict=True)[1][0], MissingPhoto)
    # The folder that is given is the one that is looked in.
    folder, files = find_photos(["a.jpg", "x/b.jpg"], where, tmp_path / "photos")
    assert folder == tmp_path / "photos"
    assert files[0] == "a.jpg"
    assert files[1] == MissingPhoto(
        "x/b.jpg",
        f"file.json: the photo 'x/b.jpg' is not in {tmp_path / 'photos'}; give its folder (images=, --images)",
    )
    # Of a folder of files it is the folder itself, and beside it.
    assert find_photos(["a.jpg"], tmp_path / "set") == (tmp_path / "set" / "images", ["a.jpg"])
    other = touch(tmp_path / "annotations" / "other.json")
    assert find_photos(["a.jpg"], other) == (tmp_path / "photos", ["a.jpg"])
    assert find_photos([], where) == (tmp_path / "set", [])
    assert error(find_photos, [], where, tmp_path / "nothing").startswith(f"{tmp_path / 'nothing'} is not a folder; ")


@pytest.mark.parametrize(
    ("names", "there", "found"),
    [
        # The longest common ending tells photos of one name apart, also by the name of the folder that is given.
        (["/d/kitchen/a.jpg", "/d/bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"]),
        (["C:\\d\\kitchen\\a.jpg", "D:/bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"]),
        (["/d/photos/a.jpg", "/d/bath/a.jpg"], ["a.jpg"], ["a.jpg", ": 'a.jpg' there fits '/d/photos/a.jpg' better"]),
        (["../x/a.jpg", "../y/a.jpg"], ["y/a.jpg"], [": 'y/a.jpg' there fits '../y/a.jpg' better", "y/a.jpg"]),
        # What cannot be told apart is refused, each with the other's name.
        (["/d/x/a.jpg", "/d/y/a.jpg"], ["a.jpg"], ["'a.jpg' there fits '/d/y/a.jpg' as", "'a.jpg' there fits '/d/x/a"]),
        (["/d/a.jpg"], ["x/a.jpg", "y/a.jpg"], [": it may be any of x/a.jpg, y/a.jpg there"]),
        # An exact path is better than an ending.
        (["a.jpg", "/d/x/a.jpg"], ["a.jpg"], ["a.jpg", ": 'a.jpg' there fits 'a.jpg' better"]),
        # One photo that is named twice is one photo.
        (["/d/x/a.jpg", "/d/x/a.jpg"], ["a.jpg"], ["a.jpg", "a.jpg"]),
        # Another split is never taken.
        (["/d/val/1.jpg", "val2017/2.jpg"], ["train/1.jpg", "train2017/2.jpg"], ["another folder", "another folder"]),
        # Links: without query, fragment and escapes, or with the photo in the query.
        (["https://h.example/x/a%20b.jpg?alt=media&t=1#x"], ["a b.jpg"], ["a b.jpg"]),
        (["https://h.example/get?id=3&file=kitchen/a.jpg"], ["x/a.jpg", "kitchen/a.jpg"], ["kitchen/a.jpg"]),
        (["gs://s/kitchen/a.jpg", "gs://s/bath/a.jpg"], ["bath/a.jpg"], ["fits 'gs://s/bath/a.jpg'", "bath/a.jpg"]),
    ],
)  # fmt: skip
def test_no_photo_is_taken_for_another(names: list[str], there: list[str], found: list[str], tmp_path: Path) -> None:
    for photo in there:
        touch(tmp_path / "photos" / photo)
    for where, images in ((tmp_path / "f.json", None), (tmp_path / "x" / "f.json", tmp_path / "photos")):
        for one, expected in zip(find_photos(names, where, images)[1], found, strict=True):
            assert one.reason.count(expected) if isinstance(one, MissingPhoto) else f"/{one}".endswith(f"/{expected}")


def test_a_base_name_has_to_be_the_only_one(tmp_path: Path) -> None:
    where = touch(tmp_path / "file.json")
    touch(tmp_path / "images" / "x" / "a.jpg")
    assert find_photos(["old/a.jpg"], where) == (tmp_path / "images", ["x/a.jpg"])
    assert all(isinstance(one, MissingPhoto) for one in find_photos(["old/a.jpg", "older/a.jpg"], where)[1])
    touch(tmp_path / "other" / "b.jpg")  # in another folder beside the file, which nobody named
    touch(tmp_path / "c.jpg")
    assert isinstance(find_photos(["old/b.jpg"], where)[1][0], MissingPhoto)
    assert find_photos(["old/b.jpg", "old/c.jpg"], tmp_path) == (tmp_path, ["other/b.jpg", "c.jpg"])
    assert find_photos(["old/c.jpg"], where) == (tmp_path, ["c.jpg"])
    touch(tmp_path / "images" / "y" / "a.jpg")
    assert isinstance(find_photos(["old/a.jpg"], where)[1][0], MissingPhoto)
    for name in ("", "a\0b.jpg", "..", "x" * 5000):
        assert isinstance(find_photos([name], where)[1][0], MissingPhoto)


def test_top_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, keys in (
        (
            '\ufeff {"a": [1, {"b": 2}], "c": "x:y", "d" : {"e": 1}, "f": -1, "g":',
            {"a": "[", "c": '"', "d": "{", "f": "-"},
        ),
        ('[{"id": 1, "data": {"x": 2}}, {"z": 1}]', {"[]id": "1", "[]data": "{"}),
        ('{"a\\"b": 1}', {'a\\"b': "1"}),
        ('{"a": "', {}),
        ("[1, 2]", {}),
        ("", {}),
        ("nothing", {}),
    ):
        path.write_text(text, encoding="utf-8")
        assert top_keys(path) == keys
    assert head(tmp_path) == ""
    assert head(tmp_path / "nothing") == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\r\n "b": }', r"a line 2 column 7: not valid JSON: Expecting value"),
        (b'{"a": [1, 2', "a line 1 column 12: not valid JSON: Expecting ',' delimiter; the file seems to be cut off"),
        (b'{"a": "x', "; the file seems to be cut off"),
        (b"", "a line 1 column 1: not valid JSON: Expecting value; the file seems to be cut off"),
        (b"[" * 100_000, "a: not usable JSON: "),
        (b"1" * 5000, "a: not usable JSON: "),
        (b'{"a": "\xff"}', "a: not UTF-8 at byte 7; save it as UTF-8"),
    ],
)
def test_broken_json(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert message in error(read_json, tmp_path / "a")


def test_broken_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    laughs = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for content, message in (
        (b"<a><b></a>", "line 1 column 9: not valid XML: mismatched tag"),
        (b"<a>\n<b", "line 2 column 1: not valid XML: unclosed token"),
        (b"", "line 1 column 1: not valid XML: no element found"),
        (b"<a>&b;</a>", "not valid XML: undefined entity"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', ": not usable XML: unknown encoding: klingon"),
        (laughs.encode(), "has a document type (<!DOCTYPE>), which we do not read"),
        (f'<?xml version="1.0" encoding="UTF-16"?>{laughs}'.encode("utf-16"), "has a document type (<!DOCTYPE>)"),
    ):
        path.write_bytes(content)
        assert message in error(read_xml, path)
    path.write_bytes('\ufeff<?xml version="1.0"?>\r\n<a b="ü"/>\r\n'.encode())
    assert read_xml(path).get("b") == "ü"
    for read in (read_xml, read_json, read_text):
        assert error(read, tmp_path / "nothing").endswith("nothing cannot be read: No such file or directory")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(
    value=st.dictionaries(st.text(max_size=3), values, max_size=4),
    indent=st.sampled_from([None, 1, "\t"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    ascii=st.booleans(),
    block=st.sampled_from([1, 2, 7, 100_000]),
)
def test_a_stream_is_what_json_reads(
    value: dict[str, Any], indent: Any, ends: str, encoding: str, ascii: bool, block: int, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream.json"
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    path.write_bytes(text.replace("\n", ends).encode(encoding, "surrogatepass"))
    found: dict[str, Any] = {key: [] for key, one in value.items() if isinstance(one, list)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "_BLOCK", block)
        for key, number, one in stream(path):
            if number < 0:
                found[key] = one
            else:
                assert number == len(found[key])
                found[key].append(one)
    assert found == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": [1, 2', "line 1 column 12: not valid JSON: the file ends too soon, as if it was cut off"),
        (
            '{"a": [\r\n{"b": 1},\r\n{"b": ',
            "line 3 column 7: not valid JSON: the file ends too soon, as if it was cut off",
        ),
        ('{"a": [{"b": "x', "not valid JSON: "),
        ('{"a": 1}\n\n x', "line 3 column 2: not valid JSON: expected the end of the file"),
        ('{"a": [\n1\n2]}', 'line 3 column 1: not valid JSON: expected ","'),
        ('{"a" 1}', 'line 1 column 6: not valid JSON: expected ":"'),
        ('{"a": 1 "b": 2}', 'line 1 column 9: not valid JSON: expected ","'),
        ("{1: 2}", "not valid JSON: expected a key in double quotes"),
        ('{"a": [\n{"b": }]}', "line 2 column 7: not valid JSON: Expecting value"),
        ("[1, 2]", "line 1 column 1: not valid JSON: expected a JSON object, which begins with {"),
        ("", "line 1 column 1: not valid JSON: the file ends too soon"),
        ('{"a": [' + "[" * 100_000, "not valid JSON: "),
        ('{"a": ' + "1" * 5000 + "}", "not valid JSON: Exceeds the limit"),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_broken_stream(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content.encode())
    assert message in error(lambda: list(stream(tmp_path / "a.json")))


def test_a_stream_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    assert "a.json: not UTF-8 (invalid start byte); save it as UTF-8" in error(
        lambda: list(stream(tmp_path / "a.json"))
    )
    assert "cannot be read: No such file" in error(lambda: list(stream(tmp_path / "b.json")))
