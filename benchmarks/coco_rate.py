"""How quickly a COCO JSON of N annotations is read, and opened as a data set, and with how much memory.

    python benchmarks/coco_rate.py 1000000 [--runs] [--size 96x128] [--workers 2] [--only read open again json]

Makes the file in a temporary folder, with a photo for ten annotations (links to one small photo): outlines of 6 to 30
points, or with --runs compressed run lengths. Each measurement is a process of its own. Prints a row of the table

    | annotations | kind | file (MB) | what | CPU (s) | wall (s) | peak (MB) |

for "read" (`read_annotations`: nothing is cut out), "open" (`open_dataset`: all regions are cut out, once) and "again"
(`open_dataset` with the index that "open" left); "json" is Python's own `json.load`, to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from madeof.datasets import open_dataset, read_annotations
from madeof.regions.rle import compress, encode_rle

A_PHOTO = 10
MATERIALS = 45
DISTINCT = 1000
"""Different regions."""
LINKS = 10_000
"""To one file: some file systems have a limit."""


def make(root: Path, count: int, height: int, width: int, runs: bool) -> Path:
    """A COCO file of `count` regions, and its photos."""
    random = np.random.default_rng(0)
    shapes = []
    for _ in range(DISTINCT):
        points = int(random.integers(6, 31))
        turn = np.sort(random.uniform(0, 2 * np.pi, points))
        reach = random.uniform(4, min(height, width) / 4)
        far = reach * random.uniform(0.7, 1, points)
        middle = random.uniform(reach, np.array([width, height]) - reach)
        outline = middle + np.stack([np.cos(turn) * far, np.sin(turn) * far], axis=1)
        if runs:
            mask = np.hypot(*(np.indices((height, width)) + 0.5 - middle[::-1, None, None])) < reach
            counts = compress(encode_rle(mask, (0, 0), (height, width))).decode()
            shapes.append(json.dumps({"size": [height, width], "counts": counts}))
        else:
            shapes.append(json.dumps([np.round(outline, 2).ravel().tolist()]))
    (root / "images").mkdir()
    picture = Image.fromarray(random.integers(0, 255, (height, width, 3), dtype=np.uint8))
    photos = -(-count // A_PHOTO)
    for number in range(photos):
        place = root / "images" / f"{number:09}.jpg"
        if number % LINKS:
            os.link(root / "images" / f"{number - number % LINKS:09}.jpg", place)
        else:
            picture.save(place)
    path = root / "coco.json"
    with path.open("w", encoding="utf-8") as file:
        images = [
            {"id": number, "file_name": f"{number:09}.jpg", "width": width, "height": height}
            for number in range(photos)
        ]
        categories = [{"id": number, "name": f"Material {number}"} for number in range(MATERIALS)]
        file.write(f'{{"images": {json.dumps(images)}, "categories": {json.dumps(categories)}, "annotations": [')
        for number in range(count):
            file.write(
                f'{", " if number else ""}{{"id": {number}, "image_id": {number // A_PHOTO}, "category_id": '
                f'{number % MATERIALS}, "iscrowd": 0, "area": 350.5, "bbox": [10.5, 20.25, 30.0, 31.5], '
                f'"segmentation": {shapes[number % DISTINCT]}}}'
            )
        file.write("]}")
    return path


def measure(what: str, path: Path, workers: int) -> None:
    """Do it and print the seconds of CPU and wall and the megabytes."""
    cpu, wall = time.process_time(), time.perf_counter()
    if what == "read":
        annotations = read_annotations(path)
        assert not annotations.problems
        done = sum(len(photo.annotations) for photo in annotations.photos)
    elif what == "json":
        with path.open(encoding="utf-8") as file:
            done = len(json.load(file)["annotations"])
    else:
        done = len(open_dataset(path, cache=path.with_suffix(".npz"), workers=workers).regions)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(done, cpu, wall, most / 1e6 if sys.platform == "darwin" else most / 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=int)
    parser.add_argument("--runs", action="store_true")
    parser.add_argument("--size", default="96x128", help="height x width (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=["read", "open", "again"], help="which of read, open, again, json")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]), options.workers)
        return
    height, width = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder), options.annotations, height, width, options.runs)
        for what in options.only:
            command = [sys.executable, __file__, "0", "--workers", str(options.workers), "--measure", what, str(path)]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            assert int(found[0]) == options.annotations, found
            kind = "run lengths" if options.runs else "outlines"
            cpu, wall, peak = map(float, found[1:])
            size = path.stat().st_size / 1e6
            print(f"| {options.annotations:,} | {kind} | {size:.0f} | {what} | {cpu:.1f} | {wall:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
