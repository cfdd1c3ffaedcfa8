"""The docs are true: their pages run, `--help` is what they show, links and settings exist."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import write_help
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


def test_every_command_line_in_the_docs_parses() -> None:
    """Each `madeof ...` line of a bash block is one that the parser takes."""
    import shlex

    from madeof.cli.main import make_parser

    seen = 0
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("madeof ") and "..." not in line:
                    make_parser().parse_args(shlex.split(line.partition(" > ")[0].partition("  #")[0])[1:])
                    seen += 1
    assert seen > 5
