"""Properties of answers in the formats of the programs that need them. Nothing but the standard library writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from madeof._util import files
from madeof.properties.export import gltf, ifc, materialx, mujoco, pyroomacoustics, sionna, usd
from madeof.properties.export.values import Values
from madeof.properties.kinds import KINDS


@dataclass(frozen=True)
class Target:
    """A program that takes properties."""

    name: str
    suffixes: tuple[str, ...]
    """Of its files; the first is the usual one."""
    properties: tuple[str, ...]
    """Those that it can hold."""
    write: Callable[[Values], Iterator[str]]
    """The text of the file, in parts."""
    notes: tuple[str, ...] = ()
    """What one should know of what it holds."""


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("pyroomacoustics", (".json",), ("absorption",), pyroomacoustics.write, pyroomacoustics.NOTES),
        Target("sionna", (".json",), ("permittivity", "radio_conductivity"), sionna.write, sionna.NOTES),
        Target("mujoco", (".xml",), ("density", "dynamic_friction", "static_friction"), mujoco.write, mujoco.NOTES),
        Target(
            "usd",
            (".usda",),
            (
                "density", "static_friction", "dynamic_friction", "restitution", "base_color", "roughness", "metalness",
                "refractive_index",
            ),
            usd.write,
            usd.NOTES,
        ),
        Target(
            "materialx",
            (".mtlx",),
            ("base_color", "roughness", "metalness", "refractive_index"),
            materialx.write,
            materialx.NOTES,
        ),
        Target(
            "gltf", (".gltf",), ("base_color", "roughness", "metalness", "refractive_index"), gltf.write, gltf.NOTES
        ),
        Target("ifc", (".ifc",), ("density", "thermal_conductivity", "specific_heat"), ifc.write, ifc.NOTES),
    )
}  # fmt: skip
"""All of them by name."""


def export(values: Values, to: str, out: str | Path) -> list[str]:
    """Write the values for a program; `out` is there, whole, when all of it is written.

    Args:
        values: of the properties of `TARGETS[to]`.
        to: a name in `TARGETS`.
        out: a file that is not there.

    Returns:
        What the program cannot hold, and what it has no value for, a line each.

    Raises:
        WriteError: it cannot be written. Nothing is at `out` then.
    """
    target = TARGETS[to]
    with files.all_new(out, folder=False) as place, place.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(target.write(values))
    lines = [f"{to} has no place for {', '.join(name for name in KINDS if name not in target.properties)}"]
    return [*lines, *target.notes, *values.missing()]
