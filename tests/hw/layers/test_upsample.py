# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.hw.layers import UpsampleUnit
from xnorflow.ir import BIPOLAR, StreamType, int_type, uint_type
from xnorflow.ir import UpsampleUnit as UpsampleUnitNode

FRAMES = 3


def make_node(shape: tuple[int, int, int], factor: tuple[int, int]) -> UpsampleUnitNode:
    return UpsampleUnitNode(name="up", inputs=("x",), edge="x", shape=shape, factor=factor)


def enlarged(x: Any, node: UpsampleUnitNode) -> Any:
    (height, width, channels), (down, across) = node.shape, node.factor
    images = x.reshape(FRAMES, height, width, channels)
    return np.array(
        [
            image[row // down, column // across]
            for image in images
            for row in range(height * down)
            for column in range(width * across)
        ]
    )


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    factor=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    lanes=st.integers(1, 2),
    beats=st.integers(1, 3),
    element=st.sampled_from([BIPOLAR, uint_type(3), int_type(2)]),
    seed=st.integers(0, 2**20),
)
def test_any_factor(
    bench: Any,
    random_values: Any,
    size: tuple[int, int],
    factor: tuple[int, int],
    lanes: int,
    beats: int,
    element: Any,
    seed: int,
) -> None:
    channels = lanes * beats
    node = make_node((*size, channels), factor)
    source = StreamType(element, channels, lanes, size[0] * size[1])
    x = random_values(np.random.default_rng(seed), element, (FRAMES * source.vectors, channels))
    trace = bench.check(node, source, x, enlarged(x, node), stalls=seed)
    # A beat in every cycle, whatever stands between: rows, frames.
    assert trace.cycles == list(range(trace.cycles[0], trace.cycles[0] + len(trace.cycles)))


@pytest.mark.parametrize("factor", [(1, 1), (1, 3), (2, 1), (2, 2)])
def test_latency_of_lone_frames(bench: Any, random_values: Any, factor: tuple[int, int]) -> None:
    source = StreamType(uint_type(2), 4, 2, 6)
    x = random_values(np.random.default_rng(0), uint_type(2), (18, 4))
    bench.check_alone(make_node((2, 3, 4), factor), source, x, frames=True)


@pytest.mark.parametrize(
    ("factor", "beats"), [((2, 2), 3 * 2), ((2, 1), 3 * 2), ((1, 2), 2), ((1, 1), 2)]
)
def test_memory(memory_bits: Any, factor: tuple[int, int], beats: int) -> None:
    """A row where rows come again, else a pixel; two beats at least."""
    node, source = make_node((2, 3, 4), factor), StreamType(uint_type(2), 4, 2, 6)
    assert layer_memory(node, (source,)).total_bits == beats * 2 * 2
    assert memory_bits(UpsampleUnit(node, source)) == beats * 2 * 2


def test_refuses_another_stream() -> None:
    node = make_node((2, 3, 4), (2, 2))
    with pytest.raises(GraphError, match=r"^upsample takes images of \(2, 3, 4\), not .*'up'"):
        UpsampleUnit(node, StreamType(BIPOLAR, 4, 4, 5))
    with pytest.raises(GraphError, match=r"^upsample takes streams without flags for 0, .*'up'"):
        UpsampleUnit(node, StreamType(BIPOLAR, 4, 4, 6, zero_flags=1))
