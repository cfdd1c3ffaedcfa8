"""How quickly madeof starts, as ratios to Python and to `import torch`, in one interleaved run of fresh processes.

    python benchmarks/startup.py [ROUNDS]

`import torch` is left out where PyTorch is not installed.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from pathlib import Path

import madeof

DEMO = Path(madeof.__file__).parent / "demo"
PREDICT = f"import madeof; print(madeof.classify({str(DEMO / 'coffee.jpg')!r}, {str(DEMO / 'spoon.png')!r}).material)"

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import madeof": [sys.executable, "-c", "import madeof"],
    "madeof --help": [str(Path(sys.executable).parent / "madeof"), "--help"],
    "first prediction": [sys.executable, "-c", PREDICT],
    "import torch": [sys.executable, "-c", "import torch"],
}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    names = [n for n in COMMANDS if n != "import torch" or importlib.util.find_spec("torch")]
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        seconds(COMMANDS[name])  # fills the caches of the disk
    for _ in range(rounds):
        for name in names:
            times[name].append(seconds(COMMANDS[name]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("| process | median ms | x python | x import torch |")
    print("| --- | ---: | ---: | ---: |")
    for name, median in medians.items():
        torch = f"{median / medians['import torch']:.2f}" if "import torch" in medians else ""
        print(f"| {name} | {1000 * median:.0f} | {median / medians['python -c pass']:.1f} | {torch} |")


if __name__ == "__main__":
    main()
