# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import naive_edges, naive_threshold
from wasteful import layers, steps, waste

from xnorflow.hw.passes import ReducedNetwork, TrimThresholds
from xnorflow.hw.passes.channel_ranges import ChannelRange
from xnorflow.hw.passes.trim_thresholds import trimmed
from xnorflow.ir import (
    BIPOLAR,
    DataType,
    TensorType,
    Threshold,
    ThresholdTable,
    int_type,
    uint_type,
)

FAR = 2**63 - 1
U2, U4 = uint_type(2), uint_type(4)


def within(low: int | list[int], high: int | list[int]) -> ChannelRange:
    return ChannelRange(np.atleast_1d(low), np.atleast_1d(high))


def content(table: ThresholdTable) -> tuple[list[list[int]], list[bool], int]:
    return table.values.tolist(), table.descending.tolist(), table.base


@pytest.mark.parametrize(
    ("values", "descending", "base", "expected"),
    [
        # Thresholds out of reach move to the first value that is.
        ([-FAR, 1, 2], False, 0, [-5, 1, 2]),
        ([1, 2, FAR], True, 0, [1, 2, 5]),
        # One level remains, be it out of reach.
        ([-FAR, -FAR, FAR], True, 0, [5]),
        ([FAR, FAR, FAR], False, 0, [6]),
        ([-FAR, -FAR, -FAR], True, 0, [-6]),
        ([-5, 0, 5], False, 0, [-5, 0, 5]),
        ([-5, 0, 5], True, 0, [-5, 0, 5]),
        # Levels that are never reached go, from the end at which they are.
        ([0, 1, 6], False, 0, [0, 1]),
        ([-6, 0, 1], True, 0, [0, 1]),
        ([1, 6, 7], False, 0, [1]),
        # Levels that are always reached go where that shortens the search.
        ([-5, -5, 1], False, 2, [1]),
        ([1, 5, 5], True, 2, [1]),
        ([-5, 0, 1], False, 0, [-5, 0, 1]),
        ([0, 1, 5], True, 0, [0, 1, 5]),
        ([-5, 0, 6], False, 1, [0]),
        ([-6, 0, 5], True, 1, [0]),
    ],
)
def test_one_row(values, descending, base, expected):
    table = steps([values], U2, descending=[descending])
    result = trimmed(table, within(-5, 5))
    assert content(result) == ([expected], [descending], base)
    assert result.output_type == U2


def test_a_level_goes_if_no_row_needs_it():
    table = steps([[-9, 0, 1], [-9, -9, 2], [3, 9, 9]], U2)
    assert content(trimmed(table, within([-5] * 3, [5] * 3))) == (
        [[-5, 0, 1], [-5, -5, 2], [3, 6, 6]],
        [False] * 3,
        0,
    )
    assert content(trimmed(steps([[-9, -9, 1], [-9, -9, 9]], U2), within([-5] * 2, [5] * 2))) == (
        [[1], [6]],
        [False] * 2,
        2,
    )


def test_rows_that_go_up_and_down_have_their_levels_at_different_ends():
    table = steps([[-9, -9, 1], [1, 9, 9]], U2, descending=[False, True])
    assert content(trimmed(table, within([-5] * 2, [5] * 2))) == ([[1], [1]], [False, True], 2)
    table = steps([[0, 9, 9], [-9, -9, 0]], U2, descending=[False, True])
    assert content(trimmed(table, within([-5] * 2, [5] * 2))) == ([[0], [0]], [False, True], 0)
    table = steps([[0, 9, 9], [0, 9, 9]], U2, descending=[False, True])
    assert trimmed(table, within([-5] * 2, [5] * 2)).levels == 3


def test_a_row_for_all_channels_is_trimmed_by_all_of_them():
    table = steps([[-3, 0, 3]], U2)
    assert content(trimmed(table, within([-1, 0], [2, 3])))[0] == [[-1, 0, 3]]
    assert content(trimmed(table, within([-1, 0], [2, 2]))) == ([[0]], [False], 1)


