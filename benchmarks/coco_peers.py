"""How quickly a COCO file is read, with and without masks, beside datumaro and supervision, each in its own process.

    python benchmarks/coco_peers.py 20000

In the environment of `interchange.py`. Makes the file as `coco_rate.py` does, with photos of 96 x 128, and prints a row
for each library: the CPU seconds and the peak of memory of reading it, and of making the mask of each outline besides.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HEIGHT, WIDTH = 96, 128


def madeof(path: Path, masks: bool) -> int:
    from madeof.datasets import read_annotations
    from madeof.regions.shapes import cut_many

    found = 0
    for photo in read_annotations(path).photos:
        annotations = list(photo.annotations)
        if not masks:
            found += len(annotations)
            continue
        quick = cut_many([one.shape for one in annotations], (HEIGHT, WIDTH))
        cuts = [cut or one.cut((HEIGHT, WIDTH)) for one, cut in zip(annotations, quick, strict=True)]
        found += sum(bool(part.any()) for part, _ in cuts)
    return found


def datumaro(path: Path, masks: bool) -> int:
    import datumaro as dm
    from pycocotools import mask as rle

    place = path.parent / "annotations"  # where datumaro looks for it
    place.mkdir(exist_ok=True)
    path.rename(place / "instances_all.json")
    found = 0
    for item in dm.Dataset.import_from(str(path.parent), "coco_instances"):
        for one in item.annotations:
            if one.type == dm.AnnotationType.polygon:
                runs = rle.frPyObjects([list(one.points)], HEIGHT, WIDTH) if masks else None
                found += bool(rle.decode(runs).any()) if masks else bool(len(one.points))
    return int(found)


def supervision(path: Path, masks: bool) -> int:
    import supervision as sv

    dataset = sv.DetectionDataset.from_coco(str(path.parent / "images"), str(path), force_masks=masks)
    found = 0
    for some in dataset.annotations.values():
        found += sum(bool(mask.any()) for mask in some.mask) if masks else len(some)
    return found


PEERS: dict[str, Any] = {"madeof": madeof, "supervision": supervision, "datumaro": datumaro}


def main() -> None:
    if len(sys.argv) == 4:
        cpu = time.process_time()
        count = PEERS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3] == "masks")
        print(count, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        return
    from coco_rate import make

    print("| what | library | regions | CPU (s) | regions/s | peak (MB) |")
    for what, name in itertools.product(("read", "masks"), PEERS):
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), int(sys.argv[1]), HEIGHT, WIDTH, runs=False)
            command = [sys.executable, "-W", "ignore", __file__, name, str(path), what]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            count, cpu, peak = int(out[-3]), float(out[-2]), float(out[-1])
            print(f"| {what} | {name} | {count:,} | {cpu:.1f} | {count / cpu:,.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
