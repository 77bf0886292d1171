# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import Timing, layer_timing
from xnorflow.hw.layers import PadUnit
from xnorflow.ir import BIPOLAR, TERNARY, DataType, StreamType, int_type, uint_type
from xnorflow.ir import PadUnit as PadUnitNode

FRAMES = 3
Padding = tuple[int, int, int, int]


def make_node(
    shape: tuple[int, int, int], padding: Padding, value: int = 0, *, flags: bool = False
) -> PadUnitNode:
    return PadUnitNode(
        name="pad",
        inputs=("x",),
        edge="x",
        shape=shape,
        padding=padding,
        value=value,
        flags=flags,
    )


def padded(x: Any, node: PadUnitNode) -> Any:
    (height, width, channels), (top, left, bottom, right) = node.shape, node.padding
    shape = (FRAMES, height + top + bottom, width + left + right, channels)
    images = np.full(shape, node.value)
    images[:, top : top + height, left : left + width] = x.reshape(FRAMES, *node.shape)
    return images.reshape(-1, channels)


def check(
    bench: Any, random_values: Any, node: PadUnitNode, element: DataType, lanes: int, seed: int
) -> Any:
    height, width, channels = node.shape
    source = StreamType(element, channels, lanes, height * width)
    rng = np.random.default_rng(seed)
    x = random_values(rng, element, (FRAMES * height * width, channels))
    return bench.check(node, source, x, padded(x, node), stalls=seed)


@settings(max_examples=50)
@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(*[st.integers(0, 2)] * 4),
    lanes=st.integers(1, 3),
    beats=st.integers(1, 3),
    kind=st.sampled_from(
        [
            (BIPOLAR, 0, False),
            (BIPOLAR, 0, True),
            (BIPOLAR, -1, False),
            (BIPOLAR, 1, False),
            (TERNARY, 0, False),
            (TERNARY, -1, False),
            (uint_type(3), 0, False),
            (int_type(3), -4, False),
        ]
    ),
    seed=st.integers(0, 2**20),
)
def test_any_padding(
    bench: Any,
    random_values: Any,
    size: tuple[int, int],
    padding: Padding,
    lanes: int,
    beats: int,
    kind: tuple[DataType, int, bool],
    seed: int,
) -> None:
    element, value, flags = kind
    channels = lanes * beats * (2 if flags else 1)
    node = make_node((*size, channels), padding, value, flags=flags)
    trace = check(bench, random_values, node, element, lanes, seed)
    # A beat in every cycle, whatever stands between: rows, frames.
    assert trace.cycles == list(range(trace.cycles[0], trace.cycles[0] + len(trace.cycles)))


@pytest.mark.parametrize("element", [BIPOLAR, uint_type(2)], ids=str)
@pytest.mark.parametrize(
    "padding", [(0, 0, 0, 0), (0, 0, 1, 1), (1, 0, 0, 2), (0, 2, 0, 0), (2, 1, 1, 1)]
)
def test_latency_of_lone_frames(
    bench: Any, random_values: Any, padding: Padding, element: DataType
) -> None:
    """No beat comes of a frame that does not come, and none waits for one."""
    node = make_node((2, 3, 4), padding)
    source = StreamType(element, 4, 2, 6)
    bench.check_alone(
        node, source, random_values(np.random.default_rng(0), element, (18, 4)), frames=True
    )
    before = 2 * (padding[0] * (3 + padding[1] + padding[3]) + padding[1])
    assert layer_timing(node, (source,)).latency_first == 1 - before


def test_flags_and_codes(rtl_run: Any) -> None:
    """The flag stands above the lanes; the code beside it is 0."""
    node = make_node((1, 1, 2), (0, 1, 0, 1), flags=True)
    trace = rtl_run(PadUnit(node, StreamType(BIPOLAR, 2, 2)), [0b10, 0b11], count=6)
    assert trace.beats == [0b100, 0b010, 0b100, 0b100, 0b011, 0b100]


def test_bipolar_becomes_ternary(rtl_run: Any) -> None:
    node = make_node((1, 1, 2), (0, 0, 0, 1))
    trace = rtl_run(PadUnit(node, StreamType(BIPOLAR, 2, 2)), [0b10, 0b01], count=4)
    assert trace.beats == [0b01_11, 0, 0b11_01, 0]


def test_intervals() -> None:
    node = make_node((5, 7, 6), (1, 2, 3, 4))
    timing = layer_timing(node, (StreamType(uint_type(2), 6, 2, 35),))
    assert timing == Timing(3, 1 - 3 * (13 + 2), 3 * 9 * 13)


def test_refuses_another_stream() -> None:
    node = make_node((2, 3, 4), (1, 1, 1, 1))
    with pytest.raises(GraphError, match=r"^pad takes images of \(2, 3, 4\), not .*'pad'"):
        PadUnit(node, StreamType(BIPOLAR, 4, 4, 5))
    with pytest.raises(GraphError, match=r"^pad takes streams without flags for 0, not .*'pad'"):
        PadUnit(node, StreamType(BIPOLAR, 4, 4, 6, zero_flags=1))
