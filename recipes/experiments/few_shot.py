"""How well `madeof learn` learns a material from 1, 5 and 20 regions, and what that costs the old ones: a table.

    python recipes/experiments/few_shot.py DATA MODEL WORK [--frozen DESCRIBED] [--draws 20] [--out FEW_SHOT.json]

MODEL is a folder with weights (about 10 minutes on two cores to describe every region of DATA by it; kept in the folder
WORK, so that a second run takes a few). Three kinds of new materials, the last two each added to a head trained without
it and three others:

- `unknown`: those of DATA that MODEL cannot name, for they have too few photos: added to MODEL as it is. Its trunk saw
  some of their photos, for other regions' sake, and never their labels.
- `left out`: MODEL's own, its heads trained anew without them. Its trunk was fine-tuned with their labels, so this is
  too good to be true.
- `left out, frozen trunk` (with --frozen, a description of describe.py): the same with a trunk that has seen ImageNet
  only, which is worse than MODEL's at everything. What users will see lies between the two.

Examples are drawn from photos at random, one region a photo as long as there are photos; all regions of the material in
other photos are asked for. The memory is one half of val's photos, at random, and the old materials are judged on the
other half, so nothing is judged by what it was calibrated on.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from heads import Described
from numpy.typing import NDArray

from madeof._util import files
from madeof.datasets import RegionDataset, open_dataset
from madeof.few_shot.exemplars import Memory
from madeof.few_shot.fitting import COST, fit
from madeof.inference.predictor import probabilities
from madeof.metrics.temperature import fit_temperature
from madeof.model.calibration import Calibration
from madeof.model.learned_head import Examples
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record
from madeof.nets import Ensemble, MaskAtPooling
from madeof.nets.mask_at_pooling import Head
from madeof.training.config import Config
from madeof.training.export import read_net
from madeof.training.loop import class_weights, learning_rate

COUNTS = (1, 5, 20)
SOURCE = "everyday"
_GROUPS = 7  # of materials that are left out at once
_LEAST = 5  # photos of a material that is worth a trial
_MOST_ASKED = 300  # regions of one material in one draw
_TAUGHT = 2 / 3  # of its photos that may give examples, where it has few
_EPOCHS, _BATCH, _LR = 20, 512, 2e-3


@dataclass(frozen=True)
class Regions:
    """All regions of the data set as one kind of head sees them."""

    embedding: NDArray[np.float32]
    logits: NDArray[np.float32]
    output: NDArray[np.int64]
    """(N,) which output stands for the region's material; -1 for none."""
    new: tuple[int, ...]
    """Materials of the data set that are to be learned."""


class Row(NamedTuple):
    """One learning."""

    material: int
    count: int
    right: float
    """The share of the new material's regions that get its name."""
    before: float
    """Of the old materials' regions, named right by the net alone."""
    after: float
    everyday_before: float
    everyday_after: float
    score: float
    """Mean score of the regions that get the new name, and"""
    precision: float
    """of them the share of the new material, were it as frequent as it is among the regions asked."""


