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
    vectors=st.integers(1, 3),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_selection(
    bench: Any, random_values: Any, element: Any, channels: int, vectors: int, data: Any, seed: int
) -> None:
    lanes = data.draw(st.sampled_from(divisors(channels)))
    k = data.draw(st.integers(1, min(5, channels * vectors)))
    x = random_values(np.random.default_rng(seed), element, (4, vectors * channels))
    source = StreamType(element, channels, lanes, vectors)
    bench.check(make_node(k), source, x, best(x, k), stalls=seed)


@pytest.mark.parametrize("lanes", divisors(6))
@pytest.mark.parametrize("k", [1, 2, 6])
def test_lowest_index_wins_every_tie(bench: Any, lanes: int, k: int) -> None:
    x = np.array([[3] * 6, [0, 1, 1, 0, 1, 1], [2, 2, 1, 1, 0, 0], [0, 0, 1, 1, 2, 2]])
    bench.check(make_node(k), StreamType(uint_type(2), 6, lanes), x, best(x, k))


def test_index_counts_through_the_vectors_of_a_frame(bench: Any) -> None:
    frame = np.array([[0, 1, 2], [0, 3, 1]])
    source = StreamType(uint_type(2), 3, 1, vectors=2)
    bench.check(make_node(2), source, np.vstack([frame, frame[::-1]]), np.array([[4, 2], [1, 5]]))


@pytest.mark.parametrize("vectors", [1, 3])
def test_latency_of_lone_frames(bench: Any, random_values: Any, vectors: int) -> None:
    x = random_values(np.random.default_rng(0), int_type(6), (3 * vectors, 10))
    bench.check_alone(make_node(1), StreamType(int_type(6), 10, 5, vectors), x, frames=True)


def test_refuses_too_few_channels() -> None:
    with pytest.raises(GraphError, match=r"^label select of k=3 takes 3 or more channels, not "):
        LabelSelect(make_node(3), StreamType(uint_type(2), 2, 1))
