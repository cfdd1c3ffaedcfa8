"""photos.csv."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets_problems import message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "photos.csv is empty; expected the columns name"),
        ("photo,split\na,val\n", "the column name is missing"),
        ("name,split\na,valid\n", "photos.csv line 2: the split 'valid' is not one of train, val, test"),
        ("name,split\na,val\na,train\n", "line 3: a is on line 2 already"),
        ("name,split\n,val\n", "line 2: the name is missing"),
        ("name,split\nx,val\ny,train\n", "names none of the 2 photos; expected names such as a"),
        (
            "name,split,group\na,val,house 1\nb,train,house 1\n",
            "the group 'house 1' is in two splits, val (a) and train (b); a group must be in one",
        ),
    ],
)
def test_broken_photos_csv(root: Path, text: str, words: str) -> None:
    (root / "photos.csv").write_text(text)
    assert words in message(root)
