"""The peers that run in PyTorch: the original's net run the original's way, and a ResNet-50 on masked crops."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peers import CROP, Batch, MaskedCrops, Peer

from madeof.images.photo import read_photo
from madeof.model.preprocess import Preprocessing
from madeof.nets import Backbone, MaskAtStem
from madeof.nets.libraries import timm
from madeof.nets.original import BACKBONE, PREPROCESSING
from madeof.regions.region import Region

MATERIALS = 45


def one_thread() -> None:
    """Leave PyTorch one thread, and make its random weights the same each time."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


class Original:
    """Eppel's net, eager PyTorch: the photo shrunk where it is too large, then the whole net for every region.

    Args:
        preprocessing: the size at which the net sees the photo; the original's own is up to 1.5 megapixels.
    """

    def __init__(self, preprocessing: Preprocessing = PREPROCESSING) -> None:
        self.preprocessing = preprocessing
        self.net = MaskAtStem(Backbone(BACKBONE), MATERIALS).eval()

    def read(self, photo: Path) -> torch.Tensor:
        return torch.from_numpy(self.preprocessing.image(read_photo(photo).pixels))

    def answer(self, image: torch.Tensor, regions: Sequence[Region]) -> NDArray[np.float32]:
        answers = []
        with torch.inference_mode():
            for region in regions:
                mask = torch.from_numpy(self.preprocessing.masks([region]))
                answers.append(self.net(image, mask).numpy())
        return np.concatenate(answers)


def _resnet50() -> torch.nn.Module:
    net: torch.nn.Module = timm.create_model("resnet50", num_classes=MATERIALS, zero_init_last=False)
    return net.eval()


def _torch_runner(net: Any) -> Callable[[Batch], NDArray[np.float32]]:
    def run(crops: Batch) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = net(torch.from_numpy(crops)).numpy()
        return logits

    return run


def eager() -> Peer:
    """In PyTorch as it stands."""
    return MaskedCrops(_torch_runner(_resnet50()))


def compiled() -> Peer:
    """By torch.compile, weights frozen: the first crops of each batch size take a minute. Needs a C++ compiler."""
    import torch._inductor.config as inductor

    inductor.freezing = True  # folds the normalisations into the convolutions, as the others do
    inductor.compile_threads = 1  # no pool of processes beside the measurement
    peer = MaskedCrops(_torch_runner(torch.compile(_resnet50())))
    peer.run(np.zeros((1, 3, CROP, CROP), dtype=np.float32))  # fails here where there is no compiler
    return peer


def graph() -> bytes:
    """The ResNet-50 in ONNX's form, for batches of any size."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is deprecated; the newer one needs two packages more
        torch.onnx.export(
            _resnet50(),
            (torch.zeros(2, 3, CROP, CROP),),
            buffer,  # type: ignore[arg-type]
            input_names=["crops"],
            output_names=["logits"],
            dynamic_axes={"crops": {0: "n"}},
            opset_version=18,
            dynamo=False,
        )
    return buffer.getvalue()


_ORIGINAL = "the original, whole net a region"
ORIGINALS: dict[str, Callable[[], Peer]] = {
    f"{_ORIGINAL}, at its size": Original,
    f"{_ORIGINAL}, at 384 px": lambda: Original(Preprocessing(side=384)),
    f"{_ORIGINAL}, at 224 px": lambda: Original(Preprocessing(side=224)),
}
TORCH_CROPS: dict[str, Callable[[], Peer]] = {
    "ResNet-50 on crops, PyTorch": eager,
    "ResNet-50 on crops, torch.compile": compiled,
}
