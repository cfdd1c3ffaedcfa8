"""Supported ONNX files of SAM, recognised by their inputs and outputs, never by file name.

- segment-anything: facebookresearch/segment-anything, scripts/export_onnx_model.py, and what follows it (samexporter,
  MobileSAM). The decoder has `image_embeddings`, `point_coords`, `point_labels`, `mask_input`, `has_mask_input` and
  `orig_im_size`, and gives `low_res_masks` and `iou_predictions`. The encoder has one input, a normalised square
  (1, 3, S, S), or the photo's own pixels (h, w, 3) where it was exported with its preprocessing.
- transformers: Hugging Face's SamModel as Optimum exports it (the files for transformers.js). `pixel_values` gives
  `image_embeddings` and `image_positional_embeddings`; those with `input_points` and `input_labels` give `iou_scores`
  and `pred_masks`.
- SAM 2: samexporter's. `image` gives `high_res_feats_0`, `high_res_feats_1` and `image_embed`; the photo is stretched
  to the square.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import ModelError
from madeof.model.onnx_engine import OnnxRuntimeGraph

_SIDE = 1024  # of the square that the encoder sees, where it does not say itself
_LFS = b"version https://git-lfs"
_EXTERNAL_DATA = b"\x0a\x08location"  # see `sessions`
_MOST_BYTES = 2**31  # an ONNX file cannot be larger
_MOST_MASKS, _MOST_CELLS = 16, 2**22
_EXPORT = "export it again as docs/page.md says"


@dataclass(frozen=True)
class Contract:
    """The names that a kind of export has."""

    name: str
    embeddings: tuple[str, ...]
    """Tensors from encoder to decoder; a single one may have another name as the encoder's output."""
    prompts: tuple[str, ...]
    """Other inputs of the decoder."""
    logits: str
    scores: str
    stretched: bool = False
    """Whether the photo is stretched to the square, rather than padded at its right or bottom."""


CONTRACTS = (
    Contract(
        "segment-anything",
        ("image_embeddings",),
        ("point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"),
        "low_res_masks",
        "iou_predictions",
    ),
    Contract(
        "transformers",
        ("image_embeddings", "image_positional_embeddings"),
        ("input_points", "input_labels"),
        "pred_masks",
        "iou_scores",
    ),
    Contract(
        "SAM 2",
        ("image_embed", "high_res_feats_0", "high_res_feats_1"),
        ("point_coords", "point_labels", "mask_input", "has_mask_input"),
        "masks",
        "iou_predictions",
        stretched=True,
    ),
)


