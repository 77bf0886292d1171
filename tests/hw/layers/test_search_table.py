# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.hw.layers.search_table import SearchTable, search_stages
from xnorflow.ir import uint_type


@pytest.mark.parametrize(
    ("levels", "stages"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (255, 8)]
)
def test_stages(levels: int, stages: int) -> None:
    assert search_stages(levels) == stages


@given(levels=st.integers(1, 20), seed=st.integers(0, 2**20))
def test_counts_as_the_table_does(
    random_table: Any, step_function: Any, levels: int, seed: int
) -> None:
    low, high = -9, 14
    table = random_table(np.random.default_rng(seed), 3, low, high, uint_type(5), levels)
    search = SearchTable.of(table, low, high)
    sums = np.repeat(np.arange(low, high + 1), 3).reshape(-1, 3)
    counts = (sums[..., None] >= search.thresholds).sum(axis=-1)
    counts = np.where(search.flips, (1 << search.stages) - 1 - counts, counts)
    np.testing.assert_array_equal(table.base + counts, step_function(table, sums))
    assert low <= search.thresholds.min()
    assert search.thresholds.max() <= high + 1


@pytest.mark.parametrize("mw", [5, 6])
def test_thresholds_for_matches(random_table: Any, mw: int) -> None:
    table = random_table(np.random.default_rng(mw), 4, -mw, mw, uint_type(2), 3)
    search = SearchTable.of(table, -mw, mw)
    matches = np.arange(mw + 1)[:, None, None]
    np.testing.assert_array_equal(
        matches >= search.for_matches(mw).thresholds, 2 * matches - mw >= search.thresholds
    )


def test_thresholds_for_matches_of_each_row(random_table: Any) -> None:
    """Rows that see fewer inputs than the bounds allow for never compare with less than 0."""
    inputs = np.array([2, 7, 4])
    table = random_table(np.random.default_rng(0), 3, -7, 7, uint_type(2), 3)
    search = SearchTable.of(table, -7, 7)
    moved = search.for_matches(inputs).thresholds
    for row, count in enumerate(inputs):
        matches = np.arange(count + 1)[:, None]
        np.testing.assert_array_equal(
            matches >= moved[row], 2 * matches - count >= search.thresholds[row]
        )
        assert moved[row].min() >= 0
        assert moved[row].max() <= count + 1


def test_one_row_becomes_as_many_as_there_are_numbers_of_inputs(random_table: Any) -> None:
    search = SearchTable.of(
        random_table(np.random.default_rng(4), 1, -5, 5, uint_type(2), 3), -5, 5
    ).for_matches(np.array([3, 5, 5]))
    assert search.thresholds.shape == (3, 3)
    assert search.flips.shape == (3,)
    np.testing.assert_array_equal(search.thresholds[1], search.thresholds[2])


@pytest.mark.parametrize("rows", [1, 3])
def test_rows_of_zero(random_table: Any, step_function: Any, rows: int) -> None:
    """What comes does not matter for them."""
    table = random_table(np.random.default_rng(rows), rows, -6, 9, uint_type(3), 5)
    search = SearchTable.of(table, -6, 9).of_zero(np.array([True, False, True]), -6, 9)
    sums = np.repeat(np.arange(-6, 10), 3).reshape(-1, 3)
    counts = (sums[..., None] >= search.thresholds).sum(axis=-1)
    counts = np.where(search.flips, (1 << search.stages) - 1 - counts, counts)
    expected = step_function(table, sums * np.array([0, 1, 0]))
    np.testing.assert_array_equal(table.base + counts, expected)


def test_stages_visit_every_threshold_once(random_table: Any) -> None:
    table = random_table(np.random.default_rng(0), 2, -9, 9, uint_type(3), 7)
    search = SearchTable.of(table, -9, 9)
    visited = np.hstack([search.stage(number) for number in range(search.stages)])
    np.testing.assert_array_equal(np.sort(visited, axis=1), search.thresholds)
