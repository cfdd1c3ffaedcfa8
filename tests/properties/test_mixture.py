"""The mixture: moments and quantiles against a Monte Carlo, and the edges that random data never hits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.properties.mixture import Mixtures

NOTHING = np.nan


def mixtures(*intervals: tuple[float, float]) -> Mixtures:
    low, high = np.array(intervals, dtype=float).T
    return Mixtures.of(low[None], high[None])


def monte_carlo(low: np.ndarray, high: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Draws that share no code with the mixture."""
    random = np.random.default_rng(5)
    which = random.choice(len(low), size=count, p=weights)
    return random.uniform(low[which], high[which])


@pytest.mark.parametrize("seed", range(8))
def test_against_a_monte_carlo(seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = np.sort(random.uniform(0, 1000, (2, 9)), axis=0)
    ends[1, :3] = ends[0, :3]  # three materials with a single value
    ends[:, 8] = NOTHING
    scores = random.dirichlet(np.full(9, 0.4))
    found = Mixtures.of(ends[:1], ends[1:])
    weights = found.weights(scores[None])
    kept = scores[:8] / scores[:8].sum()
    drawn = monte_carlo(ends[0, :8], ends[1, :8], kept, 400_000)
    mean, within, between = (each[0, 0] for each in found.moments(weights))
    spread = drawn.std() / np.sqrt(len(drawn))
    assert mean == pytest.approx(drawn.mean(), abs=5 * spread)
    assert within + between == pytest.approx(drawn.var(), rel=0.02, abs=1e-6)
    assert found.known(scores[None])[0, 0] == pytest.approx(1 - scores[8])
    for q in (0.05, 0.25, 0.5, 0.75, 0.95):
        x = found.quantile(weights, q)[0, 0]
        assert (drawn < x - 1e-9).mean() <= q + 0.004
        assert (drawn <= x + 1e-9).mean() >= q - 0.004


def test_the_law_of_total_variance_by_hand() -> None:
    found = mixtures((0, 12), (10, 10))
    mean, within, between = (each[0, 0] for each in found.moments(found.weights(np.array([[0.5, 0.5]]))))
    assert (mean, within, between) == pytest.approx((8, 6, 4))  # 144/12/2; ((6-8)^2 + (10-8)^2)/2


def test_quantiles_by_hand() -> None:
    found = mixtures((0, 10), (20, 20), (NOTHING, NOTHING))
    weights = found.weights(np.array([[0.4, 0.4, 0.2]]))
    for q, x in ((0.0, 0), (0.25, 5), (0.5, 10), (0.51, 20), (0.95, 20), (1.0, 20)):
        assert found.quantile(weights, q)[0, 0] == pytest.approx(x)


def test_one_sure_value() -> None:
    found = mixtures((5, 5), (1, 9))
    weights = found.weights(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert found.quantile(weights, 0.05)[0].tolist() == pytest.approx([5, 1.4])
    assert found.quantile(weights, 0.95)[0].tolist() == pytest.approx([5, 8.6])


def test_no_material_has_a_value() -> None:
    found = mixtures((NOTHING, NOTHING), (1, 2))
    weights = found.weights(np.array([[1.0, 0.0]]))
    assert np.isnan(found.quantile(weights, 0.5)).all()
    assert found.known(np.array([[1.0, 0.0]])).tolist() == [[0.0]]
    nowhere = mixtures((NOTHING, NOTHING))
    assert np.isnan(nowhere.quantile(nowhere.weights(np.array([[1.0]])), 0.5)).all()


def test_several_properties_and_regions_at_once() -> None:
    low, high = np.array([[1.0, 3.0], [NOTHING, 7.0]]), np.array([[2.0, 3.0], [NOTHING, 9.0]])
    found = Mixtures.of(low, high)
    weights = found.weights(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    assert found.quantile(weights, 0.5)[0].tolist() == pytest.approx([1.5, 2.0, 3.0])
    middle = found.quantile(weights, 0.5)[1].tolist()
    assert np.isnan(middle[0])
    assert middle[1:] == pytest.approx([8.0, 8.0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 0.98), st.floats(0.0, 0.01))
def test_quantiles_rise_and_stay_inside(seed: int, q: float, more: float) -> None:
    random = np.random.default_rng(seed)
    ends = np.sort(random.integers(0, 6, (2, 1, 5)).astype(float), axis=0)  # many ends that are one
    found = Mixtures.of(ends[0], ends[1])
    weights = found.weights(random.dirichlet(np.full(5, 0.5))[None])
    first, second = found.quantile(weights, q)[0, 0], found.quantile(weights, q + more)[0, 0]
    assert ends[0].min() <= first <= second + 1e-9
    assert second <= ends[1].max()


def test_draws_follow_the_mixture_and_bands_move_together() -> None:
    low, high = np.array([[0.0, 10.0], [0.0, 100.0]]), np.array([[1.0, 10.0], [1.0, 200.0]])
    found = Mixtures.of(low, high)
    weights = found.weights(np.array([[0.7, 0.3]]))
    drawn = found.draw(weights, 50_000, np.random.default_rng(1))
    assert drawn.shape == (2, 1, 50_000)
    second = drawn[0, 0] == 10
    assert second.mean() == pytest.approx(0.3, abs=0.01)
    assert ((drawn[1, 0] >= 100) == second).all()
    assert drawn[0, 0, ~second].mean() == pytest.approx(0.5, abs=0.01)
