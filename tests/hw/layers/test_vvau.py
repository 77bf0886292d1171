# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import Vvau
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    VVAU,
    DataType,
    Folding,
    Pipelining,
    StreamType,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)

WEIGHTS = [BIPOLAR, TERNARY, int_type(2), int_type(4), int_type(8), uint_type(1)]
INPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(3), uint_type(8)]
OUTPUTS = [BIPOLAR, TERNARY, uint_type(2), int_type(4), uint_type(8)]


def depthwise_order(taps: Any, folding: Folding) -> Any:
    """``taps`` of shape (vectors, channels, taps) as elements of a stream, from the definition."""
    vectors, channels, count = taps.shape
    return np.array(
        [
            [
                vector[group * folding.pe + lane, part * folding.simd + tap]
                for group in range(channels // folding.pe)
                for part in range(count // folding.simd)
                for tap in range(folding.simd)
                for lane in range(folding.pe)
            ]
            for vector in taps
        ]
    ).reshape(vectors, -1)


@pytest.fixture(scope="session")
def make_case(random_values: Any, random_table: Any, step_function: Any) -> Any:
    def make(
        rng: np.random.Generator,
        types: tuple[DataType, DataType, DataType | None],
        shape: tuple[int, int],
        folding: Folding,
    ) -> tuple[VVAU, StreamType, Any, Any]:
        """A layer, its source, four windows and what must come out."""
        weight_type, input_type, output_type = types
        channels, count = shape
        weights = random_values(rng, weight_type, shape)
        table = None
        if output_type is not None:
            low, high = accumulator_range(weights.astype(np.int8), input_type)
            levels = int(rng.integers(1, output_type.levels))
            rows = int(rng.choice([1, channels]))
            table = random_table(rng, rows, low, high, output_type, levels)
        node = VVAU(
            name="dw",
            inputs=("x",),
            edge="dw",
            weights=weights,
            weight_type=weight_type,
            table=table,
            folding=folding,
        )
        taps = random_values(rng, input_type, (4, channels, count))
        sums = (taps * weights).sum(axis=2)
        expected = sums if table is None else step_function(table, sums)
        lanes = folding.pe * folding.simd
        source = StreamType(input_type, channels * count, lanes, vectors=2)
        return node, source, depthwise_order(taps, folding), expected

    return make


@settings(max_examples=60)
@given(
    weight_type=st.sampled_from(WEIGHTS),
    input_type=st.sampled_from(INPUTS),
    output_type=st.none() | st.sampled_from(OUTPUTS),
    channels=st.integers(1, 8),
    taps=st.sampled_from([1, 2, 3, 4, 6, 9, 10]),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_layer(
    bench: Any,
    make_case: Any,
    weight_type: DataType,
    input_type: DataType,
    output_type: DataType | None,
    channels: int,
    taps: int,
    data: Any,
    seed: int,
) -> None:
    pe, simd = (data.draw(st.sampled_from(divisors(count))) for count in (channels, taps))
    types = (weight_type, input_type, output_type)
    rng = np.random.default_rng(seed)
    node, *case = make_case(rng, types, (channels, taps), Folding(pe, simd))
    pipelining = Pipelining(data.draw(st.booleans()), data.draw(st.integers(1, 3)))
    bench.check(replace(node, pipelining=pipelining), *case, stalls=seed)


@pytest.mark.parametrize("simd", [1, 3, 9])
@pytest.mark.parametrize("pe", [1, 2, 4])
@pytest.mark.parametrize("output", [None, BIPOLAR, uint_type(2)], ids=str)
def test_every_corner_of_folding(
    bench: Any, make_case: Any, pe: int, simd: int, output: DataType | None
) -> None:
    rng = np.random.default_rng(pe * 10 + simd)
    bench.check(*make_case(rng, (BIPOLAR, TERNARY, output), (4, 9), Folding(pe, simd)), stalls=2)


@pytest.mark.parametrize("folding", [Folding(4, 9), Folding(2, 3), Folding(1, 1)], ids=str)
def test_latency_of_lone_vectors(bench: Any, make_case: Any, folding: Folding) -> None:
    types = (BIPOLAR, TERNARY, uint_type(2))
    case = make_case(np.random.default_rng(0), types, (4, 9), folding)
    bench.check_alone(*case[:3])


@pytest.mark.parametrize(
    "source",
    [
        StreamType(BIPOLAR, 36, 12),
        StreamType(BIPOLAR, 12, 6, 3),
        StreamType(BIPOLAR, 36, 6, zero_flags=3),
    ],
    ids=str,
)
def test_refuses_another_stream(make_case: Any, source: StreamType) -> None:
    types = (BIPOLAR, BIPOLAR, None)
    node, *_ = make_case(np.random.default_rng(0), types, (4, 9), Folding(2, 3))
    with pytest.raises(
        GraphError, match=r"^vvau takes windows of 36 in pe \* simd = 6 lanes, not .*'dw'"
    ):
        Vvau(node, source)
