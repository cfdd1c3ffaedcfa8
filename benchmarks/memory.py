"""How much memory a process holds once a model is loaded, and after 300 photos of all shapes.

    python benchmarks/memory.py [--photos 300] [--quick] [--write docs/research/benchmarks.md]

Needs the extra `dev` and Linux; 8 minutes, or 2 with `--quick`. Each row is a fresh process with one thread, which
imports only what it needs. The photos have sides of 200 to 1600 pixels and are made in a temporary folder; madeof
answers for 1 to 50 regions of each, the others for 1 to 4, as each region costs them a pass.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from common import machine, make_photo, make_regions, publish, without_folders
from peers import GRAPH_CROPS, Peer, load_peers

from madeof.evaluation.report.markdown import markdown_table
from madeof.model.onnx_engine import ENGINES
from madeof.regions.region import Region

SIDES = (200, 1600)
OURS_MOST, PEERS_MOST = 50, 4
_EXPORT, _GRAPH = "export", "resnet50.onnx"
_OURS = "madeof, "
PEERS = (
    "the original, whole net a region, at 224 px",
    "ResNet-50 on crops, PyTorch",
    "ResNet-50 on crops, torch.compile",
    *GRAPH_CROPS,
)
"""The original at its own size would take ten minutes; it holds more than at 224 px."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="30 photos")
    parser.add_argument("--model", type=Path, help="a model folder (default: the bundled one)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="fill its block `memory`")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not Path("/proc/self/status").is_file():
        raise SystemExit("this system has no /proc/self/status, from which to read the memory: run it on Linux")
    if options.child == _EXPORT:
        from torch_peers import graph

        (options.folder / _GRAPH).write_bytes(graph())
        return
    if options.child:
        print(json.dumps(child(options.child, options.folder, options.model)))
        return
    count = 30 if options.quick else options.photos
    rows, notes = [], list[str]()
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder), count)
        run(_EXPORT, folder, options.model)
        for name in (*(_OURS + engine for engine in ENGINES), *PEERS):
            print(name, file=sys.stderr, flush=True)
            done = run(name, folder, options.model)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["failed"])[-1]
                notes.append(f"- not measured: {name} ({without_folders(reason)}).")
                continue
            figures = json.loads(done.stdout.splitlines()[-1])
            rows.append([name, *(f"{figures[key]:.0f}" for key in ("loaded", "middle", "end", "peak"))])
    head = ["process, MB", "loaded", f"after {count // 2} photos", f"after {count}", "at most"]
    text = f"Resident memory; one thread. {machine()}."
    publish("\n\n".join(filter(None, [text, markdown_table(head, rows), "\n".join(notes)])), "memory", options.write)


def run(name: str, folder: str, model: Path | None) -> subprocess.CompletedProcess[str]:
    """One row, in a process of its own."""
    command = [sys.executable, __file__, "--child", name, "--folder", folder]
    return subprocess.run([*command, *(["--model", str(model)] if model else [])], capture_output=True, text=True)


def make_photos(folder: Path, count: int) -> None:
    """JPEG files of random width and height, which their names tell."""
    random = np.random.default_rng(0)
    for i in range(count):
        width, height = (int(side) for side in random.integers(*SIDES, 2))
        make_photo(folder / f"{i:03}_{width}_{height}.jpg", width, height)


def child(name: str, folder: Path, model: Path | None) -> dict[str, float]:
    """Load what `name` says, answer for all photos of `folder`; megabytes on the way."""
    answer, most = loaded(name, folder, model)
    figures = {"loaded": megabytes("VmRSS")}
    random = np.random.default_rng(0)
    photos = sorted(folder.glob("*.jpg"))
    for i, path in enumerate(photos, 1):
        width, height = (int(side) for side in path.stem.split("_")[1:])
        answer(path, make_regions(width, height, int(random.integers(1, most + 1))))
        if i == len(photos) // 2:
            figures["middle"] = megabytes("VmRSS")
    return {**figures, "end": megabytes("VmRSS"), "peak": megabytes("VmHWM")}


def loaded(name: str, folder: Path, model: Path | None) -> tuple[Callable[[Path, Sequence[Region]], object], int]:
    """What answers for a photo, and for how many regions it is asked at most."""
    if name.startswith(_OURS):
        from madeof.inference.predictor import load

        predictor = load(model, threads=1, engine=name.removeprefix(_OURS))

        def answer(path: Path, regions: Sequence[Region]) -> object:
            predictor.set_image(path)
            return predictor.predict(regions)

        return answer, OURS_MOST
    makers: dict[str, Callable[[], Peer]]
    if name in GRAPH_CROPS:
        makers = {name: partial(GRAPH_CROPS[name], (folder / _GRAPH).read_bytes())}
    else:
        from torch_peers import ORIGINALS, TORCH_CROPS, one_thread

        one_thread()
        makers = {**ORIGINALS, **TORCH_CROPS}
    notes: list[str] = []
    peers = load_peers({name: makers[name]}, notes)
    if not peers:
        raise SystemExit(notes[0])
    peer = peers[name]
    return lambda path, regions: peer.answer(peer.read(path), regions), PEERS_MOST


def megabytes(what: str) -> float:
    """A line of /proc/self/status: VmRSS is what the process holds now, VmHWM the most that it held."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[what].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
