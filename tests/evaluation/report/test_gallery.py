"""The pictures of right and wrong answers."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from report_html import from_dataset, pictures, written
from small_evaluations import make

from madeof.datasets import RegionDataset, open_dataset
from madeof.errors import DatasetError, PhotoError
from madeof.evaluation.report.gallery import confused_pairs, surest_errors, unnameable
from madeof.evaluation.report.html import page


def test_the_galleries_show_the_surest_first_and_one_of_a_photo() -> None:
    evaluation = make(unknown=("Sand", "Snow"))
    top, correct = evaluation.scores.max(axis=1), evaluation.correct
    nameable = np.array([name in evaluation.materials for name in evaluation.truth])
    shown = surest_errors(evaluation, 5)
    assert len(shown) == 5
    assert not correct[shown].any()
    assert nameable[shown].all()
    assert (np.diff(top[shown]) <= 0).all()
    assert len(set(evaluation.photo[shown].tolist())) == 5
    assert top[shown[0]] == top[~correct & nameable].max()
    pairs = confused_pairs(evaluation, 3, 2)
    expected = [pair for pair in evaluation.metrics.confusion.pairs() if pair[0] in evaluation.materials][:3]
    assert [pair[:3] for pair in pairs] == expected
    for pair in pairs:
        assert {evaluation.truth[i] for i in pair.shown} == {pair.truth}
        assert {evaluation.predicted[i] for i in pair.shown} == {pair.predicted}
        assert 1 <= len(pair.shown) <= 2
    assert {evaluation.truth[i] for i in unnameable(evaluation, 8)} == {"Sand", "Snow"}
    assert len(unnameable(evaluation, 1)) == 1


def test_pictures_show_the_photos_with_the_regions_outline(report_dataset: RegionDataset) -> None:
    evaluation = from_dataset(report_dataset, materials=("Brick", "Foliage", "Sky"))
    found = written(evaluation, report_dataset)
    images = pictures(found)
    assert len(images) == len(found.of("li", **{"class": "card"}))
    assert all(image.width <= 400 and image.height <= 300 for image in images)
    assert all(max(image.width / 400, image.height / 300) > 0.95 for image in images)  # small photos are enlarged
    declared = [(int(tag["width"]), int(tag["height"])) for tag in found.of("img", loading="lazy")]
    assert declared == [image.size for image in images]
    blue = (np.abs(np.asarray(images[0], dtype=int) - (86, 180, 233)).max(axis=2) < 60).mean()
    assert 0.005 < blue < 0.4
    assert "made, MIT" in found.text
    name = evaluation.photos[evaluation.photo[surest_errors(evaluation, 1)[0]]]
    assert f"Part of the photo {name} with the region outlined" in found.of("img", loading="lazy")[0]["alt"]
    assert "labelled Wood" in found.text
    assert "not in its list" in found.text


def test_a_photo_that_cannot_be_read_again_leaves_a_note(
    report_dataset: RegionDataset, caplog: pytest.LogCaptureFixture
) -> None:
    evaluation = from_dataset(report_dataset)
    first = surest_errors(evaluation, 1)[0]
    whole = len(pictures(written(evaluation, report_dataset)))

    def read_region(region: int) -> Any:
        if region == first:
            raise PhotoError("p8.png is <gone>")
        return report_dataset.read_region(region)

    broken = SimpleNamespace(
        digest=report_dataset.digest,
        photos=report_dataset.photos,
        regions=report_dataset.regions,
        read_region=read_region,
    )
    with caplog.at_level(logging.WARNING, logger="madeof"):
        found = written(evaluation, broken)
    assert "no picture: p8.png is <gone>" in found.text
    assert 0 < len(pictures(found)) < whole
    assert caplog.messages == ["a report without a picture: p8.png is <gone>"]


def test_another_data_set_is_refused(report_dataset: RegionDataset, tiny_dataset: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        page(from_dataset(report_dataset), open_dataset(tiny_dataset))
    assert re.fullmatch(
        r"the data set [0-9a-f]{16} is not the one that was evaluated, [0-9a-f]{16}; "
        "give write_report the data set, or the split, that evaluate got",
        str(caught.value),
    )
