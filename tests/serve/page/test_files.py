"""The page's files, looked at without a browser: they ship, need nothing else, and fit the service's strict policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from serving import make_app, test_client

import madeof.serve
from madeof.inference.predictor import Predictor

FOLDER = Path(madeof.serve.__file__).parent / "page"
SCRIPTS = sorted(FOLDER.glob("*.js"))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def elements() -> list[tuple[str, dict[str, str | None]]]:
    parser = _Elements()
    parser.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    return parser.found


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(
    elements: list[tuple[str, dict[str, str | None]]],
) -> None:
    for tag, attributes in elements:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not {name for name in attributes if name == "style" or name.startswith("on")}, attributes
        for name in ("src", "href"):
            value = attributes.get(name) or ""
            assert not re.match(r"[a-z]+:|//", value), value
    for path in (FOLDER / "style.css", *SCRIPTS):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/)|@import|\beval\(|new Function|innerHTML", text), path.name


def test_every_file_that_is_named_is_there_and_none_is_left_over(tiny_predictor: Predictor) -> None:
    named = set(re.findall(r'(?:href|src)="(page/[\w.-]+)"', (FOLDER / "index.html").read_text(encoding="utf-8")))
    for path in SCRIPTS:
        found = re.findall(r'from "\./([\w.-]+)"', path.read_text(encoding="utf-8"))
        named |= {f"page/{name}" for name in found}
    assert named == {f"page/{path.name}" for path in FOLDER.iterdir() if path.name != "index.html"}
    with test_client(make_app(tiny_predictor)) as client:
        for name in sorted(named | {"", "page/example.jpg"}):
            response = client.get(f"/{name}")
            assert response.status_code == 200, name
            if name.endswith(".js"):  # browsers refuse modules of another type
                assert response.headers["content-type"].startswith("text/javascript")


def test_every_id_that_the_scripts_use_exists(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    used = {name for path in SCRIPTS for name in re.findall(r'\$\("([\w-]+)"\)', path.read_text(encoding="utf-8"))}
    ids = [attributes["id"] for _, attributes in elements if attributes.get("id")]
    assert used
    assert used <= set(ids)
    assert len(ids) == len(set(ids))


def test_every_button_and_key_does_something(elements: list[tuple[str, dict[str, str | None]]]) -> None:
    app = (FOLDER / "app.js").read_text(encoding="utf-8")
    known = set(re.findall(r'^    "?([\w-]+)"?(?:: |,$)', app[app.index("const actions = {") :], re.MULTILINE))
    asked = {str(attributes["data-do"]) for _, attributes in elements if attributes.get("data-do")}
    keys = (FOLDER / "keys.js").read_text(encoding="utf-8")
    asked |= set(re.findall(r'action: "([\w:-]+)"', keys)) | set(re.findall(r'\["[^"]+", "([a-z][a-z-]+)"\]', keys))
    assert len(asked) > 20
    assert {action.split(":")[0] for action in asked} <= known


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_and_say_what_they_are(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300
    assert lines[0].startswith("// ")
    assert max(map(len, lines)) <= 140
