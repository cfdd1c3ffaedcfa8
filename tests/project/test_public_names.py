"""What `import madeof` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest
from project_public_names import NAMES

import madeof


def test_all() -> None:
    assert madeof.__all__ == NAMES
    assert dir(madeof) == sorted([*NAMES, "__version__"])


@pytest.mark.parametrize("name", NAMES)
def test_name(name: str) -> None:
    value = getattr(madeof, name)
    assert value.__name__ == name
    assert value.__doc__


def test_star() -> None:
    names: dict[str, object] = {}
    exec("from madeof import *", names)
    assert set(NAMES) <= set(names)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'madeof' has no attribute 'clasify'"):
        madeof.clasify  # noqa: B018
    assert not hasattr(madeof, "__path_to_nowhere__")


def test_import_is_light() -> None:
    code = "import sys, madeof; print(sorted({m.partition('.')[0] for m in sys.modules} & {'numpy', 'torch', 'PIL'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_predicting_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import madeof; madeof.load; "
    code += "import madeof.inference.photo_result, madeof.viz.overlay"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
