"""The rows of a crosswalk, ours and a user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from materials_crosswalk import TABLE, compared

from madeof.errors import DatasetError
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.lists import FMD, OPENSURFACES


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_table(tmp_path: Path) -> None:
    text = (
        "\ufefffrom_name,to_name,relation,note\r\nGranite,Rock,narrower,hard\r\nStone,Rock,,\r\n"
        "Eiche,Wood,narrower,\r\nGlass,,no counterpart,too few\r\n"
    )
    data = ("Rock", "Eiche", "glass", "Metal", "Sand")
    found = Crosswalk.between(("Granite", "Stone", "Wood", "Glass", "metal"), data, own(tmp_path, text))
    assert found is not None
    assert compared(found) == {
        "Rock": (("Granite", "Stone"), ("Rock",), "narrower"),
        "Eiche": (("Wood",), ("Eiche",), "broader"),
        "Metal": (("metal",), ("Metal",), "same"),
    }
    assert found.model_only == {"Glass": "too few"}
    assert found.data_only == {"glass": "too few", "Sand": "the model has no word for it"}
    assert found.where == "own.csv"


def test_our_own_table_can_be_a_users(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = Crosswalk.between(OPENSURFACES, FMD), Crosswalk.between(OPENSURFACES, FMD, TABLE)
    assert ours is not None
    assert theirs is not None
    assert compared(ours)["Stone"] == compared(theirs)["Stone"]
    assert caplog.text == ""


def test_names_that_nobody_has_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Crosswalk.between(["Stone"], ["Rock"], own(tmp_path, "from_name,to_name\nStone,Rock\nGranit,Rock\n"))
    assert "own.csv: neither the model nor the data set has Granit (line 3)" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected the columns from_name,to_name"),
        ("from_name\nStone\n", "the column to_name is missing"),
        (
            "from_name,to_name,relation\nStone,Rock,kind of\n",
            "line 2: the relation 'kind of' is not one of same, narrower",
        ),
        ("from_name,to_name,relation\nStone,,narrower\n", "line 2: expected from_name and to_name, or from_name alone"),
        ("from_name,to_name,relation\nStone,Rock,no counterpart\n", "line 2: expected from_name and to_name, or"),
        ("from_name,to_name\n,Rock\n", "line 2: expected from_name and to_name"),
        ("from_name,to_name\nStone,Rock\nstone,rock\n", "line 3: says what line 2 says of the same materials"),
        ("from_name,to_name\nStone,Rock\nStone,\n", "'stone' -> 'rock' is there, and that one has no counterpart"),
        (
            "from_name,to_name\nOak,Eiche\n",
            "says nothing of these materials; the model's are Stone, the data set's Rock",
        ),
        ("from_name,to_name\nStone,Rock,x\n", "line 2: 3 values for 2 columns"),
    ],
)
def test_a_broken_table_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        Crosswalk.between(["Stone"], ["Rock"], own(tmp_path, text))
    assert message in str(caught.value)
    assert "own.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no\.csv cannot be read: No such file"):
        Crosswalk.between(["Stone"], ["Rock"], tmp_path / "no.csv")


def test_a_users_row_comes_before_an_equal_name(tmp_path: Path) -> None:
    table = own(tmp_path, "from_name,to_name\nGranite,Stone\nStone,Metal\n")
    found = Crosswalk.between(("Granite", "Stone"), ("Stone", "Metal"), table)
    assert compared(found) == {"Stone": (("Granite",), ("Stone",), "same"), "Metal": (("Stone",), ("Metal",), "same")}
