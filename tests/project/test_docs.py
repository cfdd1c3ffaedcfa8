"""The docs are true: their pages run, `--help` is what they show, links and settings exist."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

import write_help
from madeof.cli.main import COMMANDS, make_parser
from madeof.training import Config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_help_is_what_the_docs_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert write_help.PAGE.read_text(encoding="utf-8") == write_help.page(), "run  python tests/write_help.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_every_setting_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    missing = [f.name for f in dataclasses.fields(Config) if f"`{f.name}`" not in text]
    assert not missing


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda recipe: recipe.name)
def test_recipes_are_settings(recipe: Path) -> None:
    config = Config.load(recipe)
    assert config.net == ("MaskAtStem" if recipe.stem == "original" else "MaskAtPooling")


def command_lines() -> dict[str, list[str]]:
    """What each page's bash blocks call `madeof` with, by the page's name."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            calls = re.findall(r"(?:^|&& )(?:\.venv/bin/)?(madeof .*)", block.replace("\\\n", " "), flags=re.MULTILINE)
            found.setdefault(page.name, []).extend(calls)
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("name", sorted(command_lines()))
def test_every_command_line_in_the_docs_parses(name: str) -> None:
    for line in command_lines()[name]:
        if "..." not in line:
            make_parser().parse_args(shlex.split(line.partition(" > ")[0].partition("  #")[0])[1:])


def test_every_command_is_shown_in_the_docs() -> None:
    """So no page, no block and no kind of block can drop out of the test above unseen."""
    lines = [line for page in command_lines().values() for line in page]
    commands = {add_parser.__module__.rpartition(".")[2].replace("_", "-") for add_parser in COMMANDS}
    assert commands - {line.split()[1] for line in lines if "..." not in line} == set()
    assert set(command_lines()) == {page.name for page in PAGES if re.search(r"^madeof [a-z]", code_of(page), re.M)}
    assert len(lines) >= 45


def code_of(page: Path) -> str:
    """All that is set as code on a page, of whatever language, but for what commands print."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return "\n".join(code for language, code in blocks if language != "text")
