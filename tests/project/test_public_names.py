"""What `import madeof` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
import typing
from pathlib import Path

import pytest
from project_public_names import ALIASES, NAMES

import madeof


def test_all() -> None:
    assert madeof.__all__ == NAMES
    rooms = {path.parent.name for path in Path(madeof.__file__).parent.glob("*/__init__.py")}
    public = {room for room in rooms if not room.startswith("_")} - {"cli"}
    assert set(dir(madeof)) == {*NAMES, *public, "errors", "train", "__version__"}


@pytest.mark.parametrize("name", ["batch", "datasets", "errors", "evaluation", "inference", "regions", "training"])
def test_rooms_are_imported_on_first_use(name: str) -> None:
    code = f"import sys, madeof; assert 'madeof.{name}' not in sys.modules; print(madeof.{name}.__name__)"
    if name == "errors":
        code = "import madeof; print(madeof.errors.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"madeof.{name}\n"


def test_train_is_a_name_but_not_of_all_of_them() -> None:
    """`from madeof import *` must not need PyTorch."""
    assert madeof.train.__module__ == "madeof.training.run"
    assert "train" not in madeof.__all__


@pytest.mark.parametrize("name", ALIASES)
def test_aliases_are_types(name: str) -> None:
    assert Path in typing.get_args(getattr(madeof, name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALIASES])
def test_name(name: str) -> None:
    value = getattr(madeof, name)
    assert value.__name__ == name
    assert value.__doc__


def test_errors_have_one_base() -> None:
    errors = [getattr(madeof, name) for name in NAMES if name.endswith("Error")]
    assert all(issubclass(error, madeof.MadeofError) for error in errors)
    assert issubclass(madeof.PhotoError, ValueError)
    assert issubclass(madeof.WriteError, OSError)


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


def test_a_lesson_is_a_learning_result() -> None:
    with pytest.warns(DeprecationWarning, match=r"madeof.Lesson is now madeof.LearningResult"):
        assert madeof.Lesson is madeof.LearningResult  # type: ignore[attr-defined]
