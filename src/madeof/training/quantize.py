"""An encoder whose convolutions compute in 8 bits: ONNX Runtime's static quantisation, measured on photos.

Weights get one scale for each output channel and seven of the eight bits: processors without VNNI add pairs of 8-bit
products in 16 bits, which eight bits would overflow. So all processors give the same answer.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from madeof.errors import ModelError
from madeof.model.telemetry import import_onnxruntime
from madeof.training.rounding import round_well

_ROUNDED_ON = 32  # photos at most: second moments need fewer than ranges, and cost more


def quantize(encoder: bytes, images: Iterable[NDArray[np.float32]]) -> bytes:
    """The encoder with QuantizeLinear and DequantizeLinear at each tensor that an engine is to keep in 8 bits.

    Args:
        encoder: the float graph, whose one input is `image`.
        images: preprocessed photos, each (1, 3, h, w) float32, from which the ranges are taken: of each tensor the mean
            over the photos of a photo's least and greatest value.

    Raises:
        ModelError: there are no images.
    """
    import_onnxruntime()  # before its tools, which would start its telemetry
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Photos(CalibrationDataReader):  # type: ignore[misc]
        """The photos as the tools ask for them."""

        def __init__(self) -> None:
            self.left: Iterator[NDArray[np.float32]] = iter(images)
            self.seen: list[NDArray[np.float32]] = []

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.left, None)
            if image is None:
                return None
            self.seen.append(image)
            return {"image": image}

    photos, root = Photos(), logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as name:
        plain, prepared, done = (Path(name) / part for part in ("plain.onnx", "prepared.onnx", "done.onnx"))
        plain.write_bytes(encoder)
        try:
            root.setLevel(logging.ERROR)  # the tools advise on the root logger
            quant_pre_process(plain, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared, done, photos, quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                extra_options={"CalibMovingAverage": True, "CalibTensorRangeSymmetric": False},
            )  # fmt: skip
        except ValueError as error:
            if photos.seen:
                raise
            raise ModelError("got no photos; expected some, to measure the ranges of the 8-bit encoder on") from error
        finally:
            root.setLevel(level)
        quantized = onnx.load(done)
        step = -(-len(photos.seen) // _ROUNDED_ON)
        round_well(quantized, prepared.read_bytes(), photos.seen[::step])
        return bytes(quantized.SerializeToString())
