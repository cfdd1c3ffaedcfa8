"""Answers read back, and one value of each property of each."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from madeof.errors import InputError
from madeof.properties.export.values import digits, identifiers, read_answers, values_of


def line(image: str, *regions: tuple[str, dict[str, float]]) -> str:
    found = [{"region": name, "top": [{"material": m, "score": s} for m, s in top.items()]} for name, top in regions]
    return json.dumps({"image": image, "regions": found}) + "\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "answers.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_answers(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("a.jpg", ("box 0", {"Wood": 0.9, "Metal": 0.05}), ("box 0", {"Metal": 1.0}))
        + "\n"
        + json.dumps({"image": "b.jpg", "error": "cannot be read"})
        + "\n"
        + json.dumps({"image": "c.jpg", "regions": [{"region": "m.png", "error": "empty"}]})
        + "\n",
    )
    found = read_answers(path)
    assert found.names == ("a.jpg/box 0", "a.jpg/box 0 (2)")
    assert found.materials == ("Wood", "Metal")
    assert found.scores.tolist() == [[0.9, 0.05], [0.0, 1.0]]
    assert found.skipped == 2


def test_the_median_is_a_material_s_own(tmp_path: Path) -> None:
    path = written(tmp_path, line("a.jpg", ("0", {"Wood": 0.98, "Metal": 0.02}), ("1", {"Wood": 0.8, "Sky": 0.2})))
    values = values_of(read_answers(path), ["thermal_conductivity", "recycling"])
    assert set(values.numbers) == {("thermal_conductivity", "")}
    wood, refused = values.number("thermal_conductivity")
    assert 0.09 < wood < 0.18  # the expected value is 4 W/m/K: between no wood and no metal
    assert math.isnan(refused)
    assert values.materials == ("Wood", "Wood")
    assert values.missing() == ["1 region of 2 without thermal_conductivity, or a part of it"]


def test_surrogates_of_stray_bytes(tmp_path: Path) -> None:
    path = written(
        tmp_path, '{"image": "a\\udcff.jpg", "regions": [{"region": "0", "top": [{"material": "Wood", "score": 1}]}]}'
    )
    assert read_answers(path).names == ("a\\udcff.jpg/0",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no region with an answer; expected at least one"),
        ("not json\n", "line 1: it is no answer; expected the JSON lines of madeof predict --json"),
        ("[]\n", "line 1: it is no answer"),
        ('{"image": "a"}\n', "line 1: it is no answer"),
        ('{"image": "a", "regions": [{"region": "0"}]}\n', "line 1: it is no answer"),
        ('{"image": "a", "regions": [{"region": "0", "top": [{"material": "Wood", "score": 2}]}]}', "line 1: it is no"),
        (
            '{"image": "a", "regions": [{"region": "0", "top": [{"material": 3, "score": 1}]}]}',
            "material 3; expected a name",
        ),
        ('{"image": "a", "regions": [{"region": "0", "top": [{"material": "Wood", "score": NaN}]}]}', "line 1"),
    ],
)
def test_bad_answers(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_answers(written(tmp_path, text))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read .*none.jsonl: No such file"):
        read_answers(tmp_path / "none.jsonl")


def test_digits() -> None:
    assert [digits(each) for each in (0.0, 527.5, 1 / 3, 1e7, 0.0000123)] == [
        "0",
        "527.5",
        "0.33333",
        "10000000",
        "1.23e-05",
    ]
    with pytest.raises(AssertionError):
        digits(math.nan)


def test_identifiers() -> None:
    found = identifiers(["a b", "a-b", "1", "é", "", "a_b_1"])
    assert found == ["a_b", "a_b_1", "m_1", "m", "m_4", "a_b_1_5"]
    assert len(set(found)) == 6
