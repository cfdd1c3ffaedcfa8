"""Each room imports only rooms below it, and few files lie in the package root."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "madeof"
FLOORS = (
    ("errors", "_version"),
    ("_util",),
    ("images", "materials"),
    ("metrics", "properties", "regions"),
    ("datasets", "model"),
    ("nets", "viz"),
    ("inference",),
    ("few_shot", "serve"),
    ("evaluation", "export"),
    ("batch", "training"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def test_no_room_imports_its_own_floor_or_one_above() -> None:
    arrows = list(_arrows())
    assert [arrow for arrow in arrows if FLOOR[arrow[2]] >= FLOOR[arrow[1]]] == []
    assert {room for _, room, _ in arrows} | {room for _, _, room in arrows} == FLOOR.keys()


def test_the_page_tells_the_ladder() -> None:
    page = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page, re.MULTILINE)
    assert [(int(floor), re.findall(r"`(\w+)`", rooms)) for floor, rooms in rows] == [
        (floor, list(rooms)) for floor, rooms in reversed(list(enumerate(FLOORS, start=1)))
    ]


def test_the_package_root_holds_six_files_at_most() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 6
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"errors", "_version"} == FLOOR.keys()


def _arrows() -> Iterator[tuple[str, str, str]]:
    """Each import of a room in another: "file:line", the importing room, the imported one. Deferred imports count."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in FLOOR:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                if name.startswith("madeof.") and (other := name.split(".")[1]) != room:
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", room, other
