# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
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
    Device,
    Folding,
    Pipelining,
    RamStyle,
    StreamType,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)

WEIGHTS = [BIPOLAR, TERNARY, int_type(2), int_type(3), int_type(8), uint_type(1)]
INPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]
OUTPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]

PIPELININGS = st.builds(Pipelining, st.booleans(), st.integers(1, 3))


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


@pytest.mark.parametrize("device", Device)
@pytest.mark.parametrize("simd", [3, 4, 12])
def test_cells_of_families(bench: Any, tools: Any, device: Device, simd: int) -> None:
    """Odd and even numbers of lanes, a part of the inputs at a time and all of them."""
    rng = np.random.default_rng(simd)
    for output in (None, BIPOLAR):
        types = (BIPOLAR, BIPOLAR, output)
        node, *rest = make_case(tools, rng, types, (4, 12), Folding(2, simd))
        bench.check(replace(node, device=device), *rest, stalls=3)


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
@pytest.mark.parametrize("vectors", [1, 2, 6])
def test_frame_of_vectors_as_one(bench: Any, tools: Any, folding: Folding, vectors: int) -> None:
    rng = np.random.default_rng(vectors)
    types = (BIPOLAR, uint_type(2), uint_type(2))
    node, _, x, expected = make_case(tools, rng, types, (4, 36), folding)
    source = StreamType(uint_type(2), 36 // vectors, folding.simd, vectors)
    bench.check(node, source, x, expected, stalls=vectors)


@settings(max_examples=40)
@given(layers(), PIPELININGS, st.integers(0, 2**20))
def test_any_pipelining(
    bench: Any, tools: Any, layer: Any, pipelining: Pipelining, seed: int
) -> None:
    types, shape, folding = layer
    node, *case = make_case(tools, np.random.default_rng(seed), types, shape, folding, 3)
    bench.check(replace(node, pipelining=pipelining), *case, stalls=seed)


@pytest.mark.parametrize("device", [None, *Device])
@pytest.mark.parametrize("operands", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_pipelining_of_cells(
    bench: Any, tools: Any, device: Device | None, operands: bool, levels: int
) -> None:
    rng = np.random.default_rng(levels)
    types = (BIPOLAR, BIPOLAR, uint_type(2))
    node, *case = make_case(tools, rng, types, (4, 40), Folding(2, 20, RamStyle.BLOCK))
    piped = replace(node, device=device, pipelining=Pipelining(operands, levels))
    bench.check(piped, *case, stalls=levels)
    bench.check_alone(piped, *case[:2])


def flagged(
    rng: np.random.Generator, x: Any, pixel_channels: int, lanes: int, taps: int
) -> tuple[StreamType, Any]:
    """Windows of ``x``, some of whose pixels become 0, with the type of the stream.

    The elements lie as those of a dense sliding-window unit: tap group, channel group, tap, lane;
    a beat has ``taps`` pixels of ``lanes`` channels each.
    """
    count = len(x)
    windows = x.reshape(count, -1, pixel_channels // lanes, taps, lanes).copy()
    zeros = rng.random((count, windows.shape[1], 1, taps, 1)) < rng.choice([0.2, 0.5, 1])
    windows[np.broadcast_to(zeros, windows.shape)] = 0
    source = StreamType(BIPOLAR, x.shape[1], taps * lanes, vectors=2, zero_flags=taps)
    return source, windows.reshape(x.shape)


@settings(max_examples=60)
@given(
    weight_type=st.sampled_from([BIPOLAR, BIPOLAR, *WEIGHTS[1:], uint_type(3)]),
    pixel_channels=st.sampled_from([2, 4, 6, 10]),
    beat_taps=st.integers(1, 3),
    tap_groups=st.integers(1, 3),
    mh=st.integers(1, 6),
    output=st.none() | st.sampled_from(OUTPUTS),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_flagged_pixels_count_as_zero(
    bench: Any,
    tools: Any,
    weight_type: DataType,
    pixel_channels: int,
    beat_taps: int,
    tap_groups: int,
    mh: int,
    output: DataType | None,
    data: Any,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    lanes = data.draw(st.sampled_from(divisors(pixel_channels)))
    folding = Folding(data.draw(st.sampled_from(divisors(mh))), beat_taps * lanes)
    shape = (mh, tap_groups * beat_taps * pixel_channels)
    node, _, x, _ = make_case(tools, rng, (weight_type, BIPOLAR, output), shape, folding)
    node = replace(node, pipelining=data.draw(PIPELININGS))
    source, x = flagged(rng, x, pixel_channels, lanes, beat_taps)
    sums = x @ node.weights.T.astype(int)
    expected = sums if node.table is None else tools[2](node.table, sums)
    bench.check(node, source, x, expected, stalls=seed)


@pytest.mark.parametrize("lanes", [1, 2, 3, 6])
@pytest.mark.parametrize("taps", [1, 3])
def test_only_zeros_are_zero(bench: Any, tools: Any, lanes: int, taps: int) -> None:
    folding = Folding(2, lanes * taps)
    types = (BIPOLAR, BIPOLAR, None)
    node, *_ = make_case(tools, np.random.default_rng(0), types, (4, 18), folding)
    source = StreamType(BIPOLAR, 18, lanes * taps, 2, zero_flags=taps)
    bench.check(node, source, np.zeros((4, 18), int), np.zeros((4, 4), int))


def test_refuses_flags_of_an_odd_number_of_channels(tools: Any) -> None:
    types = (BIPOLAR, BIPOLAR, None)
    node, *_ = make_case(tools, np.random.default_rng(0), types, (2, 9), Folding(1, 3))
    with pytest.raises(
        GraphError,
        match=r"^flags for 0 must be those of pixels with an even number of channels, not .*'fc'",
    ):
        Mvau(node, StreamType(BIPOLAR, 9, 3, zero_flags=1))


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
