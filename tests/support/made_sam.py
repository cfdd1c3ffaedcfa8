"""Made-up ONNX files with the names, shapes and rules of the known exports of SAM, whose answers are known.

Their masks are discs around the nearest point inside, without a small one around each point outside, and only where the
photo is red. So they tell whether colours, their normalisation, the padding and the points arrive as SAM wants them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, parser

SIDE = 64  # of the masks, and of the square that the encoder sees but where it says no side: that is of 1024 then
RADII = (6.0, 12.0, 24.0)  # of the masks, in their pixels
SCORES = (0.5, 0.9, 0.7)
HOLE = 4.0

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_HEAD = '<ir_version: 8, opset_import: ["": 17]>'
_PROMPTS = "float[1,P,2] point_coords, float[1,P] point_labels, float[1,1,64,64] mask_input, float[1] has_mask_input"

# Points p (1, P, 2), labels l (1, P), embedding e (1, 3, 16, 16) -> logits (1, M, 64, 64), scores (1, M).
_MASKS = """
    parts_x, parts_y = Split <axis = 2> (p)
    x = Add(parts_x, half)   y = Add(parts_y, half)
    px = Unsqueeze(x, three)   py = Unsqueeze(y, three)
    dx = Sub(px, X)   dy = Sub(py, Y)
    dx2 = Mul(dx, dx)   dy2 = Mul(dy, dy)   d2 = Add(dx2, dy2)   d = Sqrt(d2)
    label = Unsqueeze(l, two_three)
    is_in = Equal(label, one)   is_out = Equal(label, zero)
    d_in = Where(is_in, d, far)   d_out = Where(is_out, d, far)
    near_in = ReduceMin <axes = [1]> (d_in)   near_out = ReduceMin <axes = [1]> (d_out)
    disc = Sub(radii, near_in)   beside = Sub(near_out, hole)
    red = Gather <axis = 1> (e, first)
    red_large = Resize <mode = "nearest"> (red, empty, scales)   red_hard = Mul(red_large, far)
    logits = Min(disc, beside, red_hard)
    scores = Identity(given_scores)
