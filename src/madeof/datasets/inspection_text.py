"""An inspection as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from madeof._util.text import join_some, pluralize, show
from madeof.datasets.inspection import Inspection, by_area, quantiles
from madeof.datasets.problems import LISTED
from madeof.metrics.classification import SIZE_BOUNDS


def text_of(inspection: Inspection) -> str:
    """The report of `madeof inspect`, several lines."""
    dataset = inspection.dataset
    counts = dataset.count_by_material()
    there = [one for one in counts if one.regions]
    materials = pluralize(len(counts), "material")
    if len(there) < len(counts):
        materials = f"{len(there)} of {materials}"
    lines = [
        f"{show(inspection.where)}: {inspection.form}",
        f"{pluralize(len(dataset), 'photo')}, {pluralize(len(dataset.regions), 'region')}, {materials}",
    ]
    for column in ("split", "source", "licence"):
        found = inspection.by(column)
        if column != "split" and not any(found):
            continue
        title = f"{column} (drawn where none is given)" if column == "split" and inspection.drawn else column
        by = [(show(name) or "not stated", f"{p:,}", f"{r:,}") for name, (p, r) in found.items()]
        lines += ["", *_table((title, "photos", "regions"), by)]
    if there:
        total = len(dataset.regions)
        rows = [
            (show(one.material), f"{one.photos:,}", f"{one.regions:,}", f"{one.regions / total:.1%}")
            for one in sorted(there, key=lambda one: -one.regions)
        ]
        lines += ["", *_table(("material", "photos", "regions", "share"), rows)]
    if len(there) < len(counts):
        lines.append(
            f"without a region: {join_some((show(one.material) for one in counts if not one.regions), most=20)}"
        )
    if there:
        lines += ["", *_sizes(inspection)]
    found_wrong = _left_out(inspection) + _names(inspection) + _problems(inspection)
    return "\n".join([*lines, *([""] if found_wrong else []), *found_wrong])


def _sizes(inspection: Inspection) -> list[str]:
    """How large regions and photos are."""
    areas, sizes = inspection.dataset.regions.area, inspection.photo_sizes()
    shares = ", ".join(f"{name} {value:,}" for name, value in quantiles(areas).items())
    rows = [(_range(under), f"{count:,}") for under, count in by_area(areas)]
    (width, height), (wide, high) = sizes["smallest"], sizes["largest"]
    often = sizes["most_frequent"]
    photos = f"photos: {width} x {height} to {wide} x {high}, median {sizes['median_megapixels']:.2f} megapixels"
    if sizes["sizes"] > 1:
        photos += f"; {sizes['sizes']:,} sizes, most often {often['width']} x {often['height']} ({often['photos']:,})"
    return [*_table(("area of a region (px)", "regions"), rows), f"areas: {shares} px", photos]


def _range(under: int | None) -> str:
    """A bin of areas: "1,000 to 2,000", without the latter."""
    if under is None:
        return f"{SIZE_BOUNDS[-1]:,} and more"
    place = SIZE_BOUNDS.index(under)
    return f"{SIZE_BOUNDS[place - 1]:,} to {under:,}" if place else f"under {under:,}"


def _left_out(inspection: Inspection) -> list[str]:
    dataset = inspection.dataset
    parts = [f"{count:,} {show(kind)}" for kind, count in inspection.left_out.most_common()]
    if dataset.too_small:
        parts.append(f"{pluralize(dataset.too_small, 'region')} under {inspection.min_area:,} px")
    if dataset.without_regions:
        parts.append(f"{pluralize(dataset.without_regions, 'photo')} without a region")
    return [f"left out: {', '.join(parts)}"] if parts else []


def _names(inspection: Inspection) -> list[str]:
    """Warnings about the names of materials."""
    lines = []
    for one in inspection.alike:
        names = " and ".join(repr(show(name)) for name in one.names)
        why = "are taken for one material" if one.one_material else "are two materials: are they meant to be one?"
        lines.append(f"names: {names} {why}")
    wanting = inspection.unnameable
    if wanting is not None and wanting.materials:
        through = f" (compared through the crosswalk {show(wanting.crosswalk)})" if wanting.crosswalk else ""
        lines.append(f"names that the model {show(wanting.model)} cannot say{through}:")
        lines += [f"  {show(name)}: {show(reason)}" for name, reason in wanting.materials.items()]
    return lines


def _problems(inspection: Inspection) -> list[str]:
    problems = inspection.dataset.skipped
    if not problems:
        return []
    stop = "stops" if len(problems) == 1 else "stop"
    lines = [f"{pluralize(len(problems), 'problem')}, which {stop} a training or evaluation unless with --skip-bad:"]
    lines += [f"  {show(problem.reason)}" for problem in problems[:LISTED]]
    if len(problems) > LISTED:
        lines.append(f"  and {len(problems) - LISTED:,} more; --json has all of them")
    return lines


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the first column on the left and numbers on the right."""
    table = [columns, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    return [
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
