"""Photos a second of `madeof batch` against a plain loop over `predict`, where the time goes, and the memory it needs.

    python benchmarks/batch.py PHOTOS --work DIR --write docs/research/benchmarks.md [--ray] [--project 0.04]

PHOTOS is a folder of photos, repeated in turn; each gets five regions (polygons). Each part is a process of its own,
and its figures are kept in DIR: what was measured is not measured again, so that it can be stopped and gone on with
(`--again` begins anew). On a quiet machine of two cores it takes about 25 minutes, two thirds of it for the memory at
20,000 photos (`--parts loop batch` leaves that out); `--quick` does with a twentieth of the photos.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, publish

from madeof.batch import Batch, Kernel, Task, run_batch
from madeof.batch.pool import Pool, cores
from madeof.batch.tasks import Answered
from madeof.images.photo import PHOTO_SUFFIXES, size_of

REGIONS = 5
FEW, MANY, QUICK = 2_000, 20_000, 100
PARTS = ("loop", "one worker", "threads", "batch", "ray", "many")
TITLES = {
    "loop": "a loop over `predict`, one session on all cores",
    "one worker": "`madeof batch --workers 1`",
    "threads": "its kernel in threads of one process",
    "batch": "`madeof batch`",
    "ray": "`madeof batch --on ray --workers 2`",
    "many": "`madeof batch`, ten times the photos",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} photos and ten times as many")
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="only these")
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--project", type=float, metavar="PRICE", help="of a vCPU-hour: what 100 million photos cost")
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options)))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    few = QUICK if options.quick else FEW
    for count in (few, 10 * few):
        write_table(options.photos, table_of(options, count), count)
    figures: dict[str, dict[str, Any]] = {}
    for part in options.parts or PARTS:
        if part == "ray" and not options.ray:
            continue
        kept = options.work / f"{part.replace(' ', '-')}{'-quick' if options.quick else ''}.json"
        if options.again or not kept.exists():
            print(f"measuring: {part}", file=sys.stderr)
            kept.write_text(json.dumps(measured(part, options)))
        figures[part] = json.loads(kept.read_text())
    publish("\n\n".join(report(figures, options)), "batch", options.write)


def table_of(options: argparse.Namespace, count: int) -> Path:
    return Path(options.work) / f"regions-{count}.csv"


def write_table(folder: Path, path: Path, count: int) -> None:
    """The table of `count` photos, those of the folder in turn, with the same five regions each time."""
    if path.exists():
        return
    photos = sorted(photo for photo in folder.iterdir() if photo.name.lower().endswith(PHOTO_SUFFIXES))[:count]
    polygons = [outlines(photo, number) for number, photo in enumerate(photos)]
    with path.with_suffix(".part").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "polygon", "region"])
        for number in range(count):
            which = number % len(photos)
            for name, polygon in enumerate(polygons[which]):
                writer.writerow([photos[which].absolute(), polygon, name])
    path.with_suffix(".part").rename(path)


def outlines(photo: Path, seed: int) -> list[str]:
    """Ellipses of 24 corners whose axes are 10 to 50% of the photo's sides."""
    random, (height, width) = np.random.default_rng(seed), size_of(photo)
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    texts = []
    for _ in range(REGIONS):
        axes = random.uniform(0.05, 0.25, 2) * (width, height)
        centre = random.uniform(axes, (width, height) - axes)
        points = centre + axes * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        texts.append(" ".join(f"{x:.1f},{y:.1f}" for x, y in points))
    return texts


def measured(part: str, options: argparse.Namespace) -> dict[str, Any]:
    """A part, in a process of its own whose memory and processor time are watched."""
    command = [sys.executable, __file__, str(options.photos), "--work", str(options.work), "--child", part]
    command += ["--model", options.model] if options.model else []
    command += ["--quick"] if options.quick else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watch = Watch(process.pid)
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{part} ended with status {process.returncode}")
    return {**json.loads(out.splitlines()[-1]), **watch.end()}


class Watch:
    """The memory of a process and of all that it starts, looked at four times a second."""

    def __init__(self, process: int) -> None:
        self._process, self._most, self._together = process, dict[int, float](), 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> dict[str, float]:
        self._ended.set()
        self._thread.join()
        main = self._most.pop(self._process, 0.0)
        return {"main_mb": main, "worker_mb": max(self._most.values(), default=0.0), "all_mb": self._together}

    def _look(self) -> None:
        while not self._ended.wait(0.25):
            now = 0.0
            for process in family(self._process):
                try:
                    lines = dict(
                        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
                    )
                    most, held = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmHWM", "VmRSS"))
                except (OSError, KeyError, ValueError):
                    continue
                self._most[process] = most
                now += held
            self._together = max(self._together, now)


def family(process: int) -> Iterator[int]:
    yield process
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for one in (task / "children").read_text().split():
                yield from family(int(one))
    except OSError:
        return


