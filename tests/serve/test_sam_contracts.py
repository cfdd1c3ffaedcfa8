"""The forms in which SAM is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from made_sam import HOLE, KINDS, RADII, write_sam
from serve_sam import _SCALE, HEIGHT, WIDTH, _disc, _halves, _overlap

from madeof.errors import ModelError
from madeof.serve.sam import Sam


@pytest.mark.parametrize("kind", KINDS)
def test_each_contract_is_told_by_its_names(sam_paths: dict[str, tuple[Path, Path]], kind: str) -> None:
    """The photo arrives red, normalised and in its place, and so do the points; the best of three masks is taken."""
    sam = Sam([sam_paths[kind][0].parent] if kind == "SAM 2" else sam_paths[kind], threads=1)
    assert sam.name == f"SAM ({kind.replace('with preprocessing', 'segment-anything')})"
    assert sam.seconds > 0
    photo = sam.prepare(_halves(), lambda: None)
    assert photo.nbytes >= 3 * 16 * 16 * 4
    stretch = HEIGHT / WIDTH if kind == "SAM 2" else 1.0
    for point in ((40.0, 60.0), (70.0, 20.0)):
        disc = _disc(*point, RADII[1] * _SCALE, stretch)
        assert _overlap(photo.find([point], [], 0, (HEIGHT, WIDTH)), disc) > 0.96
    hole = _disc(40, 60, RADII[1] * _SCALE, stretch) & ~_disc(50, 60, HOLE * _SCALE, stretch)
    assert _overlap(photo.find([(40, 60)], [(50, 60)], 0, (HEIGHT, WIDTH)), hole) > 0.94
    assert photo.find([(140, 60)], [], 0, (HEIGHT, WIDTH)) is None  # a disc in the blue half
    two = _disc(20, 60, RADII[1] * _SCALE, stretch) | _disc(60, 60, RADII[1] * _SCALE, stretch)
    assert _overlap(photo.find([(20, 60), (60, 60)], [], 0, (HEIGHT, WIDTH)), two) > 0.96


def test_of_four_masks_the_first_is_for_several_points(tmp_path: Path) -> None:
    """As segment-anything's own code chooses: whatever their scores are."""
    sam = Sam(write_sam(tmp_path, radii=(20, 6, 12, 16), scores=(0.99, 0.2, 0.9, 0.3)))
    photo = sam.prepare(_halves(), lambda: None)
    one, two = photo.find([(40, 60)], [], 0, (HEIGHT, WIDTH)), photo.find([(40, 60)], [(79, 1)], 0, (HEIGHT, WIDTH))
    assert _overlap(one, _disc(40, 60, 12 * _SCALE)) > 0.96
    assert _overlap(two, _disc(40, 60, 20 * _SCALE)) > 0.96


def test_a_single_mask(tmp_path: Path) -> None:
    sam = Sam(write_sam(tmp_path, radii=(9,), scores=(0.4,)))
    photo = sam.prepare(_halves(), lambda: None)
    for size in (-3, 0, 3):
        assert _overlap(photo.find([(40, 60)], [], size, (HEIGHT, WIDTH)), _disc(40, 60, 9 * _SCALE)) > 0.96


def _external(path: Path) -> None:
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda e, d: d.unlink(), "has sam_encoder.onnx; expected one *encoder*.onnx and one *decoder*.onnx"),
        (lambda e, d: (d.parent / "old decoder.onnx").touch(), "has old decoder.onnx, sam_decoder.onnx, sam_encoder"),
        (lambda e, d: e.write_bytes(b"no graph"), "sam_encoder.onnx is not a graph that ONNX Runtime can run"),
        (lambda e, d: d.write_bytes(d.read_bytes()[:-200]), "sam_decoder.onnx is not a graph that ONNX Runtime"),
        (lambda e, d: e.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "is a Git-LFS pointer"),
        (lambda e, d: (e.unlink(), e.mkdir()), "sam_encoder.onnx is not an ordinary file"),
        (lambda e, d: _external(e), "keeps its weights in another file; expected all in one, of 2 GB at most"),
        (lambda e, d: e.write_bytes(d.read_bytes()), "are no encoder and decoder of SAM that are understood: they"),
        (lambda e, d: d.write_bytes(e.read_bytes()), "expected a decoder like one of these (segment-anything: image"),
        (lambda e, d: write_sam(e.parent, rename=("point_labels", "labels")), "point_coords, labels, mask_input"),
        (lambda e, d: write_sam(e.parent, rename=("low_res_masks", "low")), "-> masks, iou_predictions, low; expected"),
        (lambda e, d: write_sam(e.parent, weight=np.nan), "sam_encoder.onnx gives what are no finite numbers"),
        (lambda e, d: write_sam(e.parent, radii=(1, np.nan, 2)), "sam_decoder.onnx gives what are no finite numbers"),
        (lambda e, d: write_sam(e.parent, scores=(1, np.inf, 2)), "sam_decoder.onnx gives what are no finite numbers"),
        (lambda e, d: write_sam(e.parent, scores=(1, 2)), "masks of shape (1, 3, 64, 64) with scores of shape (1, 2)"),
        (lambda e, d: write_sam(e.parent, radii=(1,) * 17), "masks of shape (1, 17, 64, 64); expected (1, 1 to 16, h"),
    ],
)
def test_what_is_no_sam_is_refused_at_the_start(tmp_path: Path, spoil: Any, text: str) -> None:
    folder = tmp_path / "sam"
    spoil(*write_sam(folder))
    with pytest.raises(ModelError) as raised:
        Sam([folder])
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
