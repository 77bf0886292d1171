# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import Mvau
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    DataType,
    Folding,
    StreamType,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)

WEIGHTS = [BIPOLAR, TERNARY, int_type(2), int_type(3), int_type(8), uint_type(1)]
INPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]
OUTPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]


def make_case(
    tools: tuple[Any, Any, Any],
    rng: np.random.Generator,
    types: tuple[DataType, DataType, DataType | None],
    shape: tuple[int, int],
    folding: Folding,
    levels: int = 255,
    rows: int | None = None,
) -> tuple[MVAU, StreamType, Any, Any]:
    """A layer, its source, four input vectors and what must come out."""
    random_values, random_table, step_function = tools
    weight_type, input_type, output_type = types
    mh, mw = shape
    weights = random_values(rng, weight_type, shape)
    table = None
    if output_type is not None:
        low, high = accumulator_range(weights.astype(np.int8), input_type)
        table = random_table(
            rng, rows or mh, low, high, output_type, min(levels, output_type.levels - 1)
        )
    node = MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=weights,
        weight_type=weight_type,
        table=table,
        folding=folding,
    )
    x = random_values(rng, input_type, (4, mw))
    sums = x @ weights.T
    expected = sums if table is None else step_function(table, sums)
    return node, StreamType(input_type, mw, folding.simd, 2), x, expected


@pytest.fixture(scope="session")
def tools(random_values: Any, random_table: Any, step_function: Any) -> tuple[Any, Any, Any]:
    return random_values, random_table, step_function


@pytest.mark.parametrize("weight_type", WEIGHTS, ids=str)
@pytest.mark.parametrize("input_type", INPUTS, ids=str)
def test_every_pair_of_types(
    bench: Any, tools: Any, weight_type: DataType, input_type: DataType
) -> None:
    rng = np.random.default_rng([WEIGHTS.index(weight_type), INPUTS.index(input_type)])
    output = OUTPUTS[int(rng.integers(len(OUTPUTS)))]
    for types in [(weight_type, input_type, None), (weight_type, input_type, output)]:
        bench.check(*make_case(tools, rng, types, (4, 6), Folding(pe=2, simd=3)), stalls=1)


@pytest.mark.parametrize("simd", [1, 3, 6])
@pytest.mark.parametrize("pe", [1, 2, 4])
@pytest.mark.parametrize("output", [None, BIPOLAR, uint_type(2)], ids=str)
def test_every_corner_of_folding(
    bench: Any, tools: Any, pe: int, simd: int, output: DataType | None
) -> None:
    rng = np.random.default_rng(pe * 10 + simd)
    types = (BIPOLAR, BIPOLAR, output)
    bench.check(*make_case(tools, rng, types, (4, 6), Folding(pe, simd)), stalls=2)


@st.composite
def layers(draw: Any) -> tuple[Any, ...]:
    mh, mw = draw(st.integers(1, 9)), draw(st.integers(1, 20))
    folding = Folding(draw(st.sampled_from(divisors(mh))), draw(st.sampled_from(divisors(mw))))
    weight_type = draw(st.sampled_from([BIPOLAR, TERNARY, *(int_type(k) for k in range(2, 9))]))
    widths = st.integers(1, 8)
    input_type = draw(
        st.sampled_from([BIPOLAR, TERNARY])
        | widths.map(uint_type)
        | widths.filter(lambda k: k > 1).map(int_type)
    )
    output_type = draw(st.none() | st.sampled_from(OUTPUTS))
    return (weight_type, input_type, output_type), (mh, mw), folding


@settings(max_examples=60)
@given(layers(), st.integers(1, 40), st.booleans(), st.integers(0, 2**20))
def test_any_layer(
    bench: Any, tools: Any, layer: Any, levels: int, shared: bool, seed: int
) -> None:
    types, shape, folding = layer
    rng = np.random.default_rng(seed)
    case = make_case(tools, rng, types, shape, folding, levels, rows=1 if shared else None)
    bench.check(*case, stalls=seed)


@pytest.mark.parametrize("folding", [Folding(4, 6), Folding(2, 3), Folding(1, 1)], ids=str)
def test_latency_of_lone_vectors(bench: Any, tools: Any, folding: Folding) -> None:
    types = (BIPOLAR, uint_type(2), uint_type(2))
    case = make_case(tools, np.random.default_rng(0), types, (4, 6), folding)
    bench.check_alone(*case[:3])


@pytest.mark.parametrize("weight", [-1, 1])
@pytest.mark.parametrize("element", [BIPOLAR, TERNARY, uint_type(8), int_type(8)], ids=str)
def test_extremes_of_the_accumulator(bench: Any, weight: int, element: DataType) -> None:
    node = MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=np.full((2, 16), weight),
        weight_type=BIPOLAR,
        table=None,
        folding=Folding(2, 4),
    )
    x = np.array([[element.min] * 16, [element.max] * 16])
    bench.check(node, StreamType(element, 16, 4, 2), x, x @ np.full((16, 2), weight))


def test_refuses_another_stream(tools: Any) -> None:
    node, *_ = make_case(
        tools, np.random.default_rng(0), (BIPOLAR, BIPOLAR, None), (2, 4), Folding(1, 2)
    )
    with pytest.raises(
        GraphError, match=r"^mvau takes vectors of mw=4 in simd=2 lanes, not .*'fc'"
    ):
        Mvau(node, StreamType(BIPOLAR, 4, 4))
