# SPDX-License-Identifier: Apache-2.0
"""Types of the streams of layers that move elements, against images that are moved."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    ConcatUnit,
    DataType,
    Fifo,
    Fork,
    Layer,
    PadUnit,
    SlidingWindow,
    StreamInput,
    StreamType,
    UpsampleUnit,
    WidthConverter,
    Window,
    divisors,
    int_type,
    uint_type,
)

HEADER = {"name": "mover", "inputs": ("image",), "edge": "image", "origin": "net.0"}
HERE = r"\(node 'mover', module 'net\.0'\)$"
WIDE = Window((2, 3))
ELEMENTS = st.sampled_from([BIPOLAR, TERNARY, uint_type(2), int_type(3)])


def pairs(high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, high), st.integers(1, high))


@st.composite
def images(draw: st.DrawFn) -> tuple[tuple[int, int, int], StreamType]:
    """A shape and a stream of such images."""
    shape = (*draw(pairs(6)), draw(st.integers(1, 6)))
    lanes = draw(st.sampled_from(divisors(shape[2])))
    return shape, StreamType(draw(ELEMENTS), shape[2], lanes, shape[0] * shape[1])


def stream_of(image: np.ndarray, element: DataType, lanes: int) -> StreamType:
    """The stream on which ``image`` goes, a pixel a vector."""
    height, width, channels = image.shape
    return StreamType(element, channels, lanes, height * width)


def converter(lanes: int) -> WidthConverter:
    return WidthConverter(**HEADER, lanes=lanes)


def pad(
    shape: tuple[int, ...] = (3, 4, 2),
    padding: tuple[int, ...] = (1, 1, 1, 1),
    value: int = 0,
    *,
    flags: bool = False,
) -> PadUnit:
    return PadUnit(**HEADER, shape=shape, padding=padding, value=value, flags=flags)


def sliding(
    shape: tuple[int, ...] = (4, 5, 2),
    window: Window = WIDE,
    depth_pixels: int = 100,
    **options: object,
) -> SlidingWindow:
    return SlidingWindow(**HEADER, shape=shape, window=window, depth_pixels=depth_pixels, **options)


def upsample(shape: tuple[int, ...] = (2, 3, 4), factor: tuple[int, ...] = (2, 2)) -> UpsampleUnit:
    return UpsampleUnit(**HEADER, shape=shape, factor=factor)


def concat(count: int = 2) -> ConcatUnit:
    return ConcatUnit(**(HEADER | {"inputs": tuple("abcd"[:count])}))


@given(images(), st.integers(1, 40))
def test_converter_keeps_vectors_where_it_can(
    drawn: tuple[tuple[int, int, int], StreamType], lanes: int
) -> None:
    """Else it takes the frame as one; where not even that can be cut, it is refused."""
    _, source = drawn
    if any(lanes * beats == source.channels for beats in range(1, source.channels + 1)):
        expected = StreamType(source.element, source.channels, lanes, source.vectors)
    elif any(lanes * beats == source.size for beats in range(1, source.size + 1)):
        expected = StreamType(source.element, source.size, lanes, 1)
    else:
        message = rf"^lanes must divide size={source.size}, not {lanes} \(layer 'mover'; legal: 1"
        with pytest.raises(FoldingError, match=message):
            converter(lanes).infer((source,))
        return
    assert converter(lanes).infer((source,)) == expected
    assert expected.size == source.size


def test_converter_flattens_pixels_of_too_few_channels() -> None:
    source = StreamType(uint_type(8), 3, 1, 16)
    assert str(converter(3).infer((source,))) == "stream<UINT8 x 3>[16 x 3]"
    assert str(converter(2).infer((source,))) == "stream<UINT8 x 2>[1 x 48]"
    assert str(converter(12).infer((source,))) == "stream<UINT8 x 12>[1 x 48]"


@given(images())
def test_fifo_and_fork_change_nothing(
    drawn: tuple[tuple[int, int, int], StreamType],
) -> None:
    _, source = drawn
    flags = source.lanes if source.element == BIPOLAR else 0
    for stream in (source, replace(source, zero_flags=flags)):
        assert Fifo(**HEADER, depth_beats=2).infer((stream,)) == stream
        assert Fork(**HEADER, ways=2).infer((stream,)) == stream


@given(images(), st.tuples(*[st.integers(0, 3)] * 4))
def test_padding_with_zeros(
    drawn: tuple[tuple[int, int, int], StreamType], padding: tuple[int, int, int, int]
) -> None:
    shape, source = drawn
    top, left, bottom, right = padding
    image = np.pad(np.ones(shape), ((top, bottom), (left, right), (0, 0)))
    element = source.element if source.element.contains(np.array(0)) else TERNARY
    unit = pad(shape, padding)
    assert unit.infer((source,)) == stream_of(image, element, source.lanes)
    assert unit.padded_shape == image.shape


@given(images())
def test_padding_with_any_value_of_the_type(
    drawn: tuple[tuple[int, int, int], StreamType],
) -> None:
    shape, source = drawn
    element = source.element
    for value in (element.min, element.max):
        result = pad(shape, value=value).infer((source,))
        assert (result.element, result.zero_flags) == (element, 0)
    for value in (element.min - 1, element.max + 1):
        message = rf"^padding must be a value of {element}, not {value} {HERE}"
        with pytest.raises(GraphError, match=message):
            pad(shape, value=value).infer((source,))


@pytest.mark.parametrize("lanes", [1, 2, 3, 6])
def test_padding_with_flags_keeps_the_bits(lanes: int) -> None:
    result = pad((3, 4, 6), flags=True).infer((StreamType(BIPOLAR, 6, lanes, 12),))
    assert result == StreamType(BIPOLAR, 6, lanes, 30, zero_flags=1)
    assert result.width_bits == lanes + 1


@given(
    images(),
    st.builds(Window, kernel=pairs(3), stride=pairs(2), dilation=pairs(2)),
    st.booleans(),
    st.data(),
)
def test_windows_of_an_image(
    drawn: tuple[tuple[int, int, int], StreamType],
    window: Window,
    depthwise: bool,
    data: st.DataObject,
) -> None:
    """One vector for each place at which all of a window's pixels lie in the image."""
    shape, source = drawn
    kernel = np.array(list(np.ndindex(window.kernel))) * window.dilation
    places = np.array(list(np.ndindex(shape[:2])))
    places = places[(places % window.stride == 0).all(axis=1)]
    pixels = places[:, None] + kernel
    seen = pixels[(pixels < shape[:2]).all(axis=(1, 2))]
    assume(len(seen))
    numbers = seen[..., 0] * shape[1] + seen[..., 1]
    span = int(numbers.max(axis=1)[0] - numbers.min(axis=1)[0]) + 1
    taps_per_beat = data.draw(st.sampled_from(divisors(len(kernel))))
    unit = sliding(shape, window, span, depthwise=depthwise, taps_per_beat=taps_per_beat)
    result = unit.infer((source,))
    assert result.vectors == len(seen)
    assert result.channels == seen.shape[1] * shape[2]
    assert (result.element, result.zero_flags) == (source.element, 0)
    assert result.lanes == taps_per_beat * source.lanes
    assert unit.span_pixels == span
    message = rf"^depth_pixels must be {span} or more, which a window spans, not {span - 1} {HERE}"
    with pytest.raises(GraphError, match=message):
        replace(unit, depth_pixels=span - 1)


