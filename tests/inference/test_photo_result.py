"""What is said of a photo, in its three forms."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import Any

import numpy as np
import pytest

from madeof.images.photo import Photo
from madeof.inference.photo_result import CSV_COLUMNS, Answer, PhotoResult, csv_text, label
from madeof.inference.prediction import Prediction
from madeof.model.calibration import Calibration

EVIL = ("=cmd()|' /C calc'!A0", "<script>alert(1)</script>", "+1\n2", "Wood \x1b[31m")


def prediction(
    area: float = 12.0, materials: tuple[str, ...] = ("Wood", "Sky", "Brick"), uncertain_below: float | None = None
) -> Prediction:
    scores = np.array([0.7, 0.1, 0.2, 0.0][: len(materials)], np.float32)
    return Prediction(materials, scores, area, (1, 2, 5, 5), Calibration(1.0, uncertain_below))


def result(*answers: Answer, name: str = "a.jpg", **photo: Any) -> PhotoResult:
    return PhotoResult(Photo(np.zeros((48, 64, 3), np.uint8), name, (48, 64), **photo), "tiny 3", answers)


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_json() -> None:
    found = result(Answer("mask.png", prediction())).to_dict(top=2)
    assert found == {
        "image": "a.jpg",
        "model": "tiny 3",
        "width": 64,
        "height": 48,
        "regions": [
            {
                "region": "mask.png",
                "area": 12,
                "box": [1, 2, 5, 5],
                "material": "Wood",
                "score": 0.7,
                "top": [{"material": "Wood", "score": 0.7}, {"material": "Brick", "score": 0.2}],
            }
        ],
    }
    assert type(found["regions"][0]["area"]) is int
    json.dumps(found, allow_nan=False)


def test_json_says_more_only_where_there_is_more() -> None:
    found = result(
        Answer("m", prediction(12.345), ("small: 12.3 px",)),
        Answer("n", error="n is empty"),
        warnings=("animated: the first frame is used",),
        damaged=True,
    ).to_dict()
    assert found["warnings"] == ["animated: the first frame is used"]
    assert found["damaged"] is True
    assert found["regions"][0]["area"] == 12.35
    assert found["regions"][0]["notes"] == ["small: 12.3 px"]
    assert found["regions"][1] == {"region": "n", "error": "n is empty"}


def test_csv() -> None:
    text = csv_text([result(Answer("mask, 1.png", prediction()), Answer("n", error='n "is" empty'))])
    assert read_csv(text) == [
        list(CSV_COLUMNS),
        ["a.jpg", "mask, 1.png", "12", "1", "2", "5", "5", "Wood", "0.700000", *[""] * 5],
        ["a.jpg", "n", *[""] * 11, 'n "is" empty'],
    ]
    noted = result(Answer("m", prediction(), ("small: 12 px",)), warnings=("damaged data: x",), damaged=True)
    assert read_csv(csv_text([noted]))[1][12] == "damaged data: x; small: 12 px"
    assert csv_text([result(Answer("m", prediction()))], header=False).count("\n") == 1
    assert csv_text([]) == ",".join(CSV_COLUMNS) + "\n"


def test_csv_numbers_stay_numbers() -> None:
    (row,) = result(Answer("m", prediction(0.001))).rows()
    assert [float(value) for value in (*row[2:7], row[8])] == [0.0, 1, 2, 5, 5, pytest.approx(0.7)]


@pytest.mark.parametrize("evil", EVIL)
def test_no_formula_and_no_control_character(evil: str) -> None:
    answers = Answer(evil, prediction(materials=(evil, "Sky"))), Answer("x", error=evil)
    found = result(*answers, name=evil, warnings=(evil,))
    rows = read_csv(csv_text([found]))
    assert len(rows) == 3
    for value in (value for row in rows for value in row):
        assert not value.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert value.isprintable()
    lines = found.text().split("\n")
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    assert found.to_dict()["regions"][0]["material"] == evil  # JSON has escapes of its own


def test_stray_bytes() -> None:
    name = os.fsdecode(b"\xff.jpg")
    found = result(Answer(name, prediction()), Answer("x", error=name), name=name, warnings=(name,))
    for text in (json.dumps(found.to_dict(), ensure_ascii=False), csv_text([found]), found.text()):
        assert "udcff.jpg" in text.encode("utf-8").decode()


def test_text() -> None:
    found = result(
        Answer("mask.png", prediction(), ("small: 12 px",)), Answer("n", error="n is empty"), warnings=("w",)
    )
    assert found.text(top=2).split("\n") == [
        "a.jpg  (64 x 48)",
        "  ! w",
        "  mask.png  uncalibrated: Wood 0.70   (Brick 0.20)   [small: 12 px]",
        "  n         error: n is empty",
    ]
    assert result(Answer("m", prediction())).text(top=1) == "a.jpg  (64 x 48)\n  m  uncalibrated: Wood 0.70"


@pytest.mark.parametrize(
    ("threshold", "uncertain", "in_csv", "line"),
    [
        (None, None, "", "uncalibrated: Wood 0.70"),
        (0.5, False, "false", "Wood 0.70"),
        (0.7001, True, "true", "unsure: Wood 0.70"),
    ],
)
def test_an_uncertain_answer_says_so(threshold: float | None, uncertain: bool | None, in_csv: str, line: str) -> None:
    found = result(Answer("m", prediction(uncertain_below=threshold)))
    assert found.to_dict()["regions"][0].get("uncertain") is uncertain
    assert ("uncertain" in found.to_dict()["regions"][0]) is (threshold is not None)
    head, row = read_csv(csv_text([found]))
    assert row[head.index("uncertain")] == in_csv
    assert found.text(top=1) == f"a.jpg  (64 x 48)\n  m  {line}"
    assert label(prediction(uncertain_below=threshold)) == line.replace("0.70", "70%").removeprefix("uncalibrated: ")
