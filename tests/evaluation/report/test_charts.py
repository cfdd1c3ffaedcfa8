"""Charts on the page."""

from __future__ import annotations

import base64
import dataclasses
import re
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_html import written
from report_markdown import PICTURES
from small_evaluations import ODD, make, without_matplotlib

from madeof.evaluation.report import write_report
from madeof.evaluation.report.charts import charts
from madeof.evaluation.run import Evaluation
from madeof.model.calibration import Calibration


def test_charts_are_drawings_that_follow_the_pages_colours() -> None:
    evaluation = dataclasses.replace(
        make(ODD), calibration=Calibration(1.0, 0.5), quality=np.linspace(0, 1, 60, dtype=np.float32)
    )
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


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert len(picture.convert("L").getcolors(256) or []) > 10, f"{path.name} is blank"
        return picture.size


@pytest.mark.parametrize(
    "evaluation",
    [
        make(("Only",), 1, photos=1),
        make(("Brick", "Glass"), 3, photos=1, unknown=("Sand",)),
        make(tuple(f"Material {i}" for i in range(70)), 700, unknown=tuple(f"Unknown {i}" for i in range(20))),
    ],
    ids=["one", "few", "many"],
)
def test_pictures_are_drawn_whatever_there_is(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(evaluation, tmp_path)
    sizes = {name: size_of(tmp_path / name) for name in PICTURES}
    assert max(max(size) for size in sizes.values()) < 2600
    assert min(min(size) for size in sizes.values()) > 300


def test_all_regions_unnameable_are_drawn_too(tmp_path: Path) -> None:
    evaluation = make(("Brick",), 4)
    everything = Evaluation(**{**vars(evaluation), "truth": ("Sand",) * 4})
    assert len(write_report(everything, tmp_path)) == 8
    assert size_of(tmp_path / "confusion.png")


def test_pictures_show_the_data(tmp_path: Path) -> None:
    write_report(make(seed=0), tmp_path / "a")
    write_report(make(seed=0), tmp_path / "again")
    write_report(make(seed=1), tmp_path / "b")
    for name in PICTURES:
        one, again, other = ((tmp_path / folder / name).read_bytes() for folder in ("a", "again", "b"))
        assert one == again
        assert one != other


def test_drawing_leaves_the_callers_matplotlib_alone() -> None:
    code = (
        "import sys, numpy as np, tempfile\n"
        "import madeof.evaluation.report as report\n"
        "from madeof.evaluation import Evaluation\n"
        "assert not [name for name in sys.modules if name.startswith('matplotlib')]\n"
        "one = np.array([0, 0])\n"
        "e = Evaluation('m 1', ('a', 'b'), '', ('p',), one, one, one + 5, np.zeros((2, 4), int), ('a', 'b'),\n"
        "               np.array([[0.6, 0.4], [0.7, 0.3]]))\n"
        "import matplotlib\n"
        "before = matplotlib.rcParams.copy()\n"
        "assert len(report.write_report(e, tempfile.mkdtemp())) == 8\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "settings = [name for name in before if name != 'backend']  # chosen when it is asked for\n"
        "assert not [name for name in settings if matplotlib.rcParams[name] != before[name]]\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
