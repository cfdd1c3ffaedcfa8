"""Writes docs/command-line.md from the parsers; tests/project/test_docs.py compares."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from madeof.cli.main import make_parser

PAGE = Path(__file__).parent.parent / "docs" / "command-line.md"
INTRODUCTION = """\
# Command line

Results go to standard output, everything else to standard error. Exit status: 0 done, 1 the input or the work failed,
2 the command line is wrong, 130 interrupted with Ctrl-C.

The help of each command follows, with short usage lines; options that several commands share are shown
once.
"""
_OPTION = re.compile(r"^(  --\S+(?: \S+)* *(?:  |\n {20,}))\S.*(?:\n {20,}\S.*)+$", re.MULTILINE)
"""One with two lines of help or more; the first group is all before its help."""


def page() -> str:
    """The page with the help of every command at 100 columns."""
    os.environ["COLUMNS"] = "100"
    parser = make_parser()
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    parts = [INTRODUCTION, f"```text\n{parser.format_help()}```\n"]
    shown: dict[str, str] = {}
    for name, command in subparsers.choices.items():
        parts.append(f"## madeof {name}\n\n```text\n{shorten(command, name, shown)}```\n")
    return "\n".join(parts)


def shorten(command: argparse.ArgumentParser, name: str, shown: dict[str, str]) -> str:
    """A command's help with a short usage line and without what is in `shown`, to which its own is added."""
    _, *sections = command.format_help().removesuffix("\n").split("\n\n")
    found = [f"usage: {usage(command)}"]
    for section in sections:
        title, _, options = section.partition("\n")
        first = shown.setdefault(" ".join(section.split()), name)
        if first != name and options.count("\n") > 1:
            found.append(f"{title}\n  as for madeof {first}")
        else:
            found.append(re.sub(_OPTION, lambda option: shorten_option(option, name, shown), section))
    return "\n\n".join(found) + "\n"


def shorten_option(option: re.Match[str], name: str, shown: dict[str, str]) -> str:
    """An option with its help, or with the command in which it was shown before."""
    first = shown.setdefault(" ".join(option[0].split()), name)
    return option[0] if first == name else f"{option[1]}as for madeof {first}"


def usage(command: argparse.ArgumentParser) -> str:
    """A command's name, its required options and its arguments."""
    formatter = command._get_formatter()
    actions = [each for each in command._actions if not each.option_strings or each.required]
    formatter.add_usage(None, actions, command._mutually_exclusive_groups, prefix="")
    words = formatter.format_help().split()
    return " ".join([*words[:2], "[options]", *words[2:]])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
