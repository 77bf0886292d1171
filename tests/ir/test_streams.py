# SPDX-License-Identifier: Apache-2.0
"""Types of streams: beats, widths, flags for 0, and vectors that are read as one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    DataType,
    Fifo,
    Folding,
    RamStyle,
    StreamType,
    check_divides,
    divisors,
    int_type,
    uint_type,
)
from xnorflow.ir.streams import check_no_flags

LAYER = Fifo(name="queue", inputs=("image",), edge="image", depth_beats=2, origin="net.0")


@st.composite
def streams(draw: st.DrawFn) -> StreamType:
    element = draw(st.sampled_from([BIPOLAR, TERNARY, uint_type(8), int_type(3)]))
    channels = draw(st.integers(1, 24))
    lanes = draw(st.sampled_from(divisors(channels)))
    flags = draw(st.sampled_from([0, *divisors(lanes)])) if element == BIPOLAR else 0
    return StreamType(element, channels, lanes, draw(st.integers(1, 9)), flags)


@given(streams())
def test_a_frame_is_cut_into_beats(stream: StreamType) -> None:
    frame = np.zeros((stream.vectors, stream.channels))
    beats = frame.reshape(-1, stream.lanes)
    assert stream.size == frame.size
    assert stream.beats_per_frame == len(beats)
    assert stream.beats_per_vector == len(frame[0].reshape(-1, stream.lanes))
    bits = [*[stream.element.width_bits] * beats.shape[1], *[1] * stream.zero_flags]
    assert stream.width_bits == sum(bits)


def test_printed_form() -> None:
    assert str(StreamType(uint_type(8), 3, 1, 784)) == "stream<UINT8 x 1>[784 x 3]"
    assert str(StreamType(BIPOLAR, 36, 12, 9, 3)) == "stream<BIPOLAR x 12 + 3>[9 x 36]"


def test_flags_tell_types_apart() -> None:
    assert StreamType(BIPOLAR, 4, 4) == StreamType(BIPOLAR, 4, 4, 1, 0)
    assert StreamType(BIPOLAR, 4, 4, 1, 1) != StreamType(BIPOLAR, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (BIPOLAR, 12, 8),
            r"^lanes must divide channels=12, not 8 \(legal: 1, 2, 3, 4, 6, 12\)$",
        ),
        ((BIPOLAR, 3, 0), r"^lanes must divide channels=3, not 0 \(legal: 1, 3\)$"),
        ((BIPOLAR, 12, 6, 1, 4), r"^zero_flags must divide lanes=6, not 4 \(legal: 1, 2, 3, 6\)$"),
        (
            (BIPOLAR, 12, 6, 1, -1),
            r"^zero_flags must divide lanes=6, not -1 \(legal: 1, 2, 3, 6\)$",
        ),
    ],
)
def test_lanes_that_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(FoldingError, match=message):
        StreamType(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (BIPOLAR, 0, 1),
            r"^a stream must have channels and vectors of 1 or more, not 0 and 1$",
        ),
        (
            (BIPOLAR, -4, 2),
            r"^a stream must have channels and vectors of 1 or more, not -4 and 1$",
        ),
        (
            (BIPOLAR, 4, 2, 0),
            r"^a stream must have channels and vectors of 1 or more, not 4 and 0$",
        ),
        ((TERNARY, 4, 2, 1, 1), r"^only BIPOLAR elements need flags for 0, not TERNARY$"),
        ((uint_type(1), 4, 2, 1, 2), r"^only BIPOLAR elements need flags for 0, not UINT1$"),
    ],
)
def test_streams_that_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        StreamType(*arguments)


@given(st.integers(1, 60), st.integers(-3, 70))
def test_divisors_are_what_is_legal(total: int, value: int) -> None:
    if any(value * times == total for times in range(1, total + 1)):
        check_divides("pe", value, "mh", total, "fc")
        return
    with pytest.raises(
        FoldingError, match=rf"^pe must divide mh={total}, not {value} \(layer 'fc'"
    ):
        check_divides("pe", value, "mh", total, "fc")


def test_foldings_start_with_one_of_each() -> None:
    assert Folding() == Folding(pe=1, simd=1, ram_style=RamStyle.AUTO)


@pytest.mark.parametrize("element", [BIPOLAR, uint_type(2)])
def test_vectors_are_read_as_they_are_or_all_as_one(element: DataType) -> None:
    stream = StreamType(element, 6, 3, 4)
    assert LAYER.whole_vectors(stream, 6, 3, "this") == stream
    assert LAYER.whole_vectors(stream, 24, 3, "this") == StreamType(element, 24, 3, 1)


def test_flags_stay_with_their_vectors() -> None:
    stream = StreamType(BIPOLAR, 6, 3, 4, 1)
    assert LAYER.whole_vectors(stream, 6, 3, "this") == stream
    message = (
        r"^a stream with flags for 0 cannot be flattened: stream<BIPOLAR x 3 \+ 1>\[4 x 6\] "
        r"\(node 'queue', module 'net\.0'\)$"
    )
    with pytest.raises(GraphError, match=message):
        LAYER.whole_vectors(stream, 24, 3, "this")


@pytest.mark.parametrize(("channels", "lanes"), [(6, 2), (12, 3), (3, 3), (24, 6), (48, 3)])
def test_other_vectors_are_refused(channels: int, lanes: int) -> None:
    message = r"^this takes that, not stream<UINT2 x 3>\[4 x 6\] \(node 'queue', module 'net\.0'\)$"
    with pytest.raises(GraphError, match=message):
        LAYER.whole_vectors(StreamType(uint_type(2), 6, 3, 4), channels, lanes, "this takes that")


def test_one_stream_with_flags_is_enough_to_refuse() -> None:
    plain, flagged = StreamType(BIPOLAR, 6, 3, 4), StreamType(BIPOLAR, 6, 3, 4, 1)
    check_no_flags(LAYER, plain, plain)
    message = (
        r"^fifo takes streams without flags for 0, not stream<BIPOLAR x 3 \+ 1>\[4 x 6\] "
        r"\(node 'queue', module 'net\.0'\)$"
    )
    with pytest.raises(GraphError, match=message):
        check_no_flags(LAYER, plain, flagged)
