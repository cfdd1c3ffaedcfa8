"""The figures of docs/research/properties.md: coverage of the intervals, cost of --properties, speed of an export.

    python benchmarks/properties.py coverage DATA [--scores FILE.npz]
    python benchmarks/properties.py cost [--rounds 12]
    python benchmarks/properties.py export [--regions 100000]

coverage: for each val region of DATA whose true material has a value, a true value is drawn from the table's interval
of that material, 200 times, and it is counted how often the interval of the model's own scores holds it.
cost: `madeof predict` with and without `--properties density,absorption`, as processes and inside one, in turns;
and what of such a run is spent in the properties, which other work on the machine does not blur.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import madeof
from madeof.properties import KINDS, Properties, bundled

DRAWS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    coverage = commands.add_parser("coverage")
    coverage.add_argument("data")
    coverage.add_argument("--scores", help="keep the model's scores there")
    coverage.add_argument("--split", default="val")
    cost = commands.add_parser("cost")
    cost.add_argument("--rounds", type=int, default=12)
    export = commands.add_parser("export")
    export.add_argument("--regions", type=int, default=100_000)
    options = parser.parse_args()
    {"coverage": measure_coverage, "cost": measure_cost, "export": measure_export}[options.command](options)


def scores_of(data: str, split: str, keep: str | None) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The model's scores of each region, its true material, and the model's materials."""
    if keep and Path(keep).exists():
        with np.load(keep) as kept:
            return kept["scores"], kept["truth"], tuple(kept["materials"].tolist())
    from madeof.datasets import open_dataset

    part = open_dataset(data).split(split)
    predictor = madeof.load(threads=1)
    found, truth = [], []
    for photo in range(len(part)):
        sample = part.read(photo)
        if len(sample.masks):
            predictor.set_image(sample.image)
            found.append(predictor.scores(sample.masks))
            truth += [part.materials[k] for k in sample.materials.tolist()]
    scores, names = np.concatenate(found), np.array(truth)
    if keep:
        np.savez(keep, scores=scores, truth=names, materials=np.array(predictor.materials))
    return scores, names, predictor.materials


def measure_coverage(options: argparse.Namespace) -> None:
    scores, truth, materials = scores_of(options.data, options.split, options.scores)
    print(f"{len(truth)} regions; right: {(np.array(materials)[scores.argmax(1)] == truth).mean():.3f}")
    random = np.random.default_rng(0)
    sums = {"all but 0 or 1": np.zeros(2), "all": np.zeros(2)}
    for name, kind in KINDS.items():
        if kind.is_name:
            continue
        properties = Properties(materials, [name], frequency_ghz=2.4 if kind.by_frequency else None)
        weights = properties.mixtures.weights(scores.astype(np.float64))
        known = properties.mixtures.known(scores.astype(np.float64))
        low, high = (properties.mixtures.quantile(weights, q) for q in (0.05, 0.95))
        inside, asked, wide = [], 0, []
        for one, (_, condition) in enumerate(properties.quantities):
            for row, material in enumerate(truth.tolist()):
                true = bundled().interval(material, kind, condition, frequency_ghz=properties.frequency_ghz)
                if true is None:
                    continue
                asked += 1
                if known[one, row] < 1 - properties.most_without:
                    continue
                drawn = random.uniform(*true, DRAWS)
                inside.append(((drawn >= low[one, row] - 1e-9) & (drawn <= high[one, row] + 1e-9)).mean())
                wide.append(true[0] < true[1])
        mean, ranged = np.mean(inside), np.array(inside)[np.array(wide)]
        more = f"; of materials with a range {ranged.mean():.3f} of {len(ranged)}" if len(ranged) else ""
        print(f"{name:22} covered {mean:.3f} of {len(inside)} intervals, {1 - len(inside) / asked:.3f} refused{more}")
        for each in sums if name not in ("metalness", "combustible") else ("all",):
            sums[each] += np.sum(inside), len(inside)
    for each, (held, count) in sums.items():
        print(f"{each:22} covered {held / count:.3f} of {count:.0f} intervals")


