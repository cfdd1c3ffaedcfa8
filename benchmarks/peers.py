"""What madeof is measured against; here the peers that need no PyTorch.

Every peer reads the photo's file itself and gets the regions in the form that costs it least: as cut-outs. It decodes
the whole photo with libjpeg-turbo, as OpenCV does, and uses madeof's own quick shrinking of photos and masks. Weights
are random, and so are the answers: the time does not depend on them. One thread each.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.images.photo import read_photo
from madeof.model.preprocess import Preprocessing
from madeof.model.telemetry import import_onnxruntime, import_openvino
from madeof.regions.region import Region

BATCH = 16
"""Most crops that a peer runs at once."""
CROP = 224
"""Pixels of a side of a crop."""

Batch = NDArray[np.float32]


class Peer(Protocol):
    """Something that answers for the regions of a photo: `answer(read(photo), regions)`."""

    def read(self, photo: Path) -> Any:
        """What it makes of the photo's file before it looks at a region."""
        ...

    def answer(self, image: Any, regions: Sequence[Region]) -> NDArray[np.float32]:
        """The logits, (N, outputs)."""
        ...


class MaskedCrops:
    """Each region cut out of the photo, blacked out outside its mask, resized to 224 x 224, up to 16 in a batch.

    Args:
        run: from crops (n, 3, 224, 224) float32 to logits (n, outputs).
    """

    def __init__(self, run: Callable[[Batch], NDArray[np.float32]]) -> None:
        self.run = run
        self.preprocessing = Preprocessing()

    def read(self, photo: Path) -> NDArray[np.uint8]:
        return read_photo(photo).pixels

    def answer(self, image: NDArray[np.uint8], regions: Sequence[Region]) -> NDArray[np.float32]:
        answers = []
        for i in range(0, len(regions), BATCH):
            crops = np.stack([_crop(image, region) for region in regions[i : i + BATCH]])
            answers.append(self.run(self.preprocessing.normalise(crops)))
        return np.concatenate(answers)


def _crop(pixels: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    (x, y), (height, width) = region.corner, region.cut.shape
    masked = pixels[y : y + height, x : x + width] * region.cut[..., np.newaxis].astype(np.uint8)
    size = (CROP, CROP)
    return np.asarray(Image.fromarray(masked).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def onnx_runtime(graph: bytes) -> Peer:
    """A graph from `crops` to `logits`, in ONNX Runtime."""
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return MaskedCrops(lambda crops: np.asarray(session.run(None, {"crops": crops})[0]))


def open_vino(graph: bytes, precision: str = "f32") -> Peer:
    """A graph from `crops` to `logits`, in OpenVINO, in "f32" or "bf16"."""
    core = import_openvino().Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise RuntimeError("this processor has no bfloat16")
    model = core.read_model(io.BytesIO(graph))
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    request = core.compile_model(model, "CPU", options).create_infer_request()

    def run(crops: Batch) -> NDArray[np.float32]:
        results = request.infer({"crops": crops}, share_inputs=True, share_outputs=False)
        return np.asarray(results.to_tuple()[0])

    return MaskedCrops(run)


GRAPH_CROPS: dict[str, Callable[[bytes], Peer]] = {
    "ResNet-50 on crops, ONNX Runtime": onnx_runtime,
    "ResNet-50 on crops, OpenVINO": open_vino,
    "ResNet-50 on crops, OpenVINO bfloat16": lambda graph: open_vino(graph, "bf16"),
}
"""Of `torch_peers.graph`."""


def load_peers(makers: Mapping[str, Callable[[], Peer]], notes: list[str]) -> dict[str, Peer]:
    """Those that this machine can run; adds to `notes` why not the others."""
    found: dict[str, Peer] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except Exception as error:  # a library or compiler that is missing raises all kinds
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            notes.append(f"not measured: {name} ({reason[:120]}).")
    return found