class Pair:
    """An encoder and a decoder of one contract; threads may come at once.

    Args:
        contract: theirs.
        encoder: the graph and its path.
        decoder: the same.
        side: of the square that the encoder sees.
        raw: whether the encoder takes pixels 0 to 255, (h, w, 3), and does the rest itself.
    """

    def __init__(
        self,
        contract: Contract,
        encoder: tuple[OnnxRuntimeGraph, Path],
        decoder: tuple[OnnxRuntimeGraph, Path],
        side: int,
        raw: bool,
    ) -> None:
        self.contract = contract
        self.side = side
        self.raw = raw
        self._encoder, self._encoder_path = encoder
        self._decoder, self._decoder_path = decoder

    def encode(self, values: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """(1, 3, side, side) float32, or (h, w, 3) where `raw`, -> the embeddings by the decoder's names.

        Raises:
            ModelError: the file fails, or gives other than finite numbers.
        """
        given = _run(self._encoder, {self._encoder.inputs[0]: values}, self._encoder_path)
        found = dict(zip(self._encoder.outputs, given, strict=True))
        if len(self.contract.embeddings) == 1:
            found = {self.contract.embeddings[0]: given[0]}
        embeddings = {name: found[name] for name in self.contract.embeddings}
        for array in embeddings.values():
            if not (isinstance(array, np.ndarray) and array.dtype == np.float32 and array.ndim == 4):
                raise ModelError(f"{show(self._encoder_path)} gives no embedding of four dimensions; {_EXPORT}")
            _check_finite(array, self._encoder_path)
        return embeddings

    def decode(
        self,
        embeddings: dict[str, NDArray[np.float32]],
        points: NDArray[np.float32],
        labels: NDArray[np.float32],
        inner: tuple[int, int],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The masks of points.

        Args:
            embeddings: what `encode` gave.
            points: (P, 2) float32, x and y in pixels of the square.
            labels: (P,) float32, 1 for inside and 0 for outside.
            inner: (height, width) of the photo in the square.

        Returns:
            M masks as logits, (M, h, w) float32, of the whole square, and how good each is said to be, (M,) float32.

        Raises:
            ModelError: the file fails, or gives something else.
        """
        path, names = self._decoder_path, self._decoder.outputs
        given = _run(self._decoder, {**embeddings, **self._prompts(embeddings, points, labels, inner)}, path)
        logits, scores = given[names.index(self.contract.logits)], given[names.index(self.contract.scores)]
        shapes = [getattr(array, "shape", None) for array in (logits, scores)]
        if not all(isinstance(array, np.ndarray) and array.dtype == np.float32 for array in (logits, scores)):
            raise ModelError(f"{show(path)} gives masks that are not float32; {_EXPORT}")
        whole = logits.ndim >= 3 and 0 < logits.size <= _MOST_CELLS
        if not whole or logits.shape[-3] > _MOST_MASKS or logits.size != np.prod(logits.shape[-3:]):
            raise ModelError(f"{show(path)} gives masks of shape {shapes[0]}; expected (1, 1 to {_MOST_MASKS}, h, w)")
        logits = logits.reshape(logits.shape[-3:])
        if scores.size != len(logits):
            raise ModelError(f"{show(path)} gives masks of shape {shapes[0]} with scores of shape {shapes[1]}")
        _check_finite(logits, path)
        _check_finite(scores, path)
        return logits, scores.ravel()

    def _prompts(
        self,
        embeddings: dict[str, NDArray[np.float32]],
        points: NDArray[np.float32],
        labels: NDArray[np.float32],
        inner: tuple[int, int],
    ) -> dict[str, Any]:
        if self.contract.name == "transformers":
            return {"input_points": points[None, None], "input_labels": labels[None, None].astype(np.int64)}
        rows, columns = embeddings[self.contract.embeddings[0]].shape[2:]
        prompts = {
            "mask_input": np.zeros((1, 1, 4 * rows, 4 * columns), dtype=np.float32),
            "has_mask_input": np.zeros(1, dtype=np.float32),
        }
        if self.contract.name == "segment-anything":
            # Without a box, SAM wants a point more that is none. The size is not the photo's: its full masks are made
            # whether they are used or not, and of a large photo would be gigabytes.
            points = np.concatenate([points, np.zeros((1, 2), dtype=np.float32)])
            labels = np.append(labels, np.float32(-1))
            prompts["orig_im_size"] = np.array(inner, dtype=np.float32)
        return {**prompts, "point_coords": points[None], "point_labels": labels[None]}


def open_pair(paths: Sequence[str | Path], threads: int) -> Pair:
    """The pair of one folder, or of an encoder and a decoder.

    Raises:
        ModelError: they are not there, are damaged, or are of a kind that is not understood.
    """
    if len(paths) not in (1, 2):
        shown = ", ".join(show(path) for path in paths)[:300] or "nothing"
        raise ModelError(f"got {shown} for SAM; expected its encoder and its decoder, or the folder of the two")
    first, second = _two_files(Path(paths[0])) if len(paths) == 1 else (Path(paths[0]), Path(paths[1]))
    encoder, decoder = _open(first, 0), _open(second, threads)
    contract = _contract(encoder, decoder, first, second)
    shape = encoder.input_shapes[0]
    raw = contract.name == "segment-anything" and len(shape) == 3
    height, width = shape[2:] if len(shape) == 4 else (None, None)
    sides = {length for length in (height, width) if isinstance(length, int)}
    if not (raw or len(shape) == 4) or len(sides) > 1 or not all(64 <= side <= 4096 for side in sides):
        raise ModelError(
            f"{show(first)} takes an array of shape {show(str(shape))[:100]}; expected (1, 3, {_SIDE}, {_SIDE})"
        )
    return Pair(contract, (encoder, first), (decoder, second), sides.pop() if sides else _SIDE, raw)


def _contract(encoder: OnnxRuntimeGraph, decoder: OnnxRuntimeGraph, first: Path, second: Path) -> Contract:
    for contract in CONTRACTS:
        single = len(contract.embeddings) == 1
        if (
            len(encoder.inputs) == 1
            and (len(encoder.outputs) == 1 if single else set(encoder.outputs) == set(contract.embeddings))
            and set(decoder.inputs) == {*contract.embeddings, *contract.prompts}
            and {contract.logits, contract.scores} <= set(decoder.outputs)
        ):
            return contract
    found = [f"{name} {kind}" for name, kind in zip(encoder.inputs, encoder.input_types, strict=True)]
    shown = f"{', '.join(found)} -> {', '.join(encoder.outputs)}; {', '.join(decoder.inputs)} -> "
    known = "; ".join(
        f"{contract.name}: {', '.join([*contract.embeddings, *contract.prompts])} -> {contract.logits}, "
        f"{contract.scores}"
        for contract in CONTRACTS
    )
    raise ModelError(
        f"{show(first)} and {show(second)} are no encoder and decoder of SAM that are understood: they have "
        f"{show(shown + ', '.join(decoder.outputs))[:500]}; expected a decoder like one of these ({known}), with its "
        "encoder before it"
    )


def _two_files(folder: Path) -> tuple[Path, Path]:
    """The encoder and the decoder of a folder."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".onnx")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"cannot look into {show(folder)} ({reason}); expected SAM's encoder and decoder, or the folder of the two"
        ) from error
    decoders = [name for name in names if "decoder" in name.lower()]  # before: some are prompt_encoder_mask_decoder
    encoders = [name for name in names if "encoder" in name.lower() and name not in decoders]
    if len(decoders) != 1 or len(encoders) != 1:
        found = ", ".join(map(show, names))[:300] or "no ONNX file"
        raise ModelError(
            f"{show(folder)} has {found}; expected one *encoder*.onnx and one *decoder*.onnx: name the two files"
        )
    return folder / encoders[0], folder / decoders[0]


def _open(path: Path, threads: int) -> OnnxRuntimeGraph:
    data = _read(path)
    if _EXTERNAL_DATA in data:
        raise ModelError(
            f"{show(path)} keeps its weights in another file; expected all in one, of 2 GB at most (SAM's ViT-H is "
            f"larger: take ViT-L, ViT-B or MobileSAM): {_EXPORT}"
        )
    try:
        return OnnxRuntimeGraph(data, threads)
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base below Exception
        raise ModelError(f"{show(path)} is not a graph that ONNX Runtime can run ({_first_line(error)})") from error


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelError(f"{show(path)} is not an ordinary file; expected an ONNX file of SAM")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise ModelError(
            f"cannot read {show(path)} ({error.strerror or error}); expected an ONNX file of SAM"
        ) from error
    if data.startswith(_LFS):
        raise ModelError(f"{show(path)} is a Git-LFS pointer, not the file itself: run  git lfs pull")
    return data


def _run(graph: OnnxRuntimeGraph, inputs: dict[str, Any], path: Path) -> list[Any]:
    try:
        return graph.run(inputs)
    except Exception as error:  # see above
        raise ModelError(
            f"{show(path)} fails on {', '.join(f'{name} {value.shape}' for name, value in inputs.items())} "
            f"({_first_line(error)}); {_EXPORT}"
        ) from error


def _check_finite(values: NDArray[Any], path: Path) -> None:
    if not np.isfinite(values).all():
        raise ModelError(f"{show(path)} gives what are no finite numbers: its weights are damaged, get it again")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return show(lines[0][:300])
