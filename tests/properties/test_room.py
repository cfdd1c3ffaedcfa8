"""Sums over surfaces: by hand, against pyroomacoustics' own formulas (marked), and bad areas."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from madeof.errors import InputError
from madeof.properties import Properties, Row, Table
from madeof.properties.kinds import BANDS
from madeof.properties.room import (
    SPEED_OF_SOUND,
    Surface,
    area_weighted,
    eyring_seconds,
    read_areas,
    reverberation,
    sabine_seconds,
)

MATERIALS = ("Hard", "Soft", "Unknown")


def made(
    hard: tuple[float, float] = (0.02, 0.02), soft: tuple[float, float] = (0.6, 0.6), **settings: float
) -> Properties:
    rows = [
        Row(name, "absorption", "wall", band, *ends, 0, "", "1", "", "own", "")
        for name, ends in (("Hard", hard), ("Soft", soft))
        for band in BANDS
    ]
    return Properties(MATERIALS, "absorption", table=Table(rows), **settings)  # type: ignore[arg-type]


def surface(name: str, area: float, *scores: float) -> Surface:
    return Surface(name, np.array(scores), area)


def test_the_mean_by_hand() -> None:
    found = area_weighted(made(), [surface("walls", 30, 1, 0, 0), surface("floor", 10, 0, 1, 0)])["absorption"]
    estimate = found.estimates["500 Hz"]
    assert estimate.value == pytest.approx(0.75 * 0.02 + 0.25 * 0.6)
    assert (estimate.low, estimate.high) == pytest.approx((estimate.value, estimate.value))
    assert estimate.within == estimate.between == 0


def test_the_interval_against_the_formula() -> None:
    """Two surfaces, uniform each: the variance of the mean is the sum of those of the parts."""
    found = area_weighted(
        made((0.0, 0.2), (0.4, 1.0), coverage=0.9), [surface("a", 1, 1, 0, 0), surface("b", 1, 0, 1, 0)]
    )["absorption"].estimates["125 Hz"]
    assert found.value == pytest.approx(0.5 * 0.1 + 0.5 * 0.7)
    assert found.within == pytest.approx(0.25 * 0.2**2 / 12 + 0.25 * 0.6**2 / 12)
    # The mean lies in 0.2 .. 0.6 with a trapezoid of densities: its 5% quantile is where the rising edge holds 5%.
    edge, top = 0.1, 0.3  # widths of the halves' uniforms
    low = 0.2 + math.sqrt(2 * 0.05 * edge * top)
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(0.8 - low, abs=0.006)


def test_the_doubt_between_materials_counts() -> None:
    found = area_weighted(made(), [surface("a", 1, 0.5, 0.5, 0)])["absorption"].estimates["125 Hz"]
    assert found.value == pytest.approx(0.31)
    assert found.between == pytest.approx(0.29**2)
    assert (found.low, found.high) == (0.02, 0.6)


def test_area_without_a_value() -> None:
    surfaces = [surface("a", 9, 1, 0, 0), surface("b", 1, 0, 0, 1)]
    found = area_weighted(made(), surfaces)["absorption"].estimates["125 Hz"]
    assert found.without == pytest.approx(0.1)
    assert found.value == pytest.approx(0.02)
    refused = area_weighted(made(most_without=0.05), surfaces)["absorption"]
    assert refused.refused


def test_what_does_not_sum() -> None:
    with pytest.raises(InputError, match="density does not sum over areas; expected absorption or emissivity"):
        area_weighted(Properties(MATERIALS, "density"), [surface("a", 1, 1, 0, 0)])


def test_reverberation_by_hand() -> None:
    found = reverberation(made(), [surface("walls", 90, 1, 0, 0), surface("floor", 30, 0, 1, 0)], 60)
    a = 0.75 * 0.02 + 0.25 * 0.6
    assert found.area_m2 == 120
    assert found.sabine["500 Hz"].value == pytest.approx(0.1611 * 60 / (120 * a), rel=1e-3)
    assert found.eyring["500 Hz"].value == pytest.approx(0.1611 * 60 / (-120 * math.log(1 - a)), rel=1e-3)
    assert "Sabine: 125 Hz" in found.text()
    assert found.to_dict()["sabine"]["500 Hz"]["value"] == pytest.approx(found.sabine["500 Hz"].value, rel=1e-4)


def test_the_interval_of_the_time_turns_round() -> None:
    found = reverberation(made((0.1, 0.3)), [surface("walls", 100, 1, 0, 0)], 60)
    time = found.sabine["500 Hz"]
    assert time.low == pytest.approx(sabine_seconds(60, 100, 0.29), rel=0.01)
    assert time.high == pytest.approx(sabine_seconds(60, 100, 0.11), rel=0.01)


def test_all_absorbed_and_none() -> None:
    assert eyring_seconds(60, 100, 1.0) == 0
    assert sabine_seconds(60, 100, 0.0) == math.inf


def test_no_volume_and_no_absorption() -> None:
    with pytest.raises(InputError, match="the volume is 0 m3; expected more than 0"):
        reverberation(made(), [surface("a", 1, 1, 0, 0)], 0)
    with pytest.raises(InputError, match="needs the absorption"):
        reverberation(Properties(MATERIALS, "emissivity"), [surface("a", 1, 1, 0, 0)], 10)


def areas(folder: Path, text: str) -> Path:
    path = folder / "areas.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_areas(tmp_path: Path) -> None:
    found = read_areas(areas(tmp_path, "region,area_m2\nwall, 12.5 \nfloor,20\n"), ["floor", "wall"])
    assert found == {"wall": 12.5, "floor": 20}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("region,area_m2\nwall,12\n", "has no area for floor; add a line for each"),
        (
            "region,area_m2\nwall,12\nfloor,3\nroof,3\n",
            "line 4: there is no region 'roof'; expected some of floor",
        ),
        ("region,area_m2\nwall,12\nwall,3\n", "line 3: the region 'wall' is there twice; keep one line"),
        ("region,area_m2\nwall,-1\n", "line 2: the area is '-1'; expected square metres above 0"),
        ("region,area_m2\nwall,\n", "line 2: the area is ''; expected square metres above 0"),
        ("region,area\nwall,1\n", "has the columns region, area; expected region,area_m2"),
        ("", "has the columns none; expected region,area_m2"),
    ],
)
def test_bad_areas(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_areas(areas(tmp_path, text), ["floor", "wall"])


def test_no_areas(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none.csv: No such file"):
        read_areas(tmp_path / "none.csv", ["a"])


@pytest.mark.properties
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("absorption", [0.02, 0.1, 0.35, 0.8])
def test_as_pyroomacoustics(absorption: float) -> None:
    from pyroomacoustics.acoustics import rt60_eyring, rt60_sabine

    ours = sabine_seconds(60, 94, absorption), eyring_seconds(60, 94, absorption)
    theirs = [formula(94, 60, absorption, 0.0, SPEED_OF_SOUND) for formula in (rt60_sabine, rt60_eyring)]
    assert ours == pytest.approx(tuple(theirs), rel=1e-12)


@pytest.mark.properties
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_room_as_pyroomacoustics() -> None:
    """A shoe box with our materials: the expected time is that of its own theory, band by band."""
    import pyroomacoustics as pra

    hard, soft = ({"coeffs": [value] * 7, "center_freqs": [125 * 2**k for k in range(7)]} for value in (0.02, 0.6))
    materials = pra.make_materials(east=hard, west=hard, north=hard, south=hard, ceiling=hard, floor=soft)
    room = pra.ShoeBox([5, 4, 3], fs=32000, materials=materials, max_order=0)
    surfaces = [surface("walls", 2 * 15 + 2 * 12 + 20, 1, 0, 0), surface("floor", 20, 0, 1, 0)]
    ours = reverberation(made(), surfaces, 60).sabine["500 Hz"].value
    theirs = 1 / sum(1 / pra.acoustics.rt60_sabine(w.area(), 60, w.absorption[0], 0, 343) for w in room.walls)
    assert ours == pytest.approx(theirs, rel=1e-6)  # its areas are float32