def main() -> None:
    """Read the command line, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("model", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--frozen", help="a description by describe.py of a frozen trunk")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--cost", type=float, action="append", help=f"may be repeated (default: {COST})")
    parser.add_argument("--out", type=Path, help="the figures as JSON, for recipes/card.py")
    parser.add_argument("--cache", help="index of the data set")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data, cache=options.cache)
    found: list[dict[str, Any]] = []
    for kind, regions in kinds(options, dataset):
        for cost in options.cost or [COST]:
            rows = [row for each in regions for row in trials(each, dataset, options.draws, cost)]
            found += [summary(kind, cost, count, rows, dataset) for count in COUNTS]
            print(table(found[-len(COUNTS) :], header=len(found) == len(COUNTS)), flush=True)
    if options.out:
        about = {"model": Record.read(options.model).name, "data": dataset.digest, "draws": options.draws}
        files.write_json(options.out, {**about, "rows": found})


def kinds(options: argparse.Namespace, dataset: RegionDataset) -> Iterator[tuple[str, list[Regions]]]:
    """The kinds of new materials, each with the regions as its heads see them."""
    record = Record.read(options.model)
    photos = {row.material: row.photos for row in dataset.count_by_material()}
    outputs = np.array([record.materials.index(m) if m in record.materials else -1 for m in dataset.materials])
    known = [i for i, output in enumerate(outputs) if output >= 0]
    unknown = [i for i, m in enumerate(dataset.materials) if outputs[i] < 0 and photos[m] >= _LEAST]
    files.make_folder(options.work)
    pooled, own = described(options.model, dataset, options.work / "described.npz")
    yield "unknown", [Regions(*own, outputs[dataset.regions.material], tuple(unknown))]
    groups = [np.random.default_rng(0).permutation(known)[i::_GROUPS] for i in range(_GROUPS)]
    yield "left out", [without(group, pooled, own[0], dataset, outputs) for group in groups]
    if options.frozen:
        frozen = Described.read(options.frozen)
        strides = range(len(frozen.channels))
        features = [frozen.features[:, frozen.columns(strides, (0, 1, 2))]]
        inside = frozen.features[:, frozen.columns(strides, (0,))].float()
        inside = ((inside - inside.mean(dim=0)) / inside.std(dim=0).clamp(min=1e-3)).numpy()
        yield "left out, frozen trunk", [without(group, features, inside, dataset, outputs) for group in groups]


def described(
    model: Path, dataset: RegionDataset, path: Path
) -> tuple[list[torch.Tensor], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """What each member pools of every region, (N, width) each, and the model's own embeddings and logits."""
    net, record = read_net(model)
    members = net.nets if isinstance(net, Ensemble) else [net]
    if not path.is_file():
        parts: list[list[NDArray[np.float16]]] = [[] for _ in members]
        with torch.inference_mode():
            for photo in range(len(dataset)):
                sample = dataset.read(photo)
                features = net.encode(torch.from_numpy(record.preprocessing.image(sample.image)))
                masks, start = torch.from_numpy(record.preprocessing.masks(sample.masks)), 0
                for member, part in zip(members, parts, strict=True):
                    assert isinstance(member, MaskAtPooling)
                    maps = features[start : start + len(member.strides)]
                    start += len(maps)
                    part.append(member.pool(maps, masks).half().numpy())
                if photo % 500 == 0:
                    print(f"described {photo} photos", flush=True)
        np.savez(path, **{f"member{i}": np.concatenate(part) for i, part in enumerate(parts)})
    with np.load(path) as file:
        pooled = [torch.from_numpy(file[f"member{i}"]) for i in range(len(members))]
    temperatures = net.temperatures if isinstance(net, Ensemble) else [1.0]
    own = [member for member in members if isinstance(member, MaskAtPooling)]
    with torch.inference_mode():
        embedding = torch.cat([m.embed(features.float()) for m, features in zip(own, pooled, strict=True)], dim=1)
    return pooled, (embedding.numpy(), answers([member.head for member in own], pooled, temperatures))


@torch.inference_mode()
def answers(heads: list[Head], pooled: list[torch.Tensor], temperatures: Any) -> NDArray[np.float32]:
    """The logits of all regions, as of an ensemble."""
    logs = [
        (head.eval()(features.float()) / temperature).log_softmax(dim=1)
        for head, features, temperature in zip(heads, pooled, temperatures, strict=True)
    ]
    return np.asarray(torch.stack(logs).mean(dim=0))