def child(part: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure a part here."""
    few = QUICK if options.quick else FEW
    count = 10 * few if part == "many" else few
    source = str(table_of(options, count))
    if part == "loop":
        return loop(source, count, options.model)
    out = options.work / f"out-{part.replace(' ', '-')}"
    shutil.rmtree(out, ignore_errors=True)
    how: dict[str, Any] = {"model": options.model}
    if part == "one worker":
        how["workers"] = 1
    elif part == "threads":
        how["engine"] = Threads
    elif part == "ray":
        how |= {"on": "ray", "workers": 2}
    else:
        how["engine"] = Warm
    before, started = os.times(), time.perf_counter()
    batch = run_batch(source, out, **how)
    wall, after = time.perf_counter() - started, os.times()
    written = sum(path.stat().st_size for path in out.iterdir())
    shutil.rmtree(out, ignore_errors=True)
    return figures_of(batch, wall, sum(after[:4]) - sum(before[:4]), written)


def figures_of(batch: Batch, wall: float, processor: float, written: int) -> dict[str, Any]:
    return {
        "photos": batch.photos, "regions": batch.regions, "errors": batch.errors, "wall": wall, "processor": processor,
        "seconds": batch.seconds, "bytes": written, "cores": cores(),
    }  # fmt: skip


def loop(source: str, count: int, model: str | None) -> dict[str, Any]:
    """What one would write without `madeof batch`: each photo after the other, the rows kept."""
    from madeof.batch.sources.opening import open_source
    from madeof.inference.photo_result import Answer, PhotoResult
    from madeof.inference.predictor import load
    from madeof.regions.region import Region
    from madeof.regions.request import RegionRequest

    before, started = os.times(), time.perf_counter()
    predictor = load(model)
    regions = 0
    rows = []
    for _, task in open_source(source)[0].tasks(lambda number: True):
        photo = predictor.set_image(task.photo)
        asked = [one for one in task.asked if isinstance(one, RegionRequest)]
        cuts = [Region(one.name, *shaped(one, photo.size)) for one in asked]
        answers = [Answer(cut.name, each, cut.notes()) for cut, each in zip(cuts, predictor.predict(cuts), strict=True)]
        rows.append(PhotoResult(photo, predictor.record.name, tuple(answers)).to_dict())
        regions += len(cuts)
    wall, after = time.perf_counter() - started, os.times()
    return {
        "photos": len(rows), "regions": regions, "errors": 0, "wall": wall,
        "processor": sum(after[:4]) - sum(before[:4]), "seconds": {}, "bytes": 0, "cores": cores(),
    }  # fmt: skip


def shaped(one: Any, size: tuple[int, int]) -> tuple[Any, None, tuple[int, int], tuple[int, int]]:
    cut, corner = one.source.cut(size)
    return cut, None, corner, size


class Warm(Pool):
    """The default."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel, cores())


class Threads:
    """The same kernel in threads of this process, one for each core, on one session of one thread."""

    def __init__(self, kernel: Kernel) -> None:
        kernel.load()
        self._kernels: queue.SimpleQueue[Kernel] = queue.SimpleQueue()
        for _ in range(cores()):
            one = Kernel(kernel.model, kernel.options)
            one._predictor = kernel.load()
            self._kernels.put(one)
        self._threads = ThreadPoolExecutor(cores())

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def map(self, tasks: Iterator[tuple[int, Task]]) -> Iterator[tuple[int, Answered]]:
        waiting: deque[tuple[int, Future[Answered]]] = deque()
        for number, task in tasks:
            waiting.append((number, self._threads.submit(self._answer, task)))
            if len(waiting) > 8 * cores():
                first, answer = waiting.popleft()
                yield first, answer.result()
        for number, answer in waiting:
            yield number, answer.result()

    def _answer(self, task: Task) -> Answered:
        kernel = self._kernels.get()
        try:
            return kernel.answered(task)
        finally:
            self._kernels.put(kernel)


def report(figures: dict[str, dict[str, Any]], options: argparse.Namespace) -> Iterator[str]:
    """The tables, in Markdown."""
    one = next(iter(figures.values()))
    yield f"{one['photos']:,} photos with {REGIONS} regions each, {one['cores']} cores. {machine()}."
    rows = [
        "| | photos/s | regions/s | processor ms a photo | most memory, MB: main | a worker | all |",
        "| --- " + "| ---: " * 6 + "|",
    ]
    for part, f in figures.items():
        rate = f["photos"] / f["wall"]
        rows.append(
            f"| {TITLES[part]} ({f['photos']:,}) | {rate:.1f} | {rate * REGIONS:.0f} | "
            f"{1000 * f['processor'] / f['photos']:.1f} | "
            + " | ".join(f"{f[what]:.0f}" for what in ("main_mb", "worker_mb", "all_mb"))
            + " |"
        )
    yield "\n".join(rows)
    spent = figures.get("batch", one)
    if total := sum(spent["seconds"].values()):
        shares = (f"{what} {seconds / total:.1%}" for what, seconds in spent["seconds"].items())
        yield f"Where the time of `madeof batch` goes: {', '.join(shares)} (writing goes on beside the others)."
    if options.project is not None and "batch" in figures:
        yield projection(figures["batch"], options.project)


def projection(f: dict[str, Any], price: float, photos: int = 100_000_000, used: float = 0.9) -> str:
    """What many photos cost on a cluster."""
    hours = photos * f["processor"] / f["photos"] / 3600 / used
    each, size = 1000 * f["processor"] / f["photos"], photos * f["bytes"] / f["photos"] / 1e9
    return (
        f"Projected: {photos / 1e6:.0f} million photos of this kind with {REGIONS} regions each take {hours:,.0f} "
        f"vCPU-hours, {hours / 1000:.1f} hours on 1,000 vCPUs, and cost {hours * price:,.0f} at {price:g} a vCPU-hour. "
        f"The result has {size:.0f} GB. Assumed: a photo takes a vCPU the {each:.1f} ms that it takes one of these "
        f"cores; {used:.0%} of the time is used (starting, the last shards); photos are read from a store in the same "
        "region, whose requests and traffic are not in the price."
    )


if __name__ == "__main__":
    main()