@pytest.mark.parametrize("taps_per_beat", [1, 2, 3, 6])
def test_windows_have_a_flag_for_each_pixel_of_a_beat(taps_per_beat: int) -> None:
    padded = StreamType(BIPOLAR, 2, 2, 20, zero_flags=1)
    result = sliding(taps_per_beat=taps_per_beat).infer((padded,))
    assert result.zero_flags == taps_per_beat
    assert result.lanes // result.zero_flags == padded.lanes


@given(images(), pairs(4))
def test_upsampling(
    drawn: tuple[tuple[int, int, int], StreamType], factor: tuple[int, int]
) -> None:
    shape, source = drawn
    large = np.kron(np.ones(shape), np.ones((*factor, 1)))
    expected = stream_of(large, source.element, source.lanes)
    assert upsample(shape, factor).infer((source,)) == expected


@given(ELEMENTS, st.lists(st.integers(1, 3), min_size=2, max_size=4), st.integers(1, 3))
def test_concat(element: DataType, parts: list[int], lanes: int) -> None:
    streams = tuple(StreamType(element, part * lanes, lanes, 5) for part in parts)
    together = np.concatenate([np.ones((5, stream.channels)) for stream in streams], axis=1)
    result = concat(len(streams)).infer(streams)
    assert result == StreamType(element, together.shape[1], lanes, together.shape[0])


FLAGGED = StreamType(BIPOLAR, 4, 2, 6, 1)


@pytest.mark.parametrize(
    ("mover", "count"),
    [
        (converter(4), 1),
        (pad((2, 3, 4)), 1),
        (upsample(), 1),
        (concat(), 2),
    ],
    ids=["dwc", "pad", "upsample", "concat"],
)
def test_flags_are_not_lost_silently(mover: Layer, count: int) -> None:
    message = (
        rf"^{mover.mnemonic} takes streams without flags for 0, "
        rf"not stream<BIPOLAR x 2 \+ 1>\[6 x 4\] {HERE}"
    )
    plain = replace(FLAGGED, zero_flags=0)
    for place in range(count):
        inputs = tuple(FLAGGED if place == other else plain for other in range(count))
        with pytest.raises(GraphError, match=message):
            mover.infer(inputs)


@pytest.mark.parametrize("mover", [pad((2, 3, 4)), sliding((2, 3, 4), Window((1, 1))), upsample()])
@pytest.mark.parametrize(("channels", "vectors"), [(4, 5), (2, 6), (24, 1), (2, 12)])
def test_images_of_another_shape(mover: Layer, channels: int, vectors: int) -> None:
    message = (
        rf"^{mover.mnemonic} takes images of \(2, 3, 4\), "
        rf"not stream<UINT2 x 2>\[{vectors} x {channels}\] {HERE}"
    )
    with pytest.raises(GraphError, match=message):
        mover.infer((StreamType(uint_type(2), channels, 2, vectors),))


