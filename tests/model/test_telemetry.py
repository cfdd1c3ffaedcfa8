"""What runs the model tells nobody that it was used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import madeof
from madeof.model.onnx_engine import ENGINES
from madeof.model.telemetry import import_onnxruntime, import_openvino

USE = """
import os, sys
import madeof
predictor = madeof.load(sys.argv[1], threads=1, engine=sys.argv[2])
predictor.set_image(__import__("numpy").zeros((40, 60, 3), "uint8"))
assert "onnxruntime" in sys.modules
assert "ORT_DISABLE_TELEMETRY" not in os.environ
assert ("openvino" in sys.modules) == (sys.argv[2] != "onnxruntime")
if "openvino" in sys.modules:
    assert "openvino_telemetry" not in sys.modules
    import openvino.tools.ovc.telemetry_utils as utils
    assert utils.tm.__name__.endswith("telemetry_stub"), utils.tm
"""


def run(code: str, home: Path, *arguments: str, **variables: str) -> None:
    home.mkdir()
    # By variables like these a CI is told apart, where both keep silent of themselves.
    dropped = ("CI", "GITHUB", "TF_BUILD", "JENKINS", "ORT_", "XDG_", "TRAVIS", "BUILD", "TEAMCITY", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    package = str(Path(madeof.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**kept, "HOME": str(home), "PYTHONPATH": package, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine in ("onnxruntime", "openvino")])
def test_nothing_is_reported_or_kept(tiny_model: Path, tmp_path: Path, engine: str) -> None:
    """Imported plainly, each of them writes an identifier into the home folder, for its reports."""
    run(USE, tmp_path / "home", str(tiny_model), engine)
    assert list((tmp_path / "home").iterdir()) == []


def test_a_choice_of_the_users_own_is_left(tmp_path: Path) -> None:
    code = (
        "import os\nfrom madeof.model.telemetry import import_onnxruntime\nimport_onnxruntime()\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    run(code, tmp_path / "home", ORT_DISABLE_TELEMETRY="1")


def test_imported_twice_is_the_same() -> None:
    assert import_onnxruntime() is import_onnxruntime() is sys.modules["onnxruntime"]
    assert import_openvino() is import_openvino() is sys.modules["openvino"]
