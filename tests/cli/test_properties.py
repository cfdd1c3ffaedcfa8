"""`--properties` of predict and map, and `madeof export-properties`: what they print, and what bad input gets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made import photo_and_label_map
from PIL import Image

from madeof.cli.main import main
from madeof.inference.predictor import Predictor, load

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def predictor(tiny_model: Path) -> Predictor:
    return load(tiny_model, threads=1)


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run in a folder with two photos, a label map and areas; the model is loaded once."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a", "b")):
        photo, labels = photo_and_label_map(number)
        Image.fromarray(photo).save(f"{name}.png")
        Image.fromarray(np.where(labels > 0, 1 + (np.arange(80) >= 40), 0).astype(np.uint8)).save(f"map-{name}.png")
    Path("own.csv").write_text(
        "material,property,low,high,unit,place\nSky,density,1.2,1.3,kg/m3,bulk\nFoliage,density,300,400,kg/m3,bulk\n"
    )
    bands = "".join(
        f"{material},absorption,{low},{low + 0.1:.2f},1,wall,{band} Hz\n"
        for band in (125, 250, 500, 1000, 2000, 4000, 8000)
        for material, low in (("Sky", 0.9), ("Foliage", 0.3))
    )
    Path("absorption.csv").write_text("material,property,low,high,unit,place,condition\n" + bands)
    Path("areas.csv").write_text("region,area_m2\nlabel 1,20\nlabel 2,30\n")
    monkeypatch.setattr("madeof.inference.predictor.load", lambda *args, **more: predictor)

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(str(end.code))
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_json_with_own_values(run: Run) -> None:
    status, out, err = run(
        "predict", "a.png", "--properties", "density,recycling", "--property-table", "own.csv", "--json"
    )
    assert (status, err) == (0, "")
    (region,) = json.loads(out)["regions"]
    density = region["properties"]["density"]
    assert set(density) == {"unit", "coverage", "value", "median", "low", "high", "without"}
    assert density["low"] <= density["median"] <= density["high"]
    assert density["without"] == pytest.approx(0, abs=1e-6)
    assert set(region["properties"]) == {"density", "recycling"}
    assert "properties" not in json.loads(run("predict", "a.png", "--json")[1])["regions"][0]


def test_text_and_csv(run: Run) -> None:
    more = ("--properties", "density,combustible", "--property-table", "own.csv", "--property-coverage", "0.5")
    _, out, _ = run("predict", "a.png", *more)
    assert [line.split(":")[0].strip() for line in out.splitlines()[2:]] == ["density", "combustible"]
    _, out, _ = run("predict", "a.png", "none.png", "--csv", *more)
    good, bad = csv.DictReader(io.StringIO(out))
    assert float(good["density_low"]) <= float(good["density_high"])
    assert (bad["density"], bad["image"]) == ("", "none.png")
    assert bad["error"]
    assert None not in bad
    assert None not in bad.values()


def test_to_jsonl_and_csv_hold_what_is_printed(run: Run, tmp_path: Path) -> None:
    more = ("--properties", "density", "--property-table", "own.csv")
    _, printed, _ = run("predict", "a.png", "--json", *more)
    assert run("predict", "a.png", "--to", "jsonl", "--out", "o.jsonl", *more)[0] == 0
    assert json.loads((tmp_path / "o.jsonl").read_text()) == json.loads(printed)
    _, printed, _ = run("predict", "a.png", "--csv", *more)
    assert run("predict", "a.png", "--to", "csv", "--out", "o.csv", *more)[0] == 0
    assert (tmp_path / "o.csv").read_text() == printed


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--properties", "densty"), 1, "madeof: there is no property 'densty'; did you mean density"),
        (("--properties", "permittivity"), 1, "permittivity depends on the frequency; give one in GHz"),
        (("--properties", "permittivity", "--frequency", "900"), 1, "the table has 0.001 to 450 GHz"),
        (("--properties", "permittivity", "--frequency", "-1"), 2, "expected a frequency in GHz, such as 2.4"),
        (("--properties", "density", "--place", "roof"), 2, "invalid choice: 'roof'"),
        (("--properties", "density", "--property-table", "no.csv"), 1, "madeof: cannot read no.csv: No such file"),
        (("--properties", "density", "--max-without", "2"), 2, "got '2'; expected a number from 0 to 0.99"),
        (("--properties", ","), 1, "madeof: no property is named"),
        (("--place", "wall"), 2, "--place goes with --properties NAMES"),
        (("--properties", "density", "--to", "coco", "--out", "o.json"), 2, "coco has no place for them"),
        (("--properties", "density", "--to", "parquet", "--out", "o.parquet"), 2, "parquet has no place for them"),
    ],
)
def test_bad_arguments(run: Run, arguments: tuple[str, ...], status: int, message: str) -> None:
    found = run("predict", "a.png", *arguments)
    assert (found[0], found[1]) == (status, "")
    assert message in found[2]
    assert "Traceback" not in found[2]
    assert not list(Path().glob("o.*"))


MAP = ("--properties", "absorption", "--property-table", "absorption.csv", "--max-without", "0.99")


def test_a_map_s_sum(run: Run) -> None:
    status, out, _ = run("map", "a.png", "b.png", *MAP, "--json")
    assert status == 0
    for line in out.splitlines():
        bands = json.loads(line)["properties"]["absorption"]["by"]
        assert all(0 <= each["low"] <= each["value"] <= each["high"] <= 1 for each in bands.values())
    assert "absorption: 125 Hz" in run("map", "a.png", *MAP)[1]


def test_a_room(run: Run) -> None:
    given = ("--regions", "map-a.png", "--by-value", "--areas", "areas.csv", "--volume", "60")
    status, out, _ = run("map", "a.png", *MAP, *given, "--json")
    assert status == 0
    found = json.loads(out)
    assert found["areas_m2"] == {"label 1": 20, "label 2": 30}
    room = found["reverberation"]
    assert (room["volume_m3"], room["area_m2"], room["unit"]) == (60, 50, "s")
    for band, absorption in found["properties"]["absorption"]["by"].items():
        sabine, eyring = room["sabine"][band], room["eyring"][band]
        assert eyring["value"] < sabine["value"]
        assert sabine["low"] == pytest.approx(0.1611 * 60 / (50 * absorption["high"]), rel=0.01)
        assert sabine["high"] == pytest.approx(0.1611 * 60 / (50 * absorption["low"]), rel=0.01)
    assert "reverberation time, Eyring: 125 Hz" in run("map", "a.png", *MAP, *given)[1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--properties", "density"), 1, "density does not sum over areas; expected absorption or emissivity"),
        (("--properties", "emissivity", "--areas", "areas.csv", "--volume", "9"), 1, "needs the absorption"),
        ((*MAP, "--volume", "60"), 2, "--volume needs the areas of the room's surfaces: --areas CSV"),
        (("--areas", "areas.csv"), 2, "--areas goes with --properties absorption"),
        ((*MAP, "--areas", "areas.csv", "--volume", "0"), 2, "expected a volume in cubic metres above 0"),
        (("b.png", *MAP, "--areas", "areas.csv"), 2, "--areas are those of one photo"),
        ((*MAP, "--areas", "no.csv", "--regions", "map-a.png"), 1, "cannot read no.csv"),
        (
            (*MAP, "--areas", "areas.csv", "--regions", "map-b.png"),
            1,
            "areas.csv, line 2: there is no region 'label 1'",
        ),
    ],
)
def test_bad_sums(run: Run, arguments: tuple[str, ...], status: int, message: str) -> None:
    found = run("map", "a.png", *arguments)
    assert (found[0], found[1]) == (status, "")
    assert message in found[2]
    assert "Traceback" not in found[2]


def test_export(run: Run, tmp_path: Path) -> None:
    answers = run("predict", "a.png", "b.png", "none.png", "--json", "--top", "4")[1]
    (tmp_path / "answers.jsonl").write_text(answers)
    status, out, err = run(
        "export-properties", "answers.jsonl", "--to", "mujoco", "--out", "o.xml", "--property-table", "own.csv"
    )
    assert (status, out) == (0, "")
    assert "madeof: mujoco has no place for thermal_conductivity" in err
    assert "madeof: left out 1 answer with an error" in err
    assert err.endswith("madeof: wrote o.xml: 2 regions\n")
    classes = ElementTree.parse(tmp_path / "o.xml").findall("default/default")
    assert [each.get("class") for each in classes] == ["a.png/photo", "b.png/photo"]
    assert all(float(each.find("geom").get("density")) > 0 for each in classes)  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("answers.jsonl", "--to", "sionna", "--out", "o.x"), 1, "permittivity depends on the frequency"),
        (("answers.jsonl", "--to", "ifc", "--out", "o.x", "--frequency", "2"), 2, "--frequency is for --to sionna"),
        (("answers.jsonl", "--to", "ifc", "--out", "a.png"), 1, "a.png is there already"),
        (("answers.jsonl", "--to", "ifc", "--out", "no/such/o.x"), 1, "No such file or directory"),
        (("a.png", "--to", "ifc", "--out", "o.x"), 1, "cannot read a.png: it is not UTF-8"),
        (("own.csv", "--to", "ifc", "--out", "o.x"), 1, "own.csv, line 1: it is no answer"),
        (("answers.jsonl", "--to", "unity", "--out", "o.x"), 2, "invalid choice: 'unity'"),
    ],
)
def test_bad_exports(run: Run, tmp_path: Path, arguments: tuple[str, ...], status: int, message: str) -> None:
    (tmp_path / "answers.jsonl").write_text(run("predict", "a.png", "--json")[1])
    found = run("export-properties", *arguments)
    assert found[0] == status
    assert message in found[2]
    assert "Traceback" not in found[2]
    assert not list(tmp_path.glob("o.*"))
