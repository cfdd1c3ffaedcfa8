"""A table of one's own: taken, or refused with a line and a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeof.errors import InputError
from madeof.properties import KINDS, bundled, read_own


def table(folder: Path, text: str) -> Path:
    path = folder / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_and_ranges(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "material,property,low,high,unit,place,condition,text,what,source\n"
        "Terrazzo,density,2300,2500,kg/m3,bulk,,,poured,our lab\n"
        "Wood,absorption,0.1,,1,wall,500 Hz,,our panel,\n"
        "Terrazzo,permittivity,6,,-,,1-100 GHz,,,\n"
        "Terrazzo,recycling,,,,,,17 01 01 concrete,,\n",
    )
    rows = read_own(path)
    own = bundled().with_own(rows)
    assert own.interval("terrazzo", KINDS["density"]) == (2300, 2500)
    assert own.interval("Wood", KINDS["absorption"], "500 Hz", "wall") == (0.1, 0.1)
    assert own.interval("Wood", KINDS["absorption"], "250 Hz") is None  # ours are left out, all bands
    assert own.interval("Terrazzo", KINDS["permittivity"], frequency_ghz=28) == (6, 6)
    assert own.names("Terrazzo", "recycling") == ("17 01 01 concrete",)
    assert [row.source for row in rows] == ["our lab", "own", "own", "own"]


HEAD = "material,property,low,high,unit,place,condition,text,exponent\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("material,property,low\nWood,density,500\n", "has no column unit; expected material, property, unit"),
        ("material,property,unit,hgih\n", "has the column 'hgih'; expected some of material"),
        (HEAD, "has no values; expected a line for each under its header"),
        ("", "has no column material or property or unit"),
        (HEAD + "Wood,densty,500,,kg/m3,,,,\n", "line 2: there is no property 'densty'; did you mean density"),
        (HEAD + "Wood,density,0.5,,g/cm3,,,,\n", "line 2: density in 'g/cm3'; expected kg/m3: convert the values"),
        (HEAD + "Wood,density,500,,,,,,\n", "line 2: density in ''; expected kg/m3"),
        (HEAD + "Wood,density,abc,,kg/m3,,,,\n", "line 2: low is 'abc'; expected a number"),
        (HEAD + "Wood,density,nan,,kg/m3,,,,\n", "line 2: low is 'nan'; expected a number"),
        (HEAD + "Wood,density,700,500,kg/m3,,,,\n", "line 2: density from 700 to 500; expected low <= high"),
        (HEAD + "Wood,density,-5,,kg/m3,,,,\n", "line 2: density from -5 to -5; .* both from 0.1 to 25000 kg/m3"),
        (HEAD + "Wood,absorption,1.5,,1,,500 Hz,,\n", "line 2: absorption from 1.5 to 1.5; .* both from 0 to 1"),
        (HEAD + "Wood,absorption,0.5,,1,,600 Hz,,\n", "line 2: absorption under '600 Hz'; expected one of 125 Hz"),
        (HEAD + "Wood,density,500,,kg/m3,roof,,,\n", "line 2: there is no place 'roof'"),
        (HEAD + "Wood,permittivity,2,,1,,28 GHz,,\n", "the condition is '28 GHz'; expected a range such as 1-100 GHz"),
        (HEAD + "Wood,density,500,,kg/m3,,,,1\n", "density has no exponent; expected one only with permittivity"),
        (HEAD + "Wood,recycling,1,,,,,wood,\n", "recycling is a name; expected it in the column text"),
        (HEAD + ",density,500,,kg/m3,,,,\n", "line 2: the material has no name"),
        (HEAD + "Wood,density,500\n", "line 2: it has not as many cells as the header has columns"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_own(table(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_no_such_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read .*missing.csv: No such file"):
        read_own(tmp_path / "missing.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00material")
    with pytest.raises(InputError, match="cannot read .*b.csv: it is not UTF-8"):
        read_own(tmp_path / "b.csv")