def without(
    left: NDArray[np.int64], pooled: list[torch.Tensor], embedding: NDArray[np.float32], dataset: RegionDataset,
    outputs: NDArray[np.int64],
) -> Regions:  # fmt: skip
    """Heads that learn from the train split without some materials; the embedding does not depend on them."""
    kept = [i for i, output in enumerate(outputs) if output >= 0 and i not in left]
    renumbered = np.full(len(outputs), -1)
    renumbered[kept] = np.arange(len(kept))
    output = renumbered[dataset.regions.material]
    train = (np.array(dataset.photos.split)[dataset.regions.photo] == "train") & (output >= 0)
    targets = torch.from_numpy(output[train])
    weights = class_weights(np.bincount(output[train]), 0.5)
    heads = []
    for features in pooled:
        own = features[torch.from_numpy(train)].float()
        torch.manual_seed(0)
        random = np.random.default_rng(0)
        head = Head(own.shape[1], len(kept), hidden=256, dropout=0.3)
        head.fit_scale(own)
        optimizer = torch.optim.AdamW(head.parameters(), lr=_LR, weight_decay=1e-2)
        steps = _EPOCHS * -(-len(own) // _BATCH)
        for step in range(steps):
            rows = torch.from_numpy(random.choice(len(own), _BATCH))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, _LR, Config())
            loss = F.cross_entropy(head(own[rows]), targets[rows], weight=weights, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        heads.append(head)
    return Regions(embedding, answers(heads, pooled, [1.0] * len(heads)), output, tuple(left.tolist()))


def trials(regions: Regions, dataset: RegionDataset, draws: int, cost: float) -> Iterator[Row]:
    """Learn each new material from each number of examples, a number of times."""
    photo, material = dataset.regions.photo.astype(np.int64), dataset.regions.material
    everyday = np.array(dataset.photos.source)[photo] == SOURCE
    share = (dataset.regions.area / (dataset.photos.height * dataset.photos.width)[photo]).astype(np.float32)
    val = (np.array(dataset.photos.split)[photo] == "val") & (regions.output >= 0)
    used = regions.logits.shape[1]
    for draw in range(draws):
        random = np.random.default_rng(draw)
        first = random.permutation(np.unique(photo[val]))
        remembered = val & np.isin(photo, first[: len(first) // 2])
        asked = val & ~remembered
        memory = Memory(
            regions.embedding[remembered], regions.logits[remembered], regions.output[remembered],
            tuple(map(str, range(used))), photo[remembered], share[remembered], np.ones(remembered.sum(), np.bool_),
        )  # fmt: skip
        temperature = fit_temperature(memory.logits, memory.truth)
        lessons: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
        for new in regions.new:
            own = random.permutation(np.flatnonzero(material == new))
            for count in COUNTS:
                chosen = draw_examples(own, photo, count)
                rest = own[~np.isin(photo[own], photo[chosen])][:_MOST_ASKED]
                if len(chosen) == count and len(rest):
                    lessons.append((new, chosen, rest))
        chosen = np.concatenate([chosen for _, chosen, _ in lessons])
        of = np.repeat(np.arange(len(lessons)), [len(own) for _, own, _ in lessons])
        examples = Examples(regions.embedding[chosen], regions.logits[chosen], of, photo[chosen], share[chosen])
        # Learned in one go, for the time's sake, and asked one at a time: what one becomes does not depend on others.
        every = fit(memory, examples, knowing(used, len(lessons), temperature), cost).learned
        assert every is not None
        record = knowing(used, 1, temperature)
        was = regions.logits[asked].argmax(axis=1) == regions.output[asked]
        daily = everyday[asked]
        for k, (new, own, rest) in enumerate(lessons):
            one = dataclasses.replace(every, weight=every.weight[k : k + 1], bias=every.bias[k : k + 1])
            old, found = (
                probabilities(one.beside(regions.logits[rows], regions.embedding[rows], record), record)
                for rows in (asked, rest)
            )
            right = old.argmax(axis=1) == regions.output[asked]
            both = np.concatenate([found, old])
            says, is_new = both.argmax(axis=1) == used, np.arange(len(both)) < len(found)
            yield Row(
                new, len(own), float((found.argmax(axis=1) == used).mean()), was.mean(), right.mean(),
                was[daily].mean(), right[daily].mean(),
                float(both[says, used].mean()) if says.any() else np.nan,
                float(is_new[says].mean()) if says.any() else np.nan,
            )  # fmt: skip


def knowing(old: int, new: int, temperature: float) -> Record:
    """The record of a model with so many materials of its own and so many learned ones."""
    names = tuple(map(str, range(old + new)))
    return Record(
        "trial", "1", names, Preprocessing(), {}, Calibration(temperature), net_materials=names[:old],
        columns=tuple((i,) for i in range(old + new)),
    )  # fmt: skip


def draw_examples(own: NDArray[np.int64], photo: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first regions, (count,) or fewer, of as many photos as possible, and of some of the photos only."""
    photos = list(dict.fromkeys(photo[own].tolist()))
    taught = own[np.isin(photo[own], photos[: max(1, int(len(photos) * _TAUGHT))])]
    turn = [int((photo[taught[:i]] == photo[region]).sum()) for i, region in enumerate(taught)]
    return taught[np.argsort(turn, kind="stable")][:count]


def summary(kind: str, cost: float, count: int, rows: list[Row], dataset: RegionDataset) -> dict[str, Any]:
    """The figures of one line; intervals by drawing materials anew, and of each some of its trials."""
    own = [row for row in rows if row.count == count]
    by_material = [[row.right for row in own if row.material == m] for m in sorted({row.material for row in own})]
    if not own:
        return {"new": kind, "cost": cost, "examples": count, "materials": 0}
    random = np.random.default_rng(0)
    means = [
        np.mean([
            np.mean(random.choice(by_material[i], len(by_material[i])))
            for i in random.integers(len(by_material), size=len(by_material))
        ])
        for _ in range(2000)
    ]  # fmt: skip
    losses = np.array([row.before - row.after for row in own])
    return {
        "new": kind,
        "cost": cost,
        "examples": count,
        "materials": len(by_material),
        "trials": len(own),
        "accuracy": float(np.mean([np.mean(values) for values in by_material])),
        "interval": np.quantile(means, [0.025, 0.975]).tolist(),
        "worst": [float(v) for v in np.quantile([np.mean(values) for values in by_material], [0.1, 0.5, 0.9])],
        "old before": float(np.mean([row.before for row in own])),
        "old lost": float(losses.mean()),
        "old lost at most": float(np.quantile(losses, 0.95)),
        "everyday before": float(np.mean([row.everyday_before for row in own])),
        "everyday lost": float(np.mean([row.everyday_before - row.everyday_after for row in own])),
        "mean score": float(np.nanmean([row.score for row in own])),
        "precision": float(np.nanmean([row.precision for row in own])),
        "by material": {
            dataset.materials[m]: float(np.mean(values))
            for m, values in zip(sorted({row.material for row in own}), by_material, strict=True)
        },
    }


def table(rows: list[dict[str, Any]], *, header: bool) -> str:
    """Markdown."""
    lines = []
    if header:
        head = [
            "new materials", "cost", "examples", "materials", "right", "old: right before", "lost",
            "lost, 95% of draws", "everyday: right before", "lost", "mean score of the new name", "right with it",
        ]  # fmt: skip
        lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    for row in rows:
        if row["materials"]:
            low, high = row["interval"]
            cells = [
                row["new"], f"{row['cost']:.1%}", row["examples"], row["materials"],
                f"{row['accuracy']:.3f} ({low:.3f} to {high:.3f})", f"{row['old before']:.3f}",
                f"{row['old lost']:.4f}", f"{row['old lost at most']:.4f}", f"{row['everyday before']:.3f}",
                f"{row['everyday lost']:.4f}", f"{row['mean score']:.2f}", f"{row['precision']:.2f}",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
