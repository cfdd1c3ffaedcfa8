"""The tests mirror the source: a stranger finds the tests of src/madeof/ROOM/FILE.py in tests/ROOM/test_FILE.py."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "src" / "madeof"
LEAST = 0.8  # of the modules


def test_most_modules_have_a_file_of_tests() -> None:
    modules = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.name.startswith("__")]
    without = sorted(str(path) for path in modules if not (TESTS / path.parent / f"test_{path.name}").exists())
    assert len(modules) > 100
    assert 1 - len(without) / len(modules) >= LEAST, f"without tests of their name: {', '.join(without)}"


def test_every_file_of_tests_has_tests() -> None:
    """So that an empty one does not count above."""
    files = [path for path in TESTS.rglob("test_*.py") if path.parent.name != "support"]
    assert [path.name for path in files if "\ndef test_" not in path.read_text(encoding="utf-8")] == []
