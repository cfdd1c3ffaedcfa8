"""Names in XML."""

from __future__ import annotations

from pathlib import Path

import pytest
from format_cases import SIZE

from madeof.datasets.formats import cvat
from madeof.datasets.writing import Answered
from madeof.errors import WriteError


def test_names_that_xml_cannot_hold(tmp_path: Path) -> None:
    photos = [Answered("a\x01.png", tmp_path, SIZE, ())]
    with pytest.raises(WriteError, match=r"^a\\x01\.png holds a character that XML cannot; rename it"):
        cvat.write(photos, tmp_path / "out.xml")
