"""`madeof combine`."""

from __future__ import annotations

from pathlib import Path

from made import MATERIALS, write_dataset

from madeof.datasets import open_dataset


def test_a_combined_model_has_sets(tiny_model: Path, tmp_path: Path) -> None:
    """From all of its val regions, those of materials that it does not know among them."""
    from madeof.training.combine import combine

    data = write_dataset(tmp_path / "data", photos=16, val=12)
    lines = (data / "materials.csv").read_text().replace("4,Wood", "4,Plutonium")
    (data / "materials.csv").write_text(lines)
    record = combine([tiny_model, tiny_model], open_dataset(data), tmp_path / "both", name="both", threads=1)
    assert record.calibration.prediction_sets is not None
    (band,) = record.calibration.prediction_sets.bands
    assert band.regions == 36
    assert band.least[-1] is None
    assert [row["label"] for row in record.metrics["val sets by halves"]] == ["all", "every size"]
    assert "sets" not in record.metrics["val"]
    assert set(record.materials) == set(MATERIALS)