def measure_cost(options: argparse.Namespace) -> None:
    from madeof.cli.main import main as command

    demo = Path(madeof.__file__).parent / "demo"
    regions = [
        part for name in ("table", "saucer", "cup", "coffee", "spoon") for part in ("--mask", demo / f"{name}.png")
    ]
    plain = [str(part) for part in ("predict", demo / "coffee.jpg", *regions, "--json", "--threads", "1")]
    ways = {"without": plain, "with": [*plain, "--properties", "density,absorption"]}
    many = {name: [*way[:1], *[way[1]] * 10, *way[2:]] for name, way in ways.items()}

    def process(way: list[str]) -> None:
        subprocess.run([sys.executable, "-m", "madeof", *way], check=True, stdout=subprocess.DEVNULL)

    def inside(way: list[str]) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            assert command(way) == 0

    for title, run, chosen in (
        ("process, 1 photo, 5 regions", process, ways),
        ("one run, 10 photos, 50 regions", inside, many),
    ):
        times: dict[str, list[float]] = {name: [] for name in chosen}
        for turn in range(options.rounds + 1):  # the first warms up
            for name in sorted(chosen, reverse=turn % 2 == 1):
                started = processor_seconds()
                run(chosen[name])
                times[name].append(processor_seconds() - started)
        without, with_them = (times[name][1:] for name in ("without", "with"))
        ratio = statistics.median(b / a for a, b in zip(without, with_them, strict=True))
        print(
            f"{title}: {statistics.median(without):.3f} s of processor without, {statistics.median(with_them):.3f} s "
            f"with; median of the ratios {ratio:.4f}, ratio of the least {min(with_them) / min(without):.4f}"
        )

    clock = Clock()
    inside(many["with"])
    shares = []
    for _ in range(options.rounds):
        clock.seconds, started = 0.0, time.thread_time()
        inside(many["with"])
        shares.append(clock.seconds / (time.thread_time() - started))
    print(f"of such a run the properties took {statistics.median(shares):.2%} of the processor's time")


class Clock:
    """Counts the processor's time in the preparation, the asking and the writing of properties."""

    def __init__(self) -> None:
        from madeof.properties import PropertyAnswer

        self.seconds, self.depth = 0.0, 0
        for owner, name in ((Properties, "__init__"), (Properties, "of"), (PropertyAnswer, "to_dict")):
            setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            self.depth, started = self.depth + 1, time.thread_time()
            try:
                return function(*arguments, **more)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.thread_time() - started

        return call


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure_export(options: argparse.Namespace) -> None:
    materials = [row.material for row in bundled().rows if row.property == "density"]
    names = sorted(set(materials))
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.jsonl"
        with answers.open("w") as file:
            for photo in range(options.regions // 10):
                found = []
                for region in range(10):
                    top = random.permutation(names)[:5].tolist()
                    shares = np.sort(random.dirichlet(np.full(5, 0.3)))[::-1].round(6).tolist()
                    top = [{"material": name, "score": share} for name, share in zip(top, shares, strict=True)]
                    found.append({"region": f"label {region} #1", "material": top[0]["material"], "top": top})
                file.write(json.dumps({"image": f"photos/{photo:06}.jpg", "regions": found}) + "\n")
        for to in ("mujoco", "usd", "materialx", "gltf", "ifc", "pyroomacoustics"):
            out = Path(folder) / f"out-{to}"
            way = [sys.executable, "-m", "madeof", "export-properties", answers, "--to", to, "--out", out]
            wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(way, check=True, stderr=subprocess.DEVNULL)
            after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - wall
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            size = out.stat().st_size / 1e6
            print(f"{options.regions} regions to {to}: {wall:.2f} s ({busy:.2f} s of processor), {size:.1f} MB")


if __name__ == "__main__":
    main()
