"""Old import paths work, and say so."""

from __future__ import annotations

import importlib
import sys

import pytest

from madeof._util.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_gives_the_names_of_the_new_one_and_warns(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        module = importlib.import_module(old)
    real = importlib.import_module(MOVED[old])
    public = [name for name in vars(real) if not name.startswith("_")]
    assert public
    assert all(getattr(module, name) is getattr(real, name) for name in public)


def test_the_warning_names_the_line_that_imports(recwarn: pytest.WarningsRecorder) -> None:
    sys.modules.pop("madeof.overlay", None)
    import madeof.overlay  # noqa: F401

    assert recwarn.pop(DeprecationWarning).filename == __file__


def test_a_path_that_never_was_is_no_module() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("madeof.never_was")
