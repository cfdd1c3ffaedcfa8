"""Learned materials beside the net's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from few_shot_learning import ASKED, EXAMPLES, scores_of, stripes

import madeof
from madeof.errors import ModelError
from madeof.model.record import Record


def test_explain_evaluate_and_the_sum_of_a_learned_model(
    learning_taught: tuple[Path, madeof.LearningResult], learning_places: Path
) -> None:
    """What asks through the predictor gets learned materials too."""
    photo, mask = ASKED[0]
    found = madeof.explain(madeof.load(learning_taught[0], threads=1), photo, mask, looks=0)
    assert found.prediction.material == "Terrazzo"


def test_the_graph_gives_the_nets_embedding(tiny_model: Path) -> None:
    import torch

    from madeof.training.export import read_net

    net, record = read_net(tiny_model)
    photo, masks = stripes()
    predictor = madeof.load(tiny_model, threads=1)
    predictor.set_image(photo)
    logits, embedding = predictor.describe(masks)
    with torch.no_grad():
        maps = net.encode(torch.from_numpy(record.preprocessing.image(photo)))
        wanted = net.describe(maps, torch.from_numpy(record.preprocessing.masks(np.stack(masks))))
    np.testing.assert_allclose(logits, wanted[0].numpy(), atol=1e-3)
    np.testing.assert_allclose(embedding, wanted[1].numpy(), atol=1e-3)
    assert predictor.describe([])[1].shape == (0, embedding.shape[1])


def test_a_folder_from_before_there_were_embeddings(learning_model: Path, tmp_path: Path) -> None:
    """It predicts as it did, and says why it cannot learn."""
    import onnx

    old = shutil.copytree(learning_model, tmp_path / "old")
    graph = onnx.load(old / "classifier.onnx")
    del graph.graph.output[1]
    onnx.save(graph, old / "classifier.onnx")
    Record.read(old).write(old)
    photo, masks = stripes()
    for name, values in scores_of(learning_model, photo, masks).items():
        np.testing.assert_allclose(scores_of(old, photo, masks)[name], values, atol=1e-6)
    with pytest.raises(ModelError, match=r"old gives no embeddings, .*export it again with this version"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=old)
    assert not (tmp_path / "out").exists()
