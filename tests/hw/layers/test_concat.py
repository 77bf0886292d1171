# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers import ConcatUnit, make_component
from xnorflow.ir import BIPOLAR, StreamType, int_type
from xnorflow.ir import ConcatUnit as ConcatUnitNode


def make_node(count: int) -> ConcatUnitNode:
    names = tuple(f"x{port}" for port in range(count))
    return ConcatUnitNode(name="joined", inputs=names, edge="joined")


def run(
    streams_run: Any, bench: Any, parts: list[int], lanes: int, vectors: int, stalls: int | None
) -> tuple[Any, dict[str, Any]]:
    """Concatenate ``2 * vectors`` random vectors of ``parts`` beats; the layer and its traces."""
    rng = np.random.default_rng(stalls)
    node = make_node(len(parts))
    sources = tuple(StreamType(int_type(4), beats * lanes, lanes, vectors) for beats in parts)
    values = [rng.integers(-8, 8, (2 * vectors, source.channels)) for source in sources]
    expected = np.hstack(values)
    sent = {f"i_{port}": bench.beats(x, sources[port]) for port, x in enumerate(values)}
    count = expected.size // lanes
    traces = streams_run(make_component(node, sources), sent, {"o": count}, stalls=stalls)
    np.testing.assert_array_equal(bench.values(traces["o"].beats, node.infer(sources)), expected)
    return layer_timing(node, sources), traces


@settings(max_examples=40)
@given(
    parts=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    lanes=st.integers(1, 3),
    vectors=st.integers(1, 3),
    seed=st.integers(0, 2**20),
)
def test_any_parts(
    streams_run: Any, bench: Any, parts: list[int], lanes: int, vectors: int, seed: int
) -> None:
    run(streams_run, bench, parts, lanes, vectors, seed)


@pytest.mark.parametrize("parts", [[1, 1], [1, 3], [3, 1, 2]], ids=str)
def test_cycles(streams_run: Any, bench: Any, parts: list[int]) -> None:
    timing, traces = run(streams_run, bench, parts, 2, 2, None)
    starts = traces["o"].cycles
    assert starts[0] - traces["i_0"].cycles[0] == timing.latency_first
    assert set(np.diff(starts[:: sum(parts)])) == {timing.ii_vector}
    assert set(np.diff(starts[:: 2 * sum(parts)])) == {timing.ii_frame}


@pytest.mark.parametrize(
    "other",
    [StreamType(int_type(2), 4, 2), StreamType(BIPOLAR, 4, 4), StreamType(BIPOLAR, 4, 2, 2)],
    ids=str,
)
def test_refuses_streams_that_differ(other: StreamType) -> None:
    with pytest.raises(
        GraphError, match=r"^concat takes streams of one type, width and length, not .*'joined'"
    ):
        ConcatUnit(make_node(2), StreamType(BIPOLAR, 4, 2), other)