def test_rows_that_became_equal_are_one():
    table = steps([[-9, 0, 1], [-8, 0, 1]], U2)
    assert content(trimmed(table, within([-5] * 2, [5] * 2))) == ([[-5, 0, 1]], [False], 0)
    assert content(trimmed(table, within([-5, -6], [5, 5]))) == ([[-6, 0, 1]], [False], 0)
    assert content(trimmed(table, within([-5, -9], [5, 5]))) == ([[-8, 0, 1]], [False], 0)
    other = steps([[-9, 0, 1], [-8, 0, 2]], U2)
    assert trimmed(other, within([-5] * 2, [5] * 2)).rows == 2
    assert trimmed(steps([[0], [0]], descending=[True, False]), within([-5] * 2, [5] * 2)).rows == 2


def test_thresholds_take_no_more_bits_than_before():
    """What no sum of a row reaches stays within what rows need, not at the end of all sums."""
    table = steps([[-2, 0], [1, 3]], int_type(3))
    source = within([-1, -99], [99, 99])
    assert content(trimmed(table, source)) == ([[-1, 0], [1, 3]], [False] * 2, -4)
    table = steps([[0, 3], [-3, 2]], int_type(3), descending=[True, True])
    source = within([-99, -1], [1, 99])
    assert content(trimmed(table, source)) == ([[0, 2], [-2, 2]], [True] * 2, -4)


def test_levels_go_by_whole_stages_of_the_search():
    """Of 15 levels 9 are always reached, and 8 go: with 6 or 7 the search is as long."""
    table = steps([[-9] * 9 + list(range(6))], U4)
    result = trimmed(table, within(-5, 5))
    assert content(result) == ([[-5, 0, 1, 2, 3, 4, 5]], [False], 8)


@given(st.data())
def test_results_are_the_same_for_all_sums(data):
    rows = data.draw(st.integers(1, 3))
    output = data.draw(st.sampled_from([BIPOLAR, U2, int_type(2), int_type(3), U4]))
    ends = st.lists(st.integers(-9, 9), min_size=2, max_size=2).map(sorted)
    low, high = np.array([data.draw(ends) for _ in range(rows)]).T
    table = any_table(data, rows, output)
    result = trimmed(table, ChannelRange(low, high))
    assert result.levels <= table.levels
    assert result.output_type == output
    for value in range(low.min(), high.max() + 1):
        sums = np.clip(np.full(rows, value), low, high)
        np.testing.assert_array_equal(naive_threshold(result, sums), naive_threshold(table, sums))


def any_table(data: st.DataObject, rows: int, output: DataType) -> ThresholdTable:
    """A table with thresholds near and far."""
    levels = data.draw(st.integers(1, output.levels - 1))
    values = st.integers(-12, 12) | st.sampled_from([-(2**63), FAR])
    row = st.lists(values, min_size=levels, max_size=levels).map(sorted)
    room = output.levels - 1 - levels
    return ThresholdTable(
        np.array([data.draw(row) for _ in range(rows)]),
        np.array([data.draw(st.booleans()) for _ in range(rows)]),
        output.min + output.step * data.draw(st.integers(0, room)),
        output,
    )


def test_the_ranges_are_those_of_the_weights():
    """Sums of three weights of bits are at most 3; of two, and a 0, at most 2."""
    weights = ([[1, 1, 1], [1, 0, -1]], int_type(2))
    table = steps([[-9, 3, 4], [-2, 2, 3]], U2)
    network = layers(TensorType(BIPOLAR, (3,)), weights, table, ([[1, 1]], int_type(2)))
    reduced = TrimThresholds().apply(ReducedNetwork.of(network))
    act = reduced.network.node("act1")
    assert isinstance(act, Threshold)
    assert content(act.table) == ([[3], [2]], [False, False], 1)
    assert not reduced.kept
    assert TrimThresholds().apply(reduced) is reduced


@given(st.data())
def test_networks_have_the_same_values_on_every_edge(lab, data):
    network = waste(data.draw(lab.mlps() | lab.cnns()).network(), data.draw(st.integers(0, 99)))
    reduced = TrimThresholds().apply(ReducedNetwork.of(network))
    images = lab.random_frames(network, 4, data.draw(st.integers(0, 99)))
    got = naive_edges(reduced.network, images)
    for edge, values in naive_edges(network, images).items():
        np.testing.assert_array_equal(got[edge], values, err_msg=edge)
    assert TrimThresholds().apply(reduced) is reduced
