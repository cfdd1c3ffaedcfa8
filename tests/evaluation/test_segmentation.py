"""Figures of dense maps, with scikit-learn as a second opinion, and `madeof evaluate --maps`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import MATERIALS, write_dataset
from numpy.typing import NDArray
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import RegionDataset, open_dataset
from madeof.evaluation.segmentation import MapEvaluation, evaluate_maps
from madeof.inference.predictor import Predictor


@pytest.fixture(scope="module")
def odd_dataset(tmp_path_factory: pytest.TempPathFactory) -> RegionDataset:
    """A data set with another order of materials, of which the model does not know two; several sources."""
    folder = write_dataset(tmp_path_factory.mktemp("maps") / "set", photos=6, val=3)
    (folder / "materials.csv").write_text("id,name\n1,Brick\n2,Amber\n3,Sky\n4,Jade\n7,Gold\n")
    rows = "".join(f"p{number},{'val' if number > 2 else 'train'},{'ab'[number % 2]}\n" for number in range(6))
    (folder / "photos.csv").write_text("name,split,source\n" + rows)
    return open_dataset(folder)


def _guess(sample: Any) -> NDArray[np.uint8]:
    """Labels 0 (no answer) to 4, some of them right."""
    random = np.random.default_rng(len(sample.name) + int(sample.image[0, 0, 0]))
    labels = random.integers(0, 5, sample.image.shape[:2]).astype(np.uint8)
    for mask, material in zip(sample.masks, sample.materials, strict=True):
        right = mask & (random.random(mask.shape) < 0.6)
        labels[right] = material + 1
    return labels


def _pixels(dataset: RegionDataset) -> tuple[list[str], list[str]]:
    """What every labelled pixel is and is called."""
    truth, called = [], []
    for number in range(len(dataset)):
        sample = dataset.read(number)
        labels = _guess(sample)
        for mask, material in zip(sample.masks, sample.materials, strict=True):
            called += [(*MATERIALS, "")[label - 1] for label in labels[mask].tolist()]
            truth += [dataset.materials[material]] * int(mask.sum())
    return truth, called


@pytest.mark.parametrize("nameable", [False, True])
def test_the_figures_are_those_of_scikit_learn(
    nameable: bool, odd_dataset: RegionDataset, tiny_predictor: Predictor
) -> None:
    from sklearn.metrics import accuracy_score, jaccard_score, recall_score

    found = evaluate_maps(tiny_predictor, odd_dataset, labeller=_guess)
    truth, called = (np.array(names) for names in _pixels(odd_dataset))
    figures = found.figures_nameable if nameable else found.figures
    if nameable:
        known = np.isin(truth, MATERIALS)
        truth, called = truth[known], called[known]
    occurring = sorted(set(truth.tolist()))
    assert figures.accuracy == pytest.approx(accuracy_score(truth, called))
    expected = recall_score(truth, called, labels=occurring, average="macro", zero_division=0)
    assert figures.mean_class_accuracy == pytest.approx(expected)
    overlap = jaccard_score(truth, called, labels=occurring, average="macro", zero_division=0)
    assert figures.mean_iou == pytest.approx(overlap)
    for value, ends in zip(
        (figures.accuracy, figures.mean_class_accuracy, figures.mean_iou), figures.intervals, strict=True
    ):
        assert ends is not None
        assert value is not None
        assert 0 <= ends.low <= value <= ends.high <= 1
        assert ends.low < ends.high
    assert found.pixels == len(_pixels(odd_dataset)[0])
    assert found.labelled == pytest.approx(np.mean([name != "" for name in _pixels(odd_dataset)[1]]))
    assert set(found.unpredictable) == {"Amber", "Jade"}
    assert found.confusion.sum() == found.pixels
    assert [name for name in found.truth] == [*MATERIALS, "Amber", "Jade", "Gold"]


def test_a_perfect_map_and_none(tiny_dataset: Path, tiny_predictor: Predictor) -> None:
    dataset = open_dataset(tiny_dataset)

    def perfect(sample: Any) -> NDArray[np.uint8]:
        labels = np.full(sample.image.shape[:2], 2, dtype=np.uint8)  # what is not labelled does not count
        for mask, material in zip(sample.masks, sample.materials, strict=True):
            labels[mask] = MATERIALS.index(dataset.materials[material]) + 1
        return labels

    found = evaluate_maps(tiny_predictor, dataset, labeller=perfect)
    assert (found.figures.accuracy, found.figures.mean_class_accuracy, found.figures.mean_iou) == (1, 1, 1)
    assert found.figures_nameable == found.figures
    nothing = evaluate_maps(
        tiny_predictor, dataset, labeller=lambda sample: np.zeros(sample.image.shape[:2], dtype=np.uint8)
    )
    assert (nothing.figures.accuracy, nothing.figures.mean_iou, nothing.labelled) == (0, 0, 0)
    empty = evaluate_maps(tiny_predictor, dataset.select([]))
    assert empty.figures.accuracy is None
    assert empty.figures.intervals == (None, None, None)
    assert json.loads(json.dumps(empty.summary(), allow_nan=False))["mean_iou"] is None
    assert "0 photos" in empty.text()


def test_one_photo_has_no_interval(tiny_dataset: Path, tiny_predictor: Predictor) -> None:
    found = evaluate_maps(tiny_predictor, open_dataset(tiny_dataset).select([3]))
    assert found.figures.accuracy is not None
    assert found.figures.intervals == (None, None, None)
    assert found.by_source == {}


def test_by_source_is_each_part_alone(odd_dataset: RegionDataset, tiny_predictor: Predictor) -> None:
    found = evaluate_maps(tiny_predictor, odd_dataset, labeller=_guess)
    assert list(found.by_source) == ["a", "b"]
    for source, figures in found.by_source.items():
        alone = evaluate_maps(tiny_predictor, odd_dataset.of_sources([source]), labeller=_guess)
        assert alone.figures == figures


def test_the_smallest_of_overlapping_regions_counts(tmp_path: Path, tiny_predictor: Predictor) -> None:
    for name, part in {"large": slice(0, 20), "small": slice(5, 10)}.items():
        mask = np.zeros((20, 20), dtype=np.uint8)
        mask[part, part] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    Image.fromarray(np.zeros((20, 20, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "t.csv").write_text("image,mask,material\nphoto.png,small.png,Sky\nphoto.png,large.png,Wood\n")
    found = evaluate_maps(
        tiny_predictor, open_dataset(tmp_path / "t.csv"), labeller=lambda _: np.full((20, 20), 3, dtype=np.uint8)
    )
    assert found.pixels == 400
    assert found.figures.accuracy == 25 / 400


def test_the_command(tiny_dataset: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--maps", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["photos"] == 4
    assert 0 <= found["mean_iou"] <= found["mean_class_accuracy"] <= 1
    assert set(found["by_material"]) <= set(MATERIALS)
    assert main(["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--maps"]) == 0
    told = capsys.readouterr().out
    assert "pixel accuracy" in told
    assert "mIoU" in told
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--maps", "--out", "x"])
    assert stopped.value.code == 2


def test_a_photo_that_cannot_be_read_is_named(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "set", photos=3, val=2)
    data = (folder / "images" / "p2.png").read_bytes()
    (folder / "images" / "p2.png").write_bytes(data[:200])
    assert main(["evaluate", str(folder), "--model", str(tiny_model), "--maps", "--json"]) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["photos"] == 1
    assert found["failures"][0]["photo"] == "p2"
    assert "not evaluated: p2: " in told.err


def test_no_photos_at_all() -> None:
    nothing = MapEvaluation("m 1", "", MATERIALS, 4, np.zeros((0, 4, 4), dtype=np.int64), np.zeros((4, 5)), (), ())
    assert nothing.labelled is None
    assert nothing.summary()["by_material"] == {}
