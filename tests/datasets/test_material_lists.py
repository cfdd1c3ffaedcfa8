"""materials.csv."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets_problems import message

from madeof.datasets import open_dataset


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "materials.csv is empty; expected the columns id,name"),
        ("\n\n", "is empty"),
        ("id;name\n1;Brick\n", "the column id and name is missing from its first line, 'id;name'"),
        ("id;name\n1;Brick\n", "separate the columns by commas"),
        ("id,material\n1,Brick\n", "the column name is missing"),
        ("id,id,name\n1,1,Brick\n", "the column id is there twice"),
        ("id,name\n", "no materials in it; expected rows such as 1,Brick"),
        ("id,name\n0,Nothing\n", "no materials in it"),
        ("id,name\n1,Brick\n1,Wood\n", "line 3: the id 1 is on line 2 already"),
        ("id,name\n1,Brick\n\n2, brick\n", "line 4: the material 'brick' is on line 2 already"),
        ("id,name\none,Brick\n", "line 2: the id 'one' is not a whole number from 1"),
        ("id,name\n1.0,Brick\n", "line 2: the id '1.0' is not"),
        ("id,name\n-1,Brick\n", "line 2: the id '-1' is not"),
        ("id,name\n4000000000,Brick\n", "is not a whole number"),
        (f"id,name\n{'9' * 5000},Brick\n", "is not a whole number"),
        ("id,name\n1,\n", "line 2: the id 1 has no name"),
        ("id,name\n1,Brick,red\n", "line 2: 3 values for 2 columns; a value with a comma needs double quotes"),
        ("id,name\n1\n", "line 2: 1 values for 2 columns"),
        ('id,name\n1,"Brick"x\n', "line 2: not a valid CSV row"),
        ('id,name\n1,"Brick\n', "not a valid CSV row"),
        ("id,name\n1,Pl\udce2tre\n", "line 2: name is not UTF-8; save it as UTF-8"),
    ],
)
def test_broken_materials_csv(root: Path, text: str, words: str) -> None:
    (root / "materials.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = message(root)
    assert words in found
    assert "materials.csv" in found


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffid,name\r\n1,Brick\r\n2,Wood\r\n",
        "ID , Name\n 1 , Brick \n2,Wood",
        'name,colour,id\n"Brick","red, dark",1\n\nWood,,2\n',
        "id,name\r1,Brick\r2,Wood\r",
    ],
)
def test_sound_spellings_of_materials_csv(root: Path, text: str) -> None:
    (root / "materials.csv").write_bytes(text.encode())
    assert open_dataset(root).materials == ("Brick", "Wood")
