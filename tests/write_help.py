"""Writes docs/command-line.md from the parsers; tests/project/test_docs.py compares."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from madeof.cli.main import make_parser

PAGE = Path(__file__).parent.parent / "docs" / "command-line.md"


def page() -> str:
    """The page with the help of every command at 100 columns."""
    os.environ["COLUMNS"] = "100"
    parser = make_parser()
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [
        "# Command line\n",
        "Data go to standard output, everything else to standard error. Exit status: 0 done, 1 the input or the work "
        "failed, 2 the command line is wrong, 130 interrupted with Ctrl-C.\n",
        f"```text\n{parser.format_help()}```\n",
    ]
    for name, command in subparsers.choices.items():
        parts.append(f"## madeof {name}\n\n```text\n{command.format_help()}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