@pytest.mark.parametrize(
    "second",
    [
        StreamType(uint_type(2), 4, 4, 6),
        StreamType(uint_type(2), 4, 2, 3),
        StreamType(int_type(2), 4, 2, 6),
    ],
    ids=str,
)
def test_streams_that_do_not_go_side_by_side(second: StreamType) -> None:
    message = (
        r"^concat takes streams of one type, width and length, "
        r"not stream<UINT2 x 2>\[6 x 4\] and stream<"
    )
    first = StreamType(uint_type(2), 4, 2, 6)
    with pytest.raises(GraphError, match=message):
        concat(3).infer((first, first, second))


@pytest.mark.parametrize("lanes", [0, -2, 5])
def test_lanes_that_are_refused(lanes: int) -> None:
    message = (
        rf"^lanes must divide size=24, not {lanes} "
        r"\(layer 'mover'; legal: 1, 2, 3, 4, 6, 8, 12, 24\)$"
    )
    with pytest.raises(FoldingError, match=message):
        converter(lanes).infer((StreamType(uint_type(2), 4, 2, 6),))


SHAPE_RULE = r"^a shape must be \(height, width, channels\), 1 or more each, not "


@pytest.mark.parametrize("make", [pad, sliding, upsample])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2, 1), (0, 4, 2), (3, 4, -2)])
def test_shapes_that_are_refused(make: Callable[..., object], shape: tuple[int, ...]) -> None:
    message = rf"{SHAPE_RULE}\({', '.join(map(str, shape))}\) {HERE}"
    with pytest.raises(GraphError, match=message):
        make(shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Fork(**HEADER, ways=1),
            rf"^a fork must have 2 readers or more, not 1 {HERE}",
        ),
        (
            lambda: Fifo(**HEADER, depth_beats=0),
            rf"^a FIFO must hold 2 beats or more, not 0 {HERE}",
        ),
        (
            lambda: pad(padding=(1, 1)),
            rf"^padding must be \(top, left, bottom, right\), 0 or more each, not \(1, 1\) {HERE}",
        ),
        (
            lambda: pad(padding=(1, -1, 0, 0)),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, "
            rf"not \(1, -1, 0, 0\) {HERE}",
        ),
        (
            lambda: pad((3, 4, 3), flags=True),
            r"^flags for padding need the value 0 and an even number of channels, not 0 and 3 "
            + HERE,
        ),
        (
            lambda: pad(value=-1, flags=True),
            r"^flags for padding need the value 0 and an even number of channels, not -1 and 2 "
            + HERE,
        ),
        (
            lambda: pad(flags=True).infer((StreamType(TERNARY, 2, 2, 12),)),
            r"^only BIPOLAR elements need flags for 0, not stream<TERNARY x 2>\[12 x 2\] " + HERE,
        ),
        (
            lambda: sliding(window=Window((2, 2), padding=(0, 0, 1, 0))),
            r"^a sliding-window unit takes an image that is padded already: "
            rf"the window's padding must be 0, not \(0, 0, 1, 0\) {HERE}",
        ),
        (
            lambda: sliding(window=Window((5, 1))),
            rf"^a window of \(5, 1\) must fit into \(4, 5, 2\) {HERE}",
        ),
        (
            lambda: sliding(window=Window((1, 3), dilation=(1, 3))),
            rf"^a window of \(1, 7\) must fit into \(4, 5, 2\) {HERE}",
        ),
        (
            lambda: upsample(factor=(2, 0)),
            rf"^a factor must be \(height, width\), 1 or more, not \(2, 0\) {HERE}",
        ),
        (
            lambda: upsample(factor=(2, 2, 2)),
            rf"^a factor must be \(height, width\), 1 or more, not \(2, 2, 2\) {HERE}",
        ),
        (
            lambda: concat(1),
            r"^concat takes two inputs or more, not 1 \(node 'mover'\)$",
        ),
    ],
)
def test_movers_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


@pytest.mark.parametrize("taps_per_beat", [0, 4, 12])
def test_taps_that_are_refused(taps_per_beat: int) -> None:
    message = (
        rf"^taps_per_beat must divide taps=6, not {taps_per_beat} "
        r"\(layer 'mover'; legal: 1, 2, 3, 6\)$"
    )
    with pytest.raises(FoldingError, match=message):
        sliding(taps_per_beat=taps_per_beat)


def test_an_input_has_no_flags() -> None:
    """Nobody has checked that they are those of pixels of even channels."""
    stream = StreamType(BIPOLAR, 4, 2, 6, zero_flags=1)
    with pytest.raises(GraphError, match=r"flags for 0, not stream<BIPOLAR x 2 \+ 1>.*'x'"):
        StreamInput(name="x", edge="x", type=stream)
