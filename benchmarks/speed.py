"""How quickly the regions of a photo are named, from the photo's file to the answers, against what else one could run.

    python benchmarks/speed.py [--rounds 5] [--quick] [--write docs/research/benchmarks.md]

Needs the extra `dev` and about 6 GB of memory; 12 minutes, or 3 with `--quick`. Photos of 1, 12 and 48 megapixels are
made in a temporary folder. Everything runs in this one process on one thread and is loaded beforehand. In each round
every job has one turn, in an order that changes; a turn repeats a short job. Given are medians over the rounds.

The peers need their time for every region, so they are measured from the file at few numbers of regions, and apart from
that a region (or 16 crops) alone. A time with "~" was not measured: it is reckoned from these two.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import ellipse, fresh, load_engines, machine, make_photo, make_regions, publish
from numpy.typing import NDArray
from peers import BATCH, GRAPH_CROPS, MaskedCrops, Peer, load_peers
from speed_tables import (
    AS_ARRAYS,
    GEMM,
    PHOTOS,
    WHOLE,
    against_original,
    against_peers,
    further_regions,
    shares,
    threads_used,
)
from timing import FURTHER, Bench
from torch_peers import ORIGINALS, TORCH_CROPS, graph, one_thread

from madeof.images.photo import read_photo
from madeof.inference.predictor import Predictor
from madeof.model.onnx_engine import DEFAULT
from madeof.model.record import ENCODER
from madeof.model.telemetry import import_openvino
from madeof.regions.region import Region

COUNTS = (1, 10, 32, 50, 100, 200)
CROP_COUNTS = {1: (1, 10, 50), 12: (1, 10), 48: (1, 10)}
ARRAY_COUNTS = {1: (1, 50), 12: (1, 50), 48: (1, 10)}  # 48 MB an array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round, photos of 1 and 12 megapixels, fewer regions")
    parser.add_argument("--model", type=Path, help="a model folder (default: the bundled one)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="fill its block `speed`")
    options = parser.parse_args()
    notes: list[str] = []
    engines = load_engines(options.model, notes)
    one_thread()
    exported = graph()
    originals = load_peers(ORIGINALS, notes)
    crops = load_peers({**TORCH_CROPS, **{n: partial(make, exported) for n, make in GRAPH_CROPS.items()}}, notes)
    photos = [1, 12] if options.quick else list(PHOTOS)
    bench = Bench()
    with tempfile.TemporaryDirectory() as folder:
        for size in photos:
            print(f"making a photo of {size} megapixels", file=sys.stderr)
            path = make_photo(Path(folder) / f"{size}.jpg", *PHOTOS[size])
            regions = make_regions(*PHOTOS[size], max(COUNTS))
            add_ours(bench, engines, size, path, regions)
            add_parts(bench, engines, size, path, regions)
            add_peers(bench, originals, size, path, regions, (1,), 1)
            add_peers(bench, crops, size, path, regions, (1, 2) if options.quick else CROP_COUNTS[size], BATCH)
        add_peaks(bench)
        bench.measure(1 if options.quick else options.rounds)
    work = multiply_adds(engines[DEFAULT])
    rounds = len(next(iter(bench.times.values())).wall)
    parts = [
        f"One thread, medians of {rounds} interleaved rounds, processor time. In brackets: how many times as fast as "
        f"the best of the others. {machine()}.",
        *(against_peers(bench, size, list(engines), [*originals, *crops]) for size in photos),
        against_original(bench, list(engines), list(originals), photos),
        further_regions(bench, list(engines), photos),
        shares(bench, list(engines), work),
        "\n".join(f"- {note}" for note in [*notes, threads_used(bench)]),
    ]
    publish("\n\n".join(parts), "speed", options.write)


def add_ours(bench: Bench, engines: dict[str, Predictor], size: int, path: Path, regions: list[Region]) -> None:
    """From file to answers, with each engine; and with masks as arrays, which have to be searched first."""

    def answer(predictor: Predictor, masks: Sequence[Region] | Sequence[NDArray[np.bool_]]) -> object:
        predictor.set_image(path)
        return predictor.predict([fresh(m) if isinstance(m, Region) else m for m in masks])

    for engine, predictor in engines.items():
        for count in COUNTS:
            bench.jobs[f"madeof, {engine}", size, count] = partial(answer, predictor, regions[:count])
    width, height = PHOTOS[size]
    most = max(ARRAY_COUNTS[size])
    arrays = {
        AS_ARRAYS: [np.asarray(region.mask, dtype=np.bool_) for region in regions[:most]],
        WHOLE: [ellipse(width, height) for _ in range(most)],  # each its own: one would stay in the cache
    }
    for name, masks in arrays.items():
        for count in ARRAY_COUNTS[size]:
            bench.jobs[name, size, count] = partial(answer, engines[DEFAULT], masks[:count])


def add_parts(bench: Bench, engines: dict[str, Predictor], size: int, path: Path, regions: list[Region]) -> None:
    """Decode, resize, encode and name one region, each alone."""
    predictor = engines[DEFAULT]
    preprocessing = predictor.record.preprocessing

    def decode() -> object:
        return read_photo(path, least_size=preprocessing.least_size)

    photo = read_photo(path, least_size=preprocessing.least_size)
    image = preprocessing.image(photo.pixels, photo.size)
    features = predictor._sessions.encode(image)

    def classify() -> object:
        return predictor._sessions.classify(features, preprocessing.masks([fresh(regions[0])]))

    bench.jobs["decode", size, 0] = decode
    bench.jobs["resize and normalise", size, 0] = lambda: preprocessing.image(photo.pixels, photo.size)
    bench.jobs["one region", size, 0] = classify
    for engine, own in engines.items():  # the photo has one size for the net, however large it is
        bench.jobs[f"encode, {engine}", 0, 0] = partial(own._sessions.encode, image)


def add_peers(
    bench: Bench,
    peers: Mapping[str, Peer],
    size: int,
    path: Path,
    regions: list[Region],
    counts: Iterable[int],
    further: int,
) -> None:
    """From file to answers for some numbers of regions, and `further` regions alone."""

    def answer(peer: Peer, regions: list[Region]) -> object:
        return peer.answer(peer.read(path), regions)

    images: dict[str, Any] = {}  # those that make the same of a photo share it: 144 MB of a large one
    for name, peer in peers.items():
        for count in counts:
            bench.jobs[name, size, count] = partial(answer, peer, regions[:count])
        kind = type(peer).__name__ if isinstance(peer, MaskedCrops) else name
        if kind not in images:
            images[kind] = peer.read(path)
        bench.further[name, size] = further
        bench.jobs[name, size, FURTHER] = partial(peer.answer, images[kind], regions[:further])


def add_peaks(bench: Bench) -> None:
    """Matrix products, whose speed is about the most that this machine reaches in each precision."""
    for precision in ("f32", "bf16", "int8"):
        bench.jobs[f"peak {precision}", 0, 0] = _product(precision)


def _product(precision: str) -> Callable[[], object]:
    """By OpenVINO, since PyTorch's product is slow on AMD's processors: half as quick as the convolutions of a net."""
    openvino = import_openvino()
    from openvino import opset13 as ops

    def quantized(values: object, low: float, high: float, levels: int) -> object:
        bounds = [ops.constant(np.float32(bound)) for bound in (low, high)]
        return ops.fake_quantize(values, *bounds, *bounds, levels)

    in_8_bits, random = precision == "int8", np.random.default_rng(0)
    weights = ops.constant(random.uniform(-1, 1, (GEMM, GEMM)).astype(np.float32))
    values = random.integers(-100, 100, (GEMM, GEMM)).astype(np.int8 if in_8_bits else np.float32)
    given = ops.parameter([GEMM, GEMM], values.dtype)
    factors = (given, weights)
    if in_8_bits:
        factors = (quantized(ops.convert(given, "f32"), -128, 127, 256), quantized(weights, -1, 1, 255))
    settings = {"INFERENCE_NUM_THREADS": 1, **({} if in_8_bits else {"INFERENCE_PRECISION_HINT": precision})}
    model = openvino.Model([ops.matmul(*factors, False, False)], [given])
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: values}, share_inputs=True, share_outputs=True)


def multiply_adds(predictor: Predictor) -> int:
    """Of the encoder's convolutions, counted from its graph at the photos' size for the net."""
    height, width = predictor.record.preprocessing.network_size(*reversed(PHOTOS[1]))
    model = import_openvino().Core().read_model(io.BytesIO((predictor._sessions.folder / ENCODER).read_bytes()))
    model.reshape([1, 3, height, width])
    total = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("Convolution", "GroupConvolution"):
            weights, output = node.input(1).get_shape(), node.output(0).get_shape()
            total += int(np.prod(weights)) * int(output[2]) * int(output[3])
    return total


if __name__ == "__main__":
    main()
