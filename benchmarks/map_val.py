"""How good dense maps are on the val label maps of a data set, and how long they take.

    python benchmarks/map_val.py DATA [--source everyday] [--cache FILE] [--write docs/research/maps.md]

One thread, processor time. The figures stand in docs/research/maps.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, make_photo, publish
from PIL import Image

import madeof
from madeof.datasets import RegionDataset, open_dataset
from madeof.evaluation.result import percent, percent_range
from madeof.evaluation.segmentation import MapEvaluation, evaluate_maps
from madeof.inference.predictor import Predictor
from madeof.inference.segmentation import SCALES
from madeof.regions.superpixels import find_patches

_PHOTOS = {"1 MP": (1152, 864), "12 MP": (4000, 3000)}
_ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--source", default="everyday", help="the photos that are shown apart")
    parser.add_argument("--model")
    parser.add_argument("--cache")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args()
    predictor = madeof.load(options.model, threads=1)
    publish(seconds(predictor), "map-seconds", options.write)
    val = open_dataset(options.data, cache=options.cache).split("val")
    publish(accuracy(predictor, val, options.source), "map-accuracy", options.write)


def accuracy(predictor: Predictor, val: RegionDataset, source: str) -> str:
    """A table of maps made in several ways."""

    def by(**given: Any) -> Callable[[Any], Any]:
        return lambda sample: madeof.map_materials(predictor, sample.image, **given).labels()

    labellers = {
        "the whole photo's answer everywhere": by(scales=(1,)),
        **{f"superpixels joined to {scale}": by(scales=(scale,)) for scale in (8, 32, 128, 512)},
        f"**merged** ({', '.join(map(str, SCALES))})": by(),
        "merged, `--min-score 0.5`": by(min_score=0.5),
        "the true segments given": lambda sample: madeof.map_materials(
            predictor, sample.image, list(sample.masks)
        ).labels(),
    }
    found = {name: evaluate_maps(predictor, val, labeller=labeller) for name, labeller in labellers.items()}
    first = next(iter(found.values()))
    head = f"{len(first.photos)} val photos, {first.pixels / 1e6:.1f} million labelled pixels"
    lines = [
        f"| {head} | pixel accuracy | mean class accuracy | mIoU | mIoU, {source} |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [f"| {name} | {' | '.join(_cells(one, source))} |" for name, one in found.items()]
    return "\n".join(lines)


def _cells(found: MapEvaluation, source: str) -> list[str]:
    values = found.figures
    rows = [
        (values.accuracy, values.intervals[0]),
        (values.mean_class_accuracy, values.intervals[1]),
        (values.mean_iou, values.intervals[2]),
    ]
    part = found.by_source.get(source)
    rows += [(part.mean_iou, part.intervals[2])] if part else [(None, None)]
    cells = [f"{percent(value)} ({percent_range(ends)})" for value, ends in rows]
    if found.labelled is not None and found.labelled < 1:
        right = values.accuracy / found.labelled if values.accuracy else 0.0
        cells[0] += f"; {percent(right)} of the {percent(found.labelled)} that have an answer"
    return cells


def seconds(predictor: Predictor) -> str:
    """A table of what a map takes, from file to label map."""
    lines = ["| processor time, one thread | read and encode | superpixels | all of the map | label map at full size |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name, (width, height) in _PHOTOS.items():
            path = make_photo(Path(folder) / "photo.jpg", width, height)
            times: dict[str, list[float]] = {}
            for _ in range(_ROUNDS):
                encoded = _timed(times, "encode", lambda path=path: predictor.encode(path))
                found = _timed(times, "map", lambda encoded=encoded: madeof.map_materials(predictor, encoded))
                _timed(times, "labels", found.labels)
                small = np.asarray(Image.fromarray(encoded.photo.pixels).resize((512, 384)))
                _timed(times, "superpixels", lambda small=small: find_patches(small, 512))
            middle = {key: statistics.median(values) for key, values in times.items()}
            cells = [middle["encode"], middle["superpixels"], middle["map"], middle["labels"]]
            lines.append(f"| {name} JPEG | {' | '.join(f'{cell:.2f} s' for cell in cells)} |")
    return "\n".join([*lines, "", f"{machine()}."])


def _timed(times: dict[str, list[float]], name: str, job: Callable[[], Any]) -> Any:
    started = time.process_time()
    result = job()
    times.setdefault(name, []).append(time.process_time() - started)
    return result


if __name__ == "__main__":
    main()
