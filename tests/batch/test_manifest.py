"""The manifest: what a batch was begun with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from batch_run import batch, contents, manifest

from madeof.batch import Options
from madeof.errors import BatchError, WriteError


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"per_shard": 5},
            r"holds another batch: settings\.photos_per_shard is 4 there and 5 now; give another folder",
        ),
        ({"options": Options(to="jsonl", top=2)}, r"settings\.top is 5 there and 2 now"),
        ({"options": Options()}, r"settings\.to is jsonl there and parquet now"),
        ({"label_maps": None}, r"source\.label_maps is .*labels there and None now"),
    ],
)
def test_another_batch_is_refused(
    batch_photos: Path, tiny_model: Path, tmp_path: Path, how: dict[str, Any], message: str
) -> None:
    batch(batch_photos, tmp_path / "out", tiny_model)
    before = contents(tmp_path / "out")
    with pytest.raises(BatchError, match=message):
        batch(batch_photos, tmp_path / "out", tiny_model, **how)
    assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "mine.txt").write_text("mine")
    batch(batch_photos, tmp_path / "out", tiny_model, overwrite=True, **how)
    assert manifest(tmp_path / "out")["done"]
    assert (tmp_path / "out" / "mine.txt").exists()


def test_a_changed_source_or_model_is_said(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    mine, model = tmp_path / "set", tmp_path / "model"
    shutil.copytree(batch_photos, mine)
    shutil.copytree(tiny_model, model)
    batch(mine, tmp_path / "out", model)
    shutil.copy(mine / "images" / "p0.png", mine / "images" / "q.png")
    with pytest.raises(BatchError, match=r"the source has changed since: source\.photos is 10 there and 11 now"):
        batch(mine, tmp_path / "out", model)
    (mine / "images" / "q.png").unlink()
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text.replace('"version": "3"', '"version": "4"'))
    with pytest.raises(BatchError, match=r"model\.version is 3 there and 4 now, model\.sha256\.model\.json is another"):
        batch(mine, tmp_path / "out", model)


def test_a_folder_with_other_things_is_left_alone(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("everything")
    for overwrite in (False, True):
        with pytest.raises(
            WriteError, match=r"is a folder with files in it \(thesis\.tex\) and no manifest of a batch"
        ):
            batch(batch_photos, tmp_path, tiny_model, overwrite=overwrite)
    (tmp_path / "_manifest.json").write_text("{}")
    with pytest.raises(BatchError, match=r"_manifest\.json is no manifest of this madeof; give another folder"):
        batch(batch_photos, tmp_path, tiny_model)
