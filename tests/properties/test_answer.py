"""From predictions to properties: value, interval, refusal."""

from __future__ import annotations

import json

import numpy as np
import pytest

from madeof.errors import InputError
from madeof.inference.prediction import Prediction
from madeof.properties import Properties, Row, bundled
from madeof.properties.answer import rounded

MATERIALS = ("Wood", "Metal", "Glass", "Sky")


def prediction(*scores: float) -> Prediction:
    return Prediction(MATERIALS, np.array(scores, dtype=np.float32), 10.0, (0, 0, 2, 5))


def test_a_number_with_its_interval() -> None:
    found = prediction(0.9, 0.05, 0.0, 0.05).properties("density")["density"]
    estimate = found.estimates[""]
    assert estimate.value == pytest.approx(0.9 / 0.95 * 527.5 + 0.05 / 0.95 * 7050, rel=1e-6)
    assert estimate.median is not None
    assert 350 < estimate.median < 705
    assert estimate.low == pytest.approx(350 + 0.05 / (0.9 / 0.95) * 355, rel=1e-5)
    assert estimate.high is not None
    assert estimate.high > 2800  # 5.3% are metal: more than the upper 5%
    assert estimate.without == pytest.approx(0.05)
    assert found.to_dict() == json.loads(json.dumps(found.to_dict()))
    assert set(found.to_dict()) == {"unit", "coverage", "value", "median", "low", "high", "without"}


def test_too_much_without_a_value_is_refused() -> None:
    found = prediction(0.85, 0.0, 0.0, 0.15).properties("density")["density"]
    assert found.refused
    assert found.to_dict() == {"unit": "kg/m3", "coverage": 0.9, "without": pytest.approx(0.15)}
    assert found.text() == "density: no value for 15% of the score"
    assert not prediction(0.85, 0.0, 0.0, 0.15).properties("density", most_without=0.2)["density"].refused


def test_scores_of_the_best_few_only() -> None:
    """What a row lacks to 1 counts as materials without a value."""
    found = Properties(("Wood",), "density").of_scores(np.array([[0.95], [0.8]]))
    assert [each["density"].refused for each in found] == [False, True]


def test_bands_places_and_frequencies() -> None:
    wood = prediction(1, 0, 0, 0)
    bands = wood.properties("absorption")["absorption"].estimates
    assert len(bands) == 7
    assert bands["125 Hz"].high == pytest.approx(0.09 + 0.95 * (0.42 - 0.09))
    floor = wood.properties("absorption", place="floor")["absorption"].estimates
    assert floor["125 Hz"].high == pytest.approx(0.09 + 0.95 * 0.01)
    assert floor["8000 Hz"].value is None
    radio = wood.properties("permittivity", frequency_ghz=28)["permittivity"].estimates[""]
    assert (radio.value, radio.low, radio.high) == (1.99, 1.99, 1.99)


def test_names_with_their_probabilities() -> None:
    found = prediction(0.6, 0.37, 0.0, 0.03).properties("recycling")["recycling"]
    assert [name for name, _ in found.names] == ["17 02 01 wood", "20 01 40 metals"]
    assert [score for _, score in found.names] == pytest.approx([0.6, 0.37])
    assert found.text() == "recycling: 17 02 01 wood 60%, 20 01 40 metals 37%"
    assert prediction(0.5, 0.0, 0.0, 0.5).properties("recycling")["recycling"].refused


def test_whether_it_burns_is_a_probability() -> None:
    burns = prediction(0.7, 0.3, 0, 0).properties("combustible")["combustible"].estimates[""]
    assert (burns.value, burns.low, burns.high) == (pytest.approx(0.7), 0, 1)


def test_all_but_those_that_need_a_frequency() -> None:
    found = prediction(1, 0, 0, 0).properties()
    assert len(found) == 14
    assert "permittivity" not in found
    assert len(prediction(1, 0, 0, 0).properties(frequency_ghz=2.4)) == 16


def test_many_regions_as_one_by_one() -> None:
    regions = [prediction(0.9, 0.1, 0, 0), prediction(0.2, 0.3, 0.45, 0.05), prediction(0, 0, 0, 1)]
    together = Properties(MATERIALS, "density,absorption,recycling").of(regions)
    for region, found in zip(regions, together, strict=True):
        alone = region.properties("density,absorption,recycling")
        assert {name: each.to_dict() for name, each in found.items()} == {
            n: each.to_dict() for n, each in alone.items()
        }
    assert Properties(MATERIALS, "density").of([]) == []


def test_columns_and_cells() -> None:
    properties = Properties(MATERIALS, "density,base_color,recycling")
    sure, refused = properties.of([prediction(0, 0, 1, 0), prediction(0, 0, 0, 1)])
    assert properties.columns[:4] == ("density", "density_low", "density_high", "base_color_r")
    assert len(properties.columns) == len(properties.cells(sure)) == len(properties.cells(refused)) == 13
    assert properties.cells(sure)[0] == "2500"
    assert set(properties.cells(refused)) == {""}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": "densty"}, "did you mean density"),
        ({"coverage": 0.3}, "coverage is 0.3; expected a number from 0.5 to 0.99"),
        ({"most_without": 1}, "most_without is 1; expected a share from 0 to under 1"),
        ({"place": "roof"}, "there is no place 'roof'; expected one of bulk, surface, wall"),
        ({"names": "permittivity"}, "permittivity depends on the frequency; give one in GHz"),
        (
            {"names": "permittivity", "frequency_ghz": 1e6},
            "the table has 0.001 to 450 GHz",
        ),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prediction(1, 0, 0, 0).properties(**{"names": "density", **settings})


def test_a_prediction_of_other_materials() -> None:
    with pytest.raises(InputError, match="of other materials than those"):
        Properties(("Wood",), "density").of([prediction(1, 0, 0, 0)])


def test_own_table() -> None:
    row = Row("Sky", "density", "bulk", "", 1.2, 1.2, 0, "", "kg/m3", "air", "own", "")
    found = prediction(0, 0, 0, 1).properties("density", table=bundled().with_own([row]))
    assert found["density"].estimates[""].value == 1.2


def test_rounded() -> None:
    assert [rounded(each) for each in (None, 0.0, 7049.6, 0.04711, 2.5e-5)] == ["-", "0", "7,050", "0.0471", "2.5e-05"]
