"""Runs the Python blocks of README.md and docs/ (Sybil), in a folder with a photo and a mask to try them on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

DEMO = Path(__file__).parent / "src" / "madeof" / "demo"


def enter_folder(namespace: dict[str, Any]) -> None:
    """Go to a new folder that holds photo.jpg and mask.png."""
    namespace["_before"] = Path.cwd()
    namespace["_folder"] = tempfile.mkdtemp()
    shutil.copy(DEMO / "coffee.jpg", Path(namespace["_folder"]) / "photo.jpg")
    shutil.copy(DEMO / "spoon.png", Path(namespace["_folder"]) / "mask.png")
    os.chdir(namespace["_folder"])


def leave_folder(namespace: dict[str, Any]) -> None:
    """Go back and clean up."""
    os.chdir(namespace["_before"])
    shutil.rmtree(namespace["_folder"])


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"], setup=enter_folder, teardown=leave_folder
).pytest()
