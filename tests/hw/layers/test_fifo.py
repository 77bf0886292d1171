# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.layers import Fifo
from xnorflow.ir import Fifo as FifoNode
from xnorflow.ir import StreamType, uint_type

SOURCE = StreamType(uint_type(8), 6, 2, 4)


def make_node(depth_beats: int) -> FifoNode:
    return FifoNode(name="fifo", inputs=("x",), edge="x", depth_beats=depth_beats)


@settings(max_examples=15)
@given(depth_beats=st.integers(2, 40), seed=st.integers(0, 2**20))
def test_any_depth(bench: Any, random_values: Any, depth_beats: int, seed: int) -> None:
    x = random_values(np.random.default_rng(seed), uint_type(8), (12, 6))
    bench.check(make_node(depth_beats), SOURCE, x, x, stalls=seed)


@pytest.mark.parametrize("depth_beats", [2, 3, 4, 8, 17])
def test_holds_its_depth(idle_run: Any, depth_beats: int) -> None:
    assert idle_run(Fifo(make_node(depth_beats), SOURCE)).accepted_beats == depth_beats


@pytest.mark.parametrize("depth_beats", [2, 3])
def test_latency_of_lone_vectors(bench: Any, random_values: Any, depth_beats: int) -> None:
    x = random_values(np.random.default_rng(0), uint_type(8), (3, 6))
    bench.check_alone(make_node(depth_beats), SOURCE, x)
