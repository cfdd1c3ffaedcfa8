"""The heat map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.inference.saliency import map_heat


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_the_heat_map_keeps_the_sum_of_its_first_cells(height: int, width: int, looks: int) -> None:
    values = np.random.default_rng(height * 100 + width).normal(size=(height, width))
    asked = []

    def cost(rows: slice, columns: slice) -> float:
        asked.append((rows, columns))
        assert values[rows, columns].size
        return float(values[rows, columns].sum())

    heat = map_heat(cost, (height, width), looks)
    assert len(asked) <= looks
    assert heat.sum() == pytest.approx(values.sum(), abs=1e-3)
    assert max(heat.shape) <= 24
