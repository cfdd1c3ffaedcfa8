"""How often the context decides: explain random val regions of a data set, and how long that takes.

    python benchmarks/explain_val.py DATA [--regions 100] [--source everyday] [--cache FILE]

One thread, processor time. The figures are in docs/research/explain.md.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import madeof
from madeof.datasets import open_dataset
from madeof.inference.explanation import LOOKS, PARTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--regions", type=int, default=100)
    parser.add_argument("--source", help="only photos of this source")
    parser.add_argument("--model")
    parser.add_argument("--cache")
    options = parser.parse_args()
    val = open_dataset(options.data, cache=options.cache).split("val")
    if options.source:
        val = val.of_sources([options.source])
    predictor = madeof.load(options.model, threads=1)
    chosen = np.random.default_rng(0).permutation(len(val.regions))[: options.regions]
    found, right, seconds, with_heat = [], [], [], []
    for number, row in enumerate(sorted(chosen.tolist())):
        sample = val.read_region(row)
        started = time.process_time()
        found.append(madeof.explain(predictor, sample.image, sample.masks[0], looks=0))
        seconds.append(time.process_time() - started)
        right.append(found[-1].prediction.material == val.materials[int(sample.materials[0])])
        if number % 10 == 0:
            started = time.process_time()
            madeof.explain(predictor, sample.image, sample.masks[0], looks=LOOKS)
            with_heat.append(time.process_time() - started)
    warned = np.array([one.warning is not None for one in found])
    correct = np.array(right)
    alone = np.array([one.alone_material == one.prediction.material for one in found])
    print(f"{len(found)} regions; right: {correct.mean():.2f}")
    print("mean shares: " + ", ".join(f"{name} {np.mean([one.shares[name] for one in found]):.2f}" for name in PARTS))
    print(f"the context decided: {warned.mean():.2f}; called otherwise by the inside alone: {1 - alone.mean():.2f}")
    for name, part in (("warned", warned), ("not warned", ~warned)):
        print(f"right, {name}: {correct[part].mean():.2f} of {part.sum()}" if part.any() else f"right, {name}: none")
    middle, longer = statistics.median(seconds), statistics.median(with_heat)
    print(f"seconds a region: shares {middle:.2f}; with the heat map {longer:.2f}")


if __name__ == "__main__":
    main()
