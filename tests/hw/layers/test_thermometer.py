# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    DataType,
    StreamType,
    ThermometerUnit,
    divisors,
    int_type,
    uint_type,
)


def make_node(levels: Any) -> ThermometerUnit:
    return ThermometerUnit(name="code", inputs=("x",), edge="code", levels=np.array(levels))


def thermometer(values: Any, levels: Any) -> Any:
    """By the definition, element by element."""
    return np.array(
        [[1 if x >= level else -1 for x in row for level in levels] for row in values.tolist()]
    )


@settings(max_examples=40)
@given(
    element=st.sampled_from([BIPOLAR, TERNARY, uint_type(1), int_type(4), uint_type(8)]),
    channels=st.integers(1, 6),
    levels=st.sets(st.integers(-10, 260), min_size=1, max_size=6),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_levels(
    bench: Any,
    random_values: Any,
    element: DataType,
    channels: int,
    levels: set[int],
    data: Any,
    seed: int,
) -> None:
    x = random_values(np.random.default_rng(seed), element, (6, channels))
    source = StreamType(element, channels, data.draw(st.sampled_from(divisors(channels))), 3)
    node = make_node(sorted(levels))
    bench.check(node, source, x, thermometer(x, sorted(levels)), stalls=seed)


@pytest.mark.parametrize("element", [uint_type(3), int_type(3), TERNARY], ids=str)
def test_every_value_at_every_level(bench: Any, element: DataType) -> None:
    levels = range(element.min - 1, element.max + 2)
    x = np.arange(element.min, element.max + 1)[:, None]
    bench.check(make_node(levels), StreamType(element, 1, 1), x, thermometer(x, levels))


def test_bits_of_a_lane_stay_together(bench: Any) -> None:
    x = np.array([[0, 2], [1, 3]])
    expected = np.array([[-1, -1, -1, 1, 1, -1], [1, -1, -1, 1, 1, 1]])
    bench.check(make_node([1, 2, 3]), StreamType(uint_type(2), 2, 2), x, expected)


def test_latency_of_lone_vectors(bench: Any, random_values: Any) -> None:
    x = random_values(np.random.default_rng(0), uint_type(8), (3, 6))
    bench.check_alone(make_node([10, 100]), StreamType(uint_type(8), 6, 2), x)
