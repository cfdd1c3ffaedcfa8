"""The tree of errors."""

from __future__ import annotations

from project_public_names import NAMES

import madeof


def test_errors_have_one_base() -> None:
    errors = [getattr(madeof, name) for name in NAMES if name.endswith("Error")]
    assert all(issubclass(error, madeof.MadeofError) for error in errors)
    assert issubclass(madeof.PhotoError, ValueError)
    assert issubclass(madeof.WriteError, OSError)
