"""Augmentations judged on photos of sources that were left out: the honest estimate for photos not yet seen.

    python recipes/experiments/left_out.py describe DATA WORK --trunk NAME --weights FILE [--every 2]
    python recipes/experiments/left_out.py table WORK

`describe` pools regions under a frozen trunk: those of every second photo of the left-out sources, as they are and in a
window around each (the second look), and those of every second training photo of all other sources, as they are and in
one augmented view for each row of `VIEWS` (killed and started again, it goes on with the view that is missing).
`table` trains a head on the plain view and an augmented one, and asks it for the left-out regions, once and twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from madeof.datasets import RegionDataset, open_dataset
from madeof.nets import MaskAtPooling, build
from madeof.nets.mask_at_pooling import Head
from madeof.training.cache import plain_batch
from madeof.training.config import Config
from madeof.training.run import choose_materials
from madeof.training.samplers import Batch, PhotosSampler, collate

FIRST_ROUND = ("bsds500", "houses", "clothing-co-parsing", "labelMeFacade", "TrashNet", "Oxford-IIIT Pets sample",
               "GroceryStoreDataset", "everyday", "CWFID")  # fmt: skip
VIEWS = {
    "plain crops": [],
    "pasted regions": ["copy_paste=0.5"],
    "pasted, small and turned too": ["copy_paste=0.5", "copy_paste_min=0.06", "harsh=0.01"],
    "close crops": ["close=0.4"],
    "mosaics": ["mosaic=0.3"],
    "harsh light, leaking masks": ["harsh=0.3"],
    "all together": ["copy_paste=0.5", "copy_paste_min=0.06", "close=0.4", "mosaic=0.2", "harsh=0.25"],
}
SETTINGS = ["side=384", "crop=256", "attention=0", "min_photos=15", "mask_noise=0.3"]
SEEDS, EPOCHS, BATCH, RATE = 3, 20, 256, 1e-3
AROUND, LEAST, LOOK = (
    2.0,
    128,
    256,
)  # a window's side: in longer sides of the box, pixels at least, and as the net sees it


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    describing = commands.add_parser("describe")
    describing.add_argument("data", type=Path)
    describing.add_argument("work", type=Path)
    describing.add_argument("--trunk", required=True)
    describing.add_argument("--weights", required=True)
    describing.add_argument("--every", type=int, default=2)
    describing.add_argument("--set", action="append", default=[], help="settings of the trunk: mean=[...], std=[...]")
    table_ = commands.add_parser("table")
    table_.add_argument("work", type=Path)
    options = parser.parse_args()
    if options.command == "describe":
        describe(options)
    else:
        table(options.work)


def describe(options: argparse.Namespace) -> None:
    """Pool every view into a file of its own under WORK."""
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    whole = open_dataset(options.data)
    _, outputs = choose_materials(whole.materials, whole.split("train"), 15)
    common = [*SETTINGS, f"backbone={options.trunk}", *options.set]
    config = Config.load(None, common)
    net = build(config.architecture, int(outputs.max()) + 1)
    assert isinstance(net, MaskAtPooling)
    net.backbone.load(options.weights)
    net.eval().to(memory_format=torch.channels_last)

    first = np.isin(np.array(whole.photos.source), FIRST_ROUND)
    left_out = whole.select(np.flatnonzero(~first)[:: options.every])
    train = whole.select(np.flatnonzero(first & (np.array(whole.photos.split) == "train"))[:: options.every])

    known = outputs[left_out.regions.material] >= 0
    source = np.array(left_out.photos.source)[left_out.regions.photo[known]]
    np.savez(options.work / "left out.npz", source=source)

    def plain(dataset: RegionDataset) -> Iterator[Batch]:
        usable = np.unique(dataset.regions.photo[outputs[dataset.regions.material] >= 0])
        return (plain_batch(dataset, outputs, config.preprocessing, int(photo)) for photo in usable)

    def augmented(settings: list[str]) -> Iterator[Batch]:
        sampler = PhotosSampler(train, outputs, Config.load(None, [*common, *settings]))
        return (sampler.batch(step) for step in range(sampler.steps_per_epoch))

    views = {"left out": plain(left_out), "closer": windows(left_out, outputs, config), "as they are": plain(train)}
    views |= {name: augmented(settings) for name, settings in VIEWS.items()}
    for name, batches in views.items():
        path = options.work / f"{name}.pt"
        if not path.exists():
            torch.save(pooled(net, batches), path)
            print(name, flush=True)


def windows(dataset: RegionDataset, outputs: np.ndarray, config: Config) -> Iterator[Batch]:
    """Each region that has an output, in a square around it; a batch for each photo."""
    for photo in np.unique(dataset.regions.photo[outputs[dataset.regions.material] >= 0]):
        sample = dataset.read(int(photo))
        parts = []
        for mask, material in zip(sample.masks, outputs[sample.materials], strict=True):
            if material < 0:
                continue
            ends = [np.flatnonzero(mask.any(axis=axis))[[0, -1]] + (0, 1) for axis in (1, 0)]
            side = round(max(LEAST, AROUND * max(stop - start for start, stop in ends)))
            corner = [max(0, min((a + b - side) // 2, n - side)) for (a, b), n in zip(ends, mask.shape, strict=True)]
            place = tuple(slice(start, start + side) for start in corner)
            image = torch.from_numpy(np.ascontiguousarray(sample.image[place])).permute(2, 0, 1)[None].float()
            region = torch.from_numpy(mask[place].astype(np.float32))[None, None]
            image, region = (
                F.interpolate(x, (LOOK, LOOK), mode="bilinear", antialias=True, align_corners=False)
                for x in (image, region)
            )
            pixels = image[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
            parts.append((pixels, region[0].numpy(), np.array([material]), sample.name))
        yield collate(parts, config.preprocessing)


@torch.no_grad()
def pooled(net: MaskAtPooling, batches: Iterator[Batch]) -> tuple[Tensor, Tensor]:
    """Features (N, width) float16 and materials (N,)."""
    features, materials = [], []
    for batch in batches:
        if len(batch.materials):
            features.append(net.pool(net.encode(batch.images), batch.masks, batch.photo).half())
            materials.append(batch.materials)
    return torch.cat(features), torch.cat(materials)


def table(work: Path) -> None:
    """Print a row for each view."""
    torch.set_num_threads(1)
    source = np.load(work / "left out.npz")["source"]
    asked, truth = torch.load(work / "left out.pt")
    closer, _ = torch.load(work / "closer.pt")
    print("| trained on the photos as they are and | everyday2 once | twice | wild once | twice |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in ["", *VIEWS]:
        paths = [work / "as they are.pt"] + ([work / f"{name}.pt"] if name else [])
        if not all(path.exists() for path in paths):
            continue
        parts = [torch.load(path) for path in paths]
        features, materials = (torch.cat([part[i] for part in parts]) for i in (0, 1))
        right = np.stack([answers(features.float(), materials, asked, closer, truth, seed) for seed in range(SEEDS)])
        cells = []
        for rows in (source == "everyday2", source != "everyday2"):
            for look in (0, 1):
                values = right[:, look][:, rows].mean(axis=1)
                cells.append(f"{values.mean():.3f} +- {values.std():.3f}")
        print(f"| {name or 'nothing else'} | " + " | ".join(cells) + " |", flush=True)


def answers(features: Tensor, materials: Tensor, asked: Tensor, closer: Tensor, truth: Tensor, seed: int) -> np.ndarray:
    """Whether a head that learns these features is right on the left-out regions, (2, N): in one look, and in two."""
    torch.manual_seed(seed)
    head = Head(features.shape[1], int(max(materials.max(), truth.max())) + 1, hidden=256, dropout=0.3)
    head.fit_scale(features)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=1e-2)
    steps = EPOCHS * (-(-len(materials) // BATCH))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(materials)), BATCH):
            loss = F.cross_entropy(head(features[rows]), materials[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    head.eval()
    with torch.no_grad():
        once, again = (head(x.float()).log_softmax(dim=1) for x in (asked, closer))
    return np.stack([(scores.argmax(dim=1) == truth).numpy() for scores in (once, (once + again) / 2)])


if __name__ == "__main__":
    main()
