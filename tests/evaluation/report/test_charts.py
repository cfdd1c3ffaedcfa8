"""Charts on the page."""

from __future__ import annotations

import base64
import dataclasses
import re
import xml.etree.ElementTree

import numpy as np
import pytest
from report_html import written
from small_evaluations import ODD, make, without_matplotlib

from madeof.evaluation.report.charts import charts


def test_charts_are_drawings_that_follow_the_pages_colours() -> None:
    evaluation = dataclasses.replace(make(ODD), uncertain_below=0.5, quality=np.linspace(0, 1, 60, dtype=np.float32))
    found = charts(evaluation)
    assert list(found) == ["reliability", "risk", "size", "quality"]
    assert charts(evaluation) == found
    other = charts(dataclasses.replace(make(ODD, seed=1), quality=evaluation.quality))
    for name, source in found.items():
        text = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r"#0102\w\w", text)
        assert other[name] != source
    words = " ".join(base64.b64decode(source.split(",")[1]).decode() for source in found.values())
    assert "the model's threshold" in words
    assert "90% and more (6)" in words


def test_without_matplotlib_the_numbers_take_the_charts_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not written(make()).of("details", open="")
    without_matplotlib(monkeypatch)
    found = written(make())
    assert not found.of("img")
    assert len(found.of("details", open="")) == len(found.of("details")) == 3
