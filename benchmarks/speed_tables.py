"""The tables of the benchmark of speed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from timing import Bench, milliseconds

from madeof.evaluation.report.markdown import markdown_table

PHOTOS = {1: (1152, 864), 12: (4000, 3000), 48: (8000, 6000)}
"""Megapixels: width, height."""
SHOWN = (1, 10, 50, 200)
AS_ARRAYS, WHOLE = "masks as arrays", "masks as arrays, each of the whole photo"
PRECISION = {"openvino-bf16": "bf16", "openvino-int8": "int8"}
"""Of the engines that do not compute in float."""
GEMM = 1024
"""Rows and columns of the matrices that show the machine's peak."""


def against_peers(bench: Bench, size: int, engines: Sequence[str], peers: Sequence[str]) -> str:
    """Milliseconds of everyone for one photo."""
    width, height = PHOTOS[size]
    best = {n: min((t for p in peers if (t := bench.seconds(p, size, n))), default=None) for n in SHOWN}
    rows = []
    for who in (*(f"madeof, {engine}" for engine in engines), *peers):
        row = [who]
        for count in SHOWN:
            found, least = bench.seconds(who, size, count), best[count]
            text = milliseconds(found)
            if found and least and who not in peers:
                text += f" ({times_as_fast(least[0] / found[0], least[1])}x)"
            row.append(text)
        rows.append([*row, milliseconds((bench.wall(who, size, 1), True))])
    head = [f"{size} MP ({width} x {height}), ms", *(f"{n} region{'s'[: n - 1]}" for n in SHOWN), "1, wall"]
    return markdown_table(head, rows)


def against_original(bench: Bench, engines: Sequence[str], originals: Sequence[str], photos: Sequence[int]) -> str:
    """How many times as fast as the original's way."""
    cases = [(1, 1), (1, 32), (1, 100), *((12, 1) for size in photos if size == 12)]
    rows = []
    for original in originals:
        for engine in engines:
            row = [original, engine]
            for size, count in cases:
                theirs, ours = bench.seconds(original, size, count), bench.seconds(f"madeof, {engine}", size, count)
                row.append(times_as_fast(theirs[0] / ours[0], theirs[1]) if theirs and ours else "-")
            rows.append(row)
    head = ["times as fast as", "engine", *(f"{size} MP, {n} region{'s'[: n - 1]}" for size, n in cases)]
    return markdown_table(head, rows, words=2)


def further_regions(bench: Bench, engines: Sequence[str], photos: Sequence[int]) -> str:
    """What a region costs beside the first."""
    rows = []
    for who in (*(f"madeof, {engine}" for engine in engines), AS_ARRAYS, WHOLE):
        for size in photos:
            most = max(n for name, mp, n in bench.times if (name, mp) == (who, size))
            first, last = bench.measured(who, size, 1), bench.measured(who, size, most)
            each = (last - first) / (most - 1)
            fifty = bench.seconds(who, size, 50)
            many = f"{'' if fifty[1] else '~'}{fifty[0] / first:.2f}" if fifty else "-"
            rows.append([who, f"{size}", f"{first * 1e3:.1f}", f"{each * 1e3:.2f}", f"{each / first:.1%}", many])
    head = ["", "megapixels", "first region ms", "each further ms", "of the first", "50 regions, times 1"]
    return markdown_table(head, rows)


def shares(bench: Bench, engines: Sequence[str], work: int) -> str:
    """Where a photo's time goes, and how far the encoder is from what the machine can do."""
    names = ("decode", "resize and normalise", "one region")
    photos = sorted(size for who, size, _ in bench.times if who == "decode")
    rows = [[name, *(f"{bench.measured(name, size) * 1e3:.1f}" for size in photos)] for name in names]
    rows += [[f"encode, {e}", *[f"{bench.measured(f'encode, {e}') * 1e3:.1f}"] * len(photos)] for e in engines]
    table = markdown_table(["part, ms", *(f"{size} MP" for size in photos)], rows)
    floors = []
    for engine in engines:
        precision = PRECISION.get(engine, "f32")
        peak, took = GEMM**3 / bench.measured(f"peak {precision}"), bench.measured(f"encode, {engine}")
        least = work / peak
        row = [f"{peak / 1e9:.0f}", f"{least * 1e3:.1f}", f"{took * 1e3:.1f}", f"{least / took:.0%}"]
        floors.append([engine, precision, *row])
    head = ["encoder", "precision", "peak, 10⁹ multiply-adds/s", "floor ms", "took ms", "of the peak"]
    text = (
        f"The encoder is {work / 1e9:.2f} billion multiply-adds for these photos. The floor is that many at the peak: "
        f"the speed of a matrix product of {GEMM} x {GEMM} by OpenVINO. With openvino-int8 only the dense convolutions "
        "are in 8 bits."
    )
    return f"{table}\n\n{text}\n\n{markdown_table(head, floors, words=2)}"


def threads_used(bench: Bench) -> str:
    """Whether any job had more than one."""
    ratio, who = max(
        (statistics.median(p / w for p, w in zip(t.processor, t.wall, strict=True)), key)
        for key, t in bench.times.items()
        if statistics.median(t.wall) > 0.02
    )
    meaning = "one thread each" if ratio < 1.05 else "MORE THAN ONE THREAD, so the figures do not hold"
    return f"Processor time was at most {ratio:.2f} times the wall time ({who[0]}): {meaning}."


def times_as_fast(ratio: float, measured: bool) -> str:
    """A ratio; "~" where a time in it was not measured."""
    return f"{'' if measured else '~'}{ratio:.{1 if ratio < 100 else 0}f}"
