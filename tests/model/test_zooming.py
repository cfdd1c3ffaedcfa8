"""The rule of zoom that a model's record may have."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import write_model

from madeof.errors import ModelError
from madeof.model.record import Record
from madeof.model.zooming import ZoomRule


def test_a_models_own_rule(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", zoom=ZoomRule(0, 100, 5.5))
    assert Record.read(folder).zoom == ZoomRule(0, 100, 5.5)
    path = folder / "model.json"
    for value, said in (
        ('{"nearer": 3}', "zoom: .*nearer"),
        ('{"enough": -1}', "zoom: enough is -1; expected an area in pixels, 0 or more"),
        ('{"enough": true}', "zoom: enough is True"),
        ("[1]", r"zoom is \[1\]; expected an object or null"),
    ):
        text = path.read_text()
        start, end = text.index('"zoom": {'), text.index("}", text.index('"zoom": {')) + 1
        broken = tmp_path / "broken"
        broken.mkdir(exist_ok=True)
        (broken / "model.json").write_text(text[:start] + f'"zoom": {value}' + text[end:])
        with pytest.raises(ModelError, match=said):
            Record.read(broken)
