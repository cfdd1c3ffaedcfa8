"""What is done to a traced encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from madeof.model.onnx_engine import OnnxRuntimeGraph
from madeof.training.graphs import fold_pads, measure_ranges

RANDOM = np.random.default_rng(0)


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(RANDOM.standard_normal(shape, dtype=np.float32), name)


def numbers(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def graph(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto], output: str = "features0") -> bytes:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "h", "w"])
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, "encoder", [image], [out], tensors)
    return bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString())


def padded(modulus: int, mode: str = "constant", own: list[int] | None = None) -> bytes:
    """A convolution behind a Pad of height % modulus + 1 rows below and 2 columns to the right, as nets do it."""
    pads = {} if own is None else {"pads": own}
    nodes = [
        helper.make_node("Shape", ["image"], ["height"], start=2, end=3),
        helper.make_node("Mod", ["height", "modulus"], ["rest"]),
        helper.make_node("Add", ["rest", "one"], ["below"]),
        helper.make_node("Concat", ["before", "below", "right"], ["pads"], axis=0),
        helper.make_node("Pad", ["image", "pads"], ["padded"], mode=mode),
        helper.make_node("Conv", ["padded", "w"], ["features0"], kernel_shape=[3, 3], strides=[2, 2], **pads),
    ]
    constants = [numbers("modulus", modulus), numbers("one", 1), numbers("before", 0, 0, 0, 0, 0, 0)]
    return graph(nodes, [*constants, numbers("right", 2), weights("w", 4, 3, 3, 3)])


def operations(data: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(data).graph.node]


def answer(data: bytes, height: int, width: int) -> Any:
    image = np.random.default_rng(1).random((1, 3, height, width), dtype=np.float32)
    return OnnxRuntimeGraph(data, 1).run({"image": image})[0]


@pytest.mark.parametrize("own", [None, [0, 0, 0, 0], [1, 2, 3, 4]])
def test_a_constant_padding_is_folded(own: list[int] | None) -> None:
    before = padded(32, own=own)
    after = fold_pads(before)
    assert operations(after) == ["Conv"]
    assert [t.name for t in onnx.load_from_string(after).graph.initializer] == ["w"]
    assert len(after) < len(before)
    for height, width in ((64, 96), (32, 32), (288, 384)):
        assert np.allclose(answer(before, height, width), answer(after, height, width), atol=1e-5)


@pytest.mark.parametrize(
    "left",
    [
        padded(64),  # it depends on the photo's side
        padded(32, mode="reflect"),
    ],
)
def test_any_other_padding_stays(left: bytes) -> None:
    after = fold_pads(left)
    assert operations(after) == operations(left)
    assert np.array_equal(answer(left, 64, 96), answer(after, 64, 96))


def test_a_padding_that_others_read_too_stays() -> None:
    nodes = [
        helper.make_node("Pad", ["image", "pads"], ["padded"]),
        helper.make_node("Conv", ["padded", "w"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["a", "padded"], ["features0"]),
    ]
    data = graph(nodes, [numbers("pads", 0, 0, 1, 1, 0, 0, 1, 1), weights("w", 3, 3, 1, 1)])
    assert operations(fold_pads(data)) == ["Pad", "Conv", "Add"]


def test_ranges_of_dense_convolutions() -> None:
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], kernel_shape=[1, 1]),  # the first: stays in float
        helper.make_node("Conv", ["a", "w1"], ["b"], kernel_shape=[1, 1]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Conv", ["c", "w2"], ["d"], kernel_shape=[3, 3], group=4),  # depthwise
        helper.make_node("GlobalAveragePool", ["d"], ["m"]),
        helper.make_node("Conv", ["m", "w1"], ["s"], kernel_shape=[1, 1]),  # squeeze-and-excitation
        helper.make_node("Mul", ["d", "s"], ["e"]),
        helper.make_node("Relu", ["e"], ["f"]),
        helper.make_node("Conv", ["f", "w1"], ["features0"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["features0", "w1"], ["unread"], kernel_shape=[1, 1]),
    ]
    identity = numpy_helper.from_array(np.eye(4, 3, dtype=np.float32)[:, :, None, None], "w0")
    data = graph(nodes, [identity, weights("w1", 4, 4, 1, 1), weights("w2", 4, 1, 3, 3)])
    images = [np.full((1, 3, 64, 96), -2, np.float32), np.full((1, 3, 96, 64), -1, np.float32)]
    images[1][0, 0, 0, 0] = 5
    ranges = measure_ranges(data, images)
    assert list(ranges) == ["a", "f", "features0"]
    assert ranges["a"] == (-1.5, 2.5)  # means of each photo's extremes, the first of which are -2 and 0
    assert ranges["f"][0] == 0


def test_nothing_to_measure() -> None:
    data = graph(
        [helper.make_node("Conv", ["image", "w"], ["features0"], kernel_shape=[1, 1])], [weights("w", 4, 3, 1, 1)]
    )
    assert measure_ranges(data, [np.zeros((1, 3, 64, 96), np.float32)]) == {}
