# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.ir import ask

TOP = 5


@st.composite
def step_functions(draw):
    """Rows of monotone step functions as tables of levels, with the range of each."""
    rows = draw(st.integers(1, 4))
    low = np.array(draw(st.lists(st.integers(-30, 30), min_size=rows, max_size=rows)))
    span = draw(st.lists(st.integers(0, 40), min_size=rows, max_size=rows))
    tables = []
    for width in span:
        levels = draw(st.lists(st.integers(0, TOP), min_size=width + 1, max_size=width + 1))
        tables.append(np.array(sorted(levels, reverse=draw(st.booleans()))))
    return low, low + np.array(span), tables


def look_up(low, tables):
    def levels(points):
        columns = [table[points[:, i] - low[i]] for i, table in enumerate(tables)]
        return np.stack(columns, axis=1)

    return levels


@pytest.mark.parametrize("limit", [0, 1 << 22])
@given(function=step_functions())
def test_thresholds_give_back_the_function(limit, function):
    low, high, tables = function
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ask, "FULL_CHECK_POINTS", limit)
        found = ask.find_thresholds(look_up(low, tables), low, high, TOP)
    assert not isinstance(found, int)
    values, descending = found
    assert values.shape == (len(low), TOP)
    for row, table in enumerate(tables):
        points = np.arange(low[row], high[row] + 1)[:, np.newaxis]
        reached = points <= values[row] if descending[row] else points >= values[row]
        assert np.array_equal(reached.sum(axis=1), table)
        assert np.all(np.diff(values[row]) >= 0)
        assert values[row].min() >= low[row] - 1
        assert values[row].max() <= high[row] + 1


def test_constant_rows_have_thresholds_at_the_ends_of_their_range():
    low, high = np.array([-4, -4, -4]), np.array([3, 3, 3])
    tables = [np.full(8, level) for level in (0, 1, 2)]
    values, descending = ask.find_thresholds(look_up(low, tables), low, high, 2)
    assert values.tolist() == [[4, 4], [-4, 4], [-4, -4]]
    assert not descending.any()


@pytest.mark.parametrize("limit", [0, 1 << 22])
def test_a_row_that_is_not_monotone_is_named(monkeypatch, limit):
    monkeypatch.setattr(ask, "FULL_CHECK_POINTS", limit)
    low, high = np.array([0, 0]), np.array([9, 9])
    tables = [np.arange(10) // 5, np.array([0, 0, 1, 1, 0, 0, 0, 1, 1, 1])]
    assert ask.find_thresholds(look_up(low, tables), low, high, 1) == 1


@given(st.integers(-50, 50), st.integers(1, 100), st.data())
def test_a_plateau_is_found_wherever_it_is(low, span, data):
    values = np.arange(span + 1, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ask, "CHUNK", data.draw(st.integers(1, 60)))
        assert ask.first_plateau(lambda a: values[a - low], low, low + span) is None
        place = data.draw(st.integers(0, span - 1))
        values[place + 1] = data.draw(st.sampled_from([values[place], np.nan, -np.inf]))
        assert ask.first_plateau(lambda a: values[a - low], low, low + span) == low + place
