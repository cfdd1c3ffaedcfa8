"""Timing many jobs in turns, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

TURN = 0.2
"""Seconds for which a turn repeats a short job."""

FURTHER = 0
"""In place of the number of regions: some regions alone, of a photo that was read before."""

Key = tuple[str, int, int]
"""Who, megapixels, regions."""


@dataclass
class Times:
    """Of one job: a figure for each round, in seconds."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """The jobs and what they took."""

    jobs: dict[Key, Callable[[], object]] = field(default_factory=dict)
    times: dict[Key, Times] = field(default_factory=dict)
    further: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many regions are answered alone, by who and megapixels."""

    def measure(self, rounds: int) -> None:
        """One round that is not counted, to warm up, then `rounds` rounds."""
        shuffled, keys = random.Random(0), list(self.jobs)
        for turn in range(rounds + 1):
            started = time.perf_counter()
            for key in keys:
                processor, wall = self._turn(self.jobs[key], TURN if turn else 0)
                if turn:
                    times = self.times.setdefault(key, Times())
                    times.processor.append(processor)
                    times.wall.append(wall)
            name = f"round {turn} of {rounds}" if turn else "warm-up"
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
            shuffled.shuffle(keys)

    @staticmethod
    def _turn(job: Callable[[], object], seconds: float) -> tuple[float, float]:
        runs: list[tuple[float, float]] = []
        end = time.perf_counter() + seconds
        while not runs or time.perf_counter() < end:
            wall, processor = time.perf_counter(), time.process_time()
            job()
            runs.append((time.process_time() - processor, time.perf_counter() - wall))
        return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)

    def seconds(self, who: str, photo: int, count: int) -> tuple[float, bool] | None:
        """The median of processor time from file to answers, and whether it was measured; None where nothing was."""
        if (who, photo, count) in self.times:
            return self.measured(who, photo, count), True
        regions = self.further.get((who, photo))
        if regions is None:
            return None
        most = max(n for name, size, n in self.times if (name, size) == (who, photo) and n <= count)
        each = self.measured(who, photo, FURTHER) / regions
        return self.measured(who, photo, most) + (count - most) * each, False

    def wall(self, who: str, photo: int, count: int) -> float:
        """The median of wall time of a job that has run."""
        return statistics.median(self.times[who, photo, count].wall)

    def measured(self, who: str, photo: int = 0, count: int = 0) -> float:
        """The median of a job that has run."""
        return statistics.median(self.times[who, photo, count].processor)


def milliseconds(found: tuple[float, bool] | None) -> str:
    """Of seconds; "~" where they were not measured."""
    if found is None:
        return "-"
    value = found[0] * 1e3
    return f"{'' if found[1] else '~'}{value:.1f}" if value < 100 else f"{'' if found[1] else '~'}{value:,.0f}"
