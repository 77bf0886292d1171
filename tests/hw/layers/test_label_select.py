# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import LabelSelect
from xnorflow.ir import BIPOLAR, TERNARY, StreamType, divisors, int_type, uint_type
from xnorflow.ir import LabelSelect as LabelSelectNode


def make_node(k: int) -> LabelSelectNode:
    return LabelSelectNode(name="label", inputs=("x",), edge="label", k=k)


def best(scores: Any, k: int) -> Any:
    """By repeated search for the first largest one."""
    rows = []
    for row in scores.tolist():
        left = dict(enumerate(row))
        found = []
        for _ in range(k):
            found.append(max(left, key=lambda index: (left[index], -index)))
            del left[found[-1]]
        rows.append(found)
    return np.array(rows)


@settings(max_examples=40)
@given(
    element=st.sampled_from(
        [BIPOLAR, TERNARY, uint_type(1), int_type(2), int_type(6), uint_type(8)]
    ),
    channels=st.integers(1, 16),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_selection(
    bench: Any, random_values: Any, element: Any, channels: int, data: Any, seed: int
) -> None:
    lanes = data.draw(st.sampled_from(divisors(channels)))
    k = data.draw(st.integers(1, min(5, channels)))
    x = random_values(np.random.default_rng(seed), element, (6, channels))
    source = StreamType(element, channels, lanes, 2)
    bench.check(make_node(k), source, x, best(x, k), stalls=seed)


@pytest.mark.parametrize("lanes", divisors(6))
@pytest.mark.parametrize("k", [1, 2, 6])
def test_lowest_index_wins_every_tie(bench: Any, lanes: int, k: int) -> None:
    x = np.array([[3] * 6, [0, 1, 1, 0, 1, 1], [2, 2, 1, 1, 0, 0], [0, 0, 1, 1, 2, 2]])
    bench.check(make_node(k), StreamType(uint_type(2), 6, lanes), x, best(x, k))


def test_latency_of_lone_vectors(bench: Any, random_values: Any) -> None:
    x = random_values(np.random.default_rng(0), int_type(6), (3, 10))
    bench.check_alone(make_node(1), StreamType(int_type(6), 10, 5), x)


def test_refuses_too_few_channels() -> None:
    with pytest.raises(GraphError, match=r"^label select of k=3 takes 3 or more channels, not "):
        LabelSelect(make_node(3), StreamType(uint_type(2), 2, 1))
