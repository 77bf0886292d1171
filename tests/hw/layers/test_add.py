# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers import AddUnit, make_component
from xnorflow.ir import BIPOLAR, TERNARY, DataType, StreamType, divisors, int_type, uint_type
from xnorflow.ir import AddUnit as AddUnitNode

TYPES = st.sampled_from([BIPOLAR, TERNARY, uint_type(1), uint_type(7), int_type(2), int_type(9)])


def make_node(shifts: tuple[int, int]) -> AddUnitNode:
    return AddUnitNode(name="sum", inputs=("a", "b"), edge="sum", shifts=shifts)


def check(
    streams_run: Any,
    bench: Any,
    node: AddUnitNode,
    sources: tuple[StreamType, StreamType],
    values: tuple[Any, Any],
    stalls: int | None,
) -> dict[str, Any]:
    """``node`` adds ``values``; gives the traces of its ports."""
    result = node.infer(sources)
    expected = values[0] * 2 ** node.shifts[0] + values[1] * 2 ** node.shifts[1]
    beats = {f"i_{port}": bench.beats(values[port], sources[port]) for port in range(2)}
    component = make_component(node, sources)
    count = expected.size // result.lanes
    traces: dict[str, Any] = streams_run(component, beats, {"o": count}, stalls=stalls)
    np.testing.assert_array_equal(bench.values(traces["o"].beats, result), expected)
    assert traces["i_0"].cycles == traces["i_1"].cycles
    return traces


@settings(max_examples=50)
@given(
    elements=st.tuples(TYPES, TYPES),
    shifts=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    channels=st.integers(1, 8),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_sum(
    streams_run: Any,
    bench: Any,
    random_values: Any,
    elements: tuple[DataType, DataType],
    shifts: tuple[int, int],
    channels: int,
    data: Any,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    lanes = data.draw(st.sampled_from(divisors(channels)))
    sources = tuple(StreamType(element, channels, lanes, 2) for element in elements)
    values = tuple(random_values(rng, element, (6, channels)) for element in elements)
    check(streams_run, bench, make_node(shifts), sources, values, seed)


@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize("element", [BIPOLAR, TERNARY, uint_type(8), int_type(8)], ids=str)
def test_extremes(streams_run: Any, bench: Any, element: DataType, end: str) -> None:
    sources = StreamType(element, 2, 2), StreamType(int_type(3), 2, 2)
    values = tuple(np.full((2, 2), getattr(source.element, end)) for source in sources)
    check(streams_run, bench, make_node((3, 0)), sources, values, None)


def test_widest_sum(streams_run: Any, bench: Any) -> None:
    sources = StreamType(int_type(31), 1, 1), StreamType(uint_type(7), 1, 1)
    values = np.array([[-(2**30)], [2**30 - 1]]), np.array([[0], [127]])
    check(streams_run, bench, make_node((0, 23)), sources, values, None)


def test_cycles(streams_run: Any, bench: Any, random_values: Any) -> None:
    source = StreamType(int_type(4), 6, 2, 2)
    node = make_node((1, 0))
    x = random_values(np.random.default_rng(0), int_type(4), (6, 6))
    traces = check(streams_run, bench, node, (source, source), (x, x[::-1]), None)
    timing = layer_timing(node, (source, source))
    starts = traces["o"].cycles
    assert starts[0] - traces["i_0"].cycles[0] == timing.latency_first
    assert set(np.diff(starts[:: source.beats_per_vector])) == {timing.ii_vector}
    assert set(np.diff(starts[:: source.beats_per_frame])) == {timing.ii_frame}


@pytest.mark.parametrize(
    "other",
    [
        StreamType(BIPOLAR, 4, 4),
        StreamType(BIPOLAR, 6, 2),
        StreamType(BIPOLAR, 4, 2, vectors=2),
    ],
    ids=str,
)
def test_refuses_streams_of_two_shapes(other: StreamType) -> None:
    with pytest.raises(GraphError, match=r"^add takes two streams of one shape, not .*'sum'"):
        AddUnit(make_node((0, 0)), StreamType(BIPOLAR, 4, 2), other)
