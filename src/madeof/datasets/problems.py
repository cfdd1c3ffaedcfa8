"""Problems with the files of a data set, collected for one message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from madeof._util.text import show
from madeof.errors import DatasetError

LISTED = 10
"""Number of problems that a message lists; the rest is counted."""


class Problem(NamedTuple):
    """A file that cannot be used, and why."""

    file: str
    """Relative to the data set, "/" between folders."""
    reason: str
    """One line that names the file."""


def complaint(where: str | Path, problems: Sequence[Problem]) -> DatasetError:
    """The error that names the first ten of `problems` and counts the others."""
    told = [problem.reason for problem in problems[:LISTED]]
    if len(problems) > LISTED:
        told.append(f"and {len(problems) - LISTED} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DatasetError(
        f"{show(where)}: {count}: {'; '.join(told)}. Mend them, or leave them out with skip_bad=True (--skip-bad)"
    )
