"""How quickly a data set of N photos is indexed, and opened again from its cache.

    python benchmarks/index_rate.py 20000 [--size 96x128] [--workers 2]

Makes N photos and label maps (links to a few hundred distinct ones) in a temporary folder and prints a row of the table

    | photos | size | regions | index (s) | photos/s | again (s) | index file (MB) | grown by (MB) | peak (MB) |

"grown by" is how much the process grew over what it had when the files were made; "peak" is all of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from madeof.datasets import open_dataset

DISTINCT = 300
MATERIALS = 20


def make(root: Path, photos: int, height: int, width: int) -> None:
    """A data set in the folder layout whose files are links to `DISTINCT` photos and maps."""
    random = np.random.default_rng(0)
    for folder in ("distinct", "images", "labels"):
        (root / folder).mkdir()
    for number in range(min(DISTINCT, photos)):
        rough = random.integers(0, MATERIALS + 1, (3, 4), dtype=np.uint8)
        values = Image.fromarray(rough).resize((width, height), Image.Resampling.NEAREST)
        pixels = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        values.save(root / "distinct" / f"{number}.png")
        Image.fromarray(pixels).resize((width, height)).save(root / "distinct" / f"{number}.jpg")
    for number in range(photos):
        for folder, suffix in (("images", "jpg"), ("labels", "png")):
            os.link(root / "distinct" / f"{number % DISTINCT}.{suffix}", root / folder / f"photo{number:07}.{suffix}")
    rows = [f"{number},Material {number}" for number in range(1, MATERIALS + 1)]
    (root / "materials.csv").write_text("\n".join(["id,name", *rows]))


def megabytes_at_most() -> float:
    """The most memory that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=int)
    parser.add_argument("--size", default="96x128", help="height x width (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    height, width = (int(part) for part in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, options.photos, height, width)
        cache = root / "index.npz"
        before = megabytes_at_most()
        start = time.perf_counter()
        first = open_dataset(root, cache=cache, workers=options.workers)
        indexed = time.perf_counter() - start
        peak = megabytes_at_most()
        start = time.perf_counter()
        again = open_dataset(root, cache=cache, workers=options.workers)
        opened = time.perf_counter() - start
        if again.digest != first.digest:
            raise SystemExit("the index from the cache is another")
        print(
            f"| {options.photos:,} | {options.size} | {len(first.regions):,} | {indexed:.1f} "
            f"| {options.photos / indexed:,.0f} | {opened:.2f} | {cache.stat().st_size / 1e6:.1f} "
            f"| {peak - before:.0f} | {peak:.0f} |"
        )


if __name__ == "__main__":
    main()
