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
    GlobalPoolUnit,
    PoolKind,
    StreamType,
    divisors,
    int_type,
    uint_type,
)

TYPES = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(5), uint_type(8)]
POOLS = {PoolKind.MAX: np.max, PoolKind.SUM: np.sum}


def make_node(kind: PoolKind) -> GlobalPoolUnit:
    return GlobalPoolUnit(name="pool", inputs=("x",), edge="pool", kind=kind)


def check(bench: Any, kind: PoolKind, source: StreamType, x: Any, stalls: int) -> None:
    frames = x.reshape(-1, source.vectors, source.channels)
    bench.check(make_node(kind), source, x, POOLS[kind](frames, axis=1), stalls=stalls)


@settings(max_examples=50)
@given(
    kind=st.sampled_from(list(PoolKind)),
    element=st.sampled_from(TYPES),
    channels=st.integers(1, 12),
    vectors=st.integers(1, 9),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_pool(
    bench: Any,
    random_values: Any,
    kind: PoolKind,
    element: DataType,
    channels: int,
    vectors: int,
    data: Any,
    seed: int,
) -> None:
    source = StreamType(element, channels, data.draw(st.sampled_from(divisors(channels))), vectors)
    x = random_values(np.random.default_rng(seed), element, (3 * vectors, channels))
    check(bench, kind, source, x, seed)


@pytest.mark.parametrize("kind", list(PoolKind))
@pytest.mark.parametrize("groups", [1, 2, 3, 4, 5, 6, 17])
def test_any_number_of_groups(bench: Any, random_values: Any, kind: PoolKind, groups: int) -> None:
    source = StreamType(int_type(4), 2 * groups, 2, vectors=3)
    x = random_values(np.random.default_rng(groups), int_type(4), (9, 2 * groups))
    check(bench, kind, source, x, groups)


@pytest.mark.parametrize("lanes", [1, 2, 5, 10])
def test_latency_of_lone_frames(bench: Any, random_values: Any, lanes: int) -> None:
    x = random_values(np.random.default_rng(0), uint_type(2), (12, 10))
    source = StreamType(uint_type(2), 10, lanes, vectors=4)
    bench.check_alone(make_node(PoolKind.SUM), source, x, frames=True)
