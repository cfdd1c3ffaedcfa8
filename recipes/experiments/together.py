"""Heads on descriptions by several backbones, each alone and all groups of them together (the mean of their scores).

    python recipes/experiments/together.py DATA NAME=DESCRIBED NAME=DESCRIBED...

Each head sees inside and ring; judged as heads.py judges.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
import torch
from heads import FOLDS, Described, Trial, fit_and_ask, folds_of, line

from madeof.datasets import open_dataset
from madeof.training.run import choose_materials


def main() -> None:
    """Read the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("described", nargs="+", metavar="NAME=DESCRIBED")
    parser.add_argument("--cache", help="index of the data set")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data, cache=options.cache)
    names, outputs = choose_materials(dataset.materials, dataset.split("train"), 15)
    folds, trial = folds_of(dataset), Trial("inside, ring")
    scores, seconds = {}, {}
    for text in options.described:
        name, path = text.split("=", 1)
        started, described = time.monotonic(), Described.read(path)
        features, truth = described.select(trial), outputs[described.material]
        scores[name] = np.zeros((len(features), len(names)), dtype=np.float32)
        for fold in range(FOLDS):
            taught = (folds[described.photo] != fold) & (truth >= 0)
            asked = folds[described.photo] == fold
            chances = np.ones(taught.sum())
            found = fit_and_ask(trial, features[taught], truth[taught], chances, features[asked], len(names), described)
            scores[name][asked] = found.numpy()
        seconds[name] = time.monotonic() - started
    print("| backbones | accuracy | of known materials | mean over materials | small regions | s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for count in range(1, len(scores) + 1):
        for group in itertools.combinations(scores, count):
            mean = np.mean([scores[name] for name in group], axis=0)
            print(line(" + ".join(group), mean, outputs, described, folds >= 0, sum(seconds[name] for name in group)))


if __name__ == "__main__":
    main()
