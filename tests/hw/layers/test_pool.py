# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import PoolUnit
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    DataType,
    Folding,
    PoolKind,
    StreamType,
    divisors,
    int_type,
    uint_type,
)
from xnorflow.ir import PoolUnit as PoolUnitNode

TYPES = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(5), uint_type(8)]
POOLS = {PoolKind.MAX: np.max, PoolKind.SUM: np.sum}


def make_node(kind: PoolKind, channels: int, taps: int, folding: Folding) -> PoolUnitNode:
    return PoolUnitNode(
        name="pool",
        inputs=("x",),
        edge="pool",
        kind=kind,
        channels=channels,
        taps=taps,
        folding=folding,
    )


def source_of(node: PoolUnitNode, element: DataType, vectors: int = 2) -> StreamType:
    folding = node.folding
    return StreamType(element, node.channels * node.taps, folding.pe * folding.simd, vectors)


def windows(x: Any, folding: Folding) -> Any:
    """Elements ``x`` of a stream in depthwise order as (vectors, channels, taps)."""
    vectors, channels, taps = x.shape
    groups = x.reshape(vectors, channels // folding.pe, taps, folding.pe)
    return groups.swapaxes(2, 3).reshape(vectors, channels, taps)


@settings(max_examples=60)
@given(
    kind=st.sampled_from(list(PoolKind)),
    element=st.sampled_from(TYPES),
    channels=st.integers(1, 6),
    taps=st.sampled_from([1, 2, 3, 4, 6, 9, 16]),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_pool(
    bench: Any,
    random_values: Any,
    kind: PoolKind,
    element: DataType,
    channels: int,
    taps: int,
    data: Any,
    seed: int,
) -> None:
    pe, simd = (data.draw(st.sampled_from(divisors(count))) for count in (channels, taps))
    node = make_node(kind, channels, taps, Folding(pe, simd))
    x = random_values(np.random.default_rng(seed), element, (4, channels, taps))
    expected = POOLS[kind](windows(x, node.folding), axis=2)
    bench.check(node, source_of(node, element), x, expected, stalls=seed)


@pytest.mark.parametrize("kind", list(PoolKind))
@pytest.mark.parametrize("element", TYPES, ids=str)
@pytest.mark.parametrize("simd", [1, 3, 9])
def test_extremes(bench: Any, kind: PoolKind, element: DataType, simd: int) -> None:
    node = make_node(kind, 2, 9, Folding(1, simd))
    x = np.repeat([[element.min], [element.max], [element.min]], 18, axis=1)
    expected = np.repeat(x[:, :1] * (9 if kind is PoolKind.SUM else 1), 2, axis=1)
    bench.check(node, source_of(node, element, 3), x, expected)


def test_channels_do_not_mix(bench: Any) -> None:
    node = make_node(PoolKind.SUM, 4, 2, Folding(2, 2))
    # tap 0 of channels 0 and 1, tap 1 of both, then channels 2 and 3
    x = np.array([[1, 10, 2, 20, 3, 30, 4, 40]])
    bench.check(node, source_of(node, uint_type(6), 1), x, np.array([[3, 30, 7, 70]]))


@pytest.mark.parametrize("kind", list(PoolKind))
@pytest.mark.parametrize("folding", [Folding(4, 9), Folding(2, 3), Folding(1, 1)], ids=str)
def test_latency_of_lone_vectors(
    bench: Any, random_values: Any, kind: PoolKind, folding: Folding
) -> None:
    node = make_node(kind, 4, 9, folding)
    x = random_values(np.random.default_rng(0), uint_type(3), (3, 36))
    bench.check_alone(node, source_of(node, uint_type(3)), x)


@pytest.mark.parametrize(
    "source",
    [StreamType(BIPOLAR, 36, 4), StreamType(BIPOLAR, 18, 6), StreamType(BIPOLAR, 36, 6, 1, 3)],
    ids=str,
)
def test_refuses_another_stream(source: StreamType) -> None:
    with pytest.raises(
        GraphError, match=r"^pool takes windows of 36 in pe \* simd = 6 lanes, not .*'pool'"
    ):
        PoolUnit(make_node(PoolKind.MAX, 4, 9, Folding(2, 3)), source)
