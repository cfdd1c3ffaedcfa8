"""Logs of a training: metrics.csv, TensorBoard, and a progress bar."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from madeof._util import files

METRICS = "metrics.csv"
COLUMNS = (
    "step", "epoch", "batch", "lr", "loss", "train_accuracy", "val_accuracy", "val_mean_class_accuracy",
    "judged_accuracy", "judged_mean_class_accuracy", "seconds",
)  # fmt: skip


class Log:
    """One row an epoch in metrics.csv, the same to TensorBoard, and a bar.

    Args:
        folder: the run.
        kept: rows of an interrupted training that the resumed one does not write again.
        quiet: no bar.
        writes: False in all processes but the first.
    """

    def __init__(self, folder: Path, kept: list[dict[str, str]], *, quiet: bool, writes: bool) -> None:
        self.folder, self.quiet, self.writes = folder, quiet, writes
        self.rows: list[dict[str, Any]] = list(kept)
        self._bar: tqdm[Any] | None = None
        self._board: Any = None

    def row(self, values: dict[str, Any]) -> None:
        """Write one epoch's figures."""
        self.rows.append(values)
        if not self.writes:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        files.write_text(self.folder / METRICS, text.getvalue())
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self.folder / "tensorboard"))
        for name in COLUMNS[3:-1]:
            if values[name] is not None:
                self._board.add_scalar(f"{values['step']}/{name}", values[name], values["batch"])
        self._board.flush()

    def epoch(self, epochs: int) -> None:
        """Without a terminal, log a line for each tenth of a step's `epochs`."""
        last = self.rows[-1]
        if sys.stderr.isatty() or (last["epoch"] % max(1, epochs // 10) and last["epoch"] != epochs):
            return
        val = "" if last["val_accuracy"] is None else f", val accuracy {last['val_accuracy']:.3f}"
        self.note(f"madeof: {last['step']}: epoch {last['epoch']} of {epochs}: loss {last['loss']:.3f}{val}")

    def begin(self, title: str, total: int, done: int = 0) -> None:
        """Start a bar of `total` units with time left; without a terminal there is none."""
        self.end()
        if self.writes and not self.quiet:
            self._bar = tqdm(total=total, initial=done, desc=title, disable=None, dynamic_ncols=True, leave=True)

    def advance(self, count: int = 1, **figures: str) -> None:
        """Move the bar on."""
        if self._bar is not None:
            if figures:
                self._bar.set_postfix(figures, refresh=False)
            self._bar.update(count)

    def note(self, text: str) -> None:
        """A line above the bar, on standard error."""
        if self.writes and not self.quiet:
            tqdm.write(text, file=sys.stderr)

    def end(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def close(self) -> None:
        """Close everything."""
        self.end()
        if self._board is not None:
            self._board.close()
            self._board = None


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv, or none."""
    path = folder / METRICS
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
