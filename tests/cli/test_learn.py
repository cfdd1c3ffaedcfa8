"""`madeof learn`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from few_shot_learning import EXAMPLES
from PIL import Image

import madeof
from madeof.cli.main import main


def test_on_the_command_line(learning_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["image", "mask", "material"]]
    for i, (photo, mask) in enumerate(EXAMPLES):
        Image.fromarray(photo).save(tmp_path / f"p{i}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"m{i}.png")
        rows.append([f"p{i}.png", f"m{i}.png", "Terrazzo" if i < 3 else "floor"])
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    table, common = str(tmp_path / "table.csv"), ["--model", str(learning_model), "--threads", "1"]

    def run(out: str, *arguments: str) -> int:
        return main(["learn", *arguments, "--out", str(tmp_path / out), *common])

    assert run("a", table, "--add", "Terrazzo", "--cost", "1") == 0
    told = capsys.readouterr()
    assert "Terrazzo: learned from 3 regions of 3 photos" in told.err
    assert told.out == ""
    assert run("b", table, "--add", "Terrazzo", "--label", "floor") == 0
    assert "learned from 2 regions" in capsys.readouterr().err
    assert (
        run("c", table, "--add", "Tiles", "--any-label", "--merge", "Sky,Wood=Above or below", "--rename", "Brick=Red")
        == 0
    )
    assert "learned from 5 regions" in capsys.readouterr().err
    assert madeof.load(tmp_path / "c").materials == ("Red", "Foliage", "Above or below", "Tiles")
    photo, mask = str(tmp_path / "p0.png"), str(tmp_path / "m0.png")
    pair = ["--example", photo, mask, "--example", photo, "10,10,60,50", "--example", photo, "9,9 60,9 60,50"]
    assert run("d", "--add", "Terrazzo", *pair) == 0
    assert "3 regions of 1 photo; it takes" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "p4.png"), "--mask", str(tmp_path / "m4.png"), "--json",
                 "--model", str(tmp_path / "a")]) == 0  # fmt: skip
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == "tiny 3+1"
    assert answer["regions"][0]["material"] == "Terrazzo"

    assert run("e", "--add", "Terrazzo", "--example", photo, "nothing.png") == 1
    assert "there is no mask nothing.png; expected a file, a box" in capsys.readouterr().err
    assert run("e", table, "--add", "Gold") == 1
    assert "no region of 'Gold'; it has floor, Terrazzo" in capsys.readouterr().err
    for wrong, message in [
        ([], "nothing to do"), (["--add", "Terrazzo"], "--add needs examples"),
        (["--remove", "Sky", *pair], "no material to learn from them"), (["--rename", "Sky"], "expected OLD=NEW"),
        (["--merge", "Sky=Up"], "expected A,B=NAME"), (["--cost", "x", "--remove", "Sky"], "a percentage"),
        (["--add", "A", "--add", "B", *pair], "with several --add"),
    ]:  # fmt: skip
        with pytest.raises(SystemExit):
            run("e", *wrong)
        assert message in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_names_with_commas() -> None:
    from madeof.cli.learn import _names

    known = ("Plastic, clear", "Plastic, non-clear", "Glass")
    assert _names("Plastic, clear,Glass,Plastic, non-clear", known) == ["Plastic, clear", "Glass", "Plastic, non-clear"]
    assert _names("Gold,Glass", known) == ["Gold", "Glass"]