"""

_DECODERS = {
    "segment-anything": f"""decoder (float[1,3,16,16] image_embeddings, {_PROMPTS}, float[2] orig_im_size)
        => (float[1,M,64,64] masks, float[1,M] iou_predictions, float[1,M,64,64] low_res_masks) {{
        p = Identity(point_coords)   l = Identity(point_labels)   e = Identity(image_embeddings) {_MASKS}
        size = Cast <to = 7> (orig_im_size)   size4 = Concat <axis = 0> (ones, size)
        masks = ConstantOfShape(size4)
        low_res_masks = Identity(logits)   iou_predictions = Identity(scores) }}""",
    "transformers": f"""decoder (float[1,1,P,2] input_points, int64[1,1,P] input_labels,
        float[1,3,16,16] image_embeddings, float[1,3,16,16] image_positional_embeddings)
        => (float[1,M] iou_scores, float[1,1,M,64,64] pred_masks) {{
        p = Squeeze(input_points, first)   l0 = Squeeze(input_labels, first)   l = Cast <to = 1> (l0)
        e = Sub(image_embeddings, image_positional_embeddings) {_MASKS}
        pred_masks = Unsqueeze(logits, first)   iou_scores = Identity(scores) }}""",
    "SAM 2": f"""decoder (float[1,3,16,16] image_embed, float[1,3,64,64] high_res_feats_0,
        float[1,3,32,32] high_res_feats_1, {_PROMPTS}) => (float[1,M,64,64] masks, float[1,M] iou_predictions) {{
        p = Identity(point_coords)   l = Identity(point_labels)
        f0 = AveragePool <kernel_shape = [4, 4], strides = [4, 4]> (high_res_feats_0)
        f1 = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (high_res_feats_1)
        e = Min(image_embed, f0, f1) {_MASKS}
        masks = Identity(logits)   iou_predictions = Identity(scores) }}""",
}
_POOL = "AveragePool <kernel_shape = [4, 4], strides = [4, 4]>"
_ENCODERS = {
    "segment-anything": f"""encoder (float[B,3,64,64] x) => (float[B,3,16,16] image_embeddings) {{
        y = Mul(x, weight)   image_embeddings = {_POOL} (y) }}""",
    "with preprocessing": """encoder (float[h,w,3] input_image) => (float[1,3,16,16] image_embeddings) {
        a = Sub(input_image, mean)   b = Div(a, std)   c = Transpose <perm = [2, 0, 1]> (b)
        shape = Shape(c)   more = Sub(full, shape)   pads = Concat <axis = 0> (no_pads, more)
        d = Pad(c, pads)   e = Unsqueeze(d, first)   y = Mul(e, weight)
        image_embeddings = AveragePool <kernel_shape = [64, 64], strides = [64, 64]> (y) }""",
    "transformers": f"""encoder (float[B,3,64,64] pixel_values)
        => (float[B,3,16,16] image_embeddings, float[B,3,16,16] image_positional_embeddings) {{
        y = Mul(pixel_values, weight)   z = {_POOL} (y)   o = Mul(z, zero)   image_positional_embeddings = Add(o, one)
        image_embeddings = Add(z, image_positional_embeddings) }}""",
    "SAM 2": f"""encoder (float[1,3,64,64] image) => (float[1,3,64,64] high_res_feats_0,
        float[1,3,32,32] high_res_feats_1, float[1,3,16,16] image_embed) {{
        high_res_feats_0 = Mul(image, weight)
        high_res_feats_1 = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (high_res_feats_0)
        image_embed = {_POOL} (high_res_feats_0) }}""",
}
KINDS = tuple(_ENCODERS)


def write_sam(
    folder: Path,
    kind: str = "segment-anything",
    *,
    radii: tuple[float, ...] = RADII,
    scores: tuple[float, ...] = SCORES,
    weight: float = 1.0,
    rename: tuple[str, str] = ("", ""),
) -> tuple[Path, Path]:
    """Write an encoder and a decoder of a kind: their paths. `rename` gives a name of the decoder another one."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = 16 if kind == "with preprocessing" else 1
    centres = scale * (np.arange(SIDE, dtype=np.float32) + 0.5)[None, None]
    constants: dict[str, Any] = {
        "half": np.float32(0.5), "zero": np.float32(0), "one": np.float32(1), "far": np.float32(1e4),
        "hole": np.float32(scale * HOLE), "radii": scale * np.array(radii, np.float32)[None, :, None, None],
        "given_scores": np.array(scores, np.float32)[None], "weight": np.float32(weight),
        "X": np.broadcast_to(centres[..., None, :], (1, 1, SIDE, SIDE)),
        "Y": np.broadcast_to(centres[..., None], (1, 1, SIDE, SIDE)),
        "first": np.array([0]), "three": np.array([3]), "two_three": np.array([2, 3]), "ones": np.array([1, 1]),
        "scales": np.array([1, 1, 4, 4], np.float32), "empty": np.zeros(0, np.float32),
        "full": np.array([3, 1024, 1024]), "no_pads": np.zeros(3, np.int64),
        "mean": np.array(_MEAN, np.float32), "std": np.array(_STD, np.float32),
    }  # fmt: skip
    decoder = _DECODERS["segment-anything" if kind == "with preprocessing" else kind]
    paths = folder / "sam_encoder.onnx", folder / "sam_decoder.onnx"
    for path, text in zip(paths, (_ENCODERS[kind], decoder.replace(*rename) if rename[0] else decoder), strict=True):
        model = parser.parse_model(_HEAD + text)
        used = {name for node in model.graph.node for name in node.input}
        for name in sorted(used & constants.keys()):
            model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(constants[name]), name))
        onnx.checker.check_model(model)
        onnx.save(model, path)
    return paths
