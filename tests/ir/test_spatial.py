# SPDX-License-Identifier: Apache-2.0
"""Types of the operations on images: shapes and ranges against all images of a type."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    DataType,
    Depthwise,
    Input,
    MaxPool,
    Network,
    Node,
    Pad,
    SumPool,
    TensorType,
    Upsample,
    Window,
    int_type,
    uint_type,
)

ELEMENTS = st.sampled_from([BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2)])
WEIGHTS = st.sampled_from([BIPOLAR, TERNARY, int_type(3), uint_type(2)])
SHAPES = st.sampled_from([(1, 1, 1), (1, 3, 1), (2, 2, 1), (3, 1, 1), (1, 2, 2), (1, 4, 1)])


def pairs(high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, high), st.integers(1, high))


WINDOWS = st.builds(
    Window,
    kernel=pairs(3),
    stride=pairs(2),
    dilation=pairs(2),
    padding=st.tuples(*[st.integers(0, 2)] * 4),
)


def all_images(element: DataType, shape: tuple[int, ...]) -> np.ndarray:
    """Every image of ``shape``: shape ``(images, *shape)``."""
    values = range(element.min, element.max + 1, element.step)
    return np.array(list(itertools.product(values, repeat=int(np.prod(shape))))).reshape(-1, *shape)


def windows_of(window: Window, images: np.ndarray) -> np.ndarray:
    """What every window of every image sees, padding as 0.

    Shape ``(images, windows in height, windows in width, kernel height, kernel width, channels)``.
    """
    top, left, bottom, right = window.padding
    padded = np.pad(images, ((0, 0), (top, bottom), (left, right), (0, 0)))
    rows, columns = (
        [
            [start + k * dilation for k in range(kernel)]
            for start in range(0, size, stride)
            if start + (kernel - 1) * dilation < size
        ]
        for kernel, stride, dilation, size in zip(
            window.kernel, window.stride, window.dilation, padded.shape[1:3], strict=True
        )
    )
    assume(rows and columns)
    at = np.array(rows)[:, None, :, None], np.array(columns)[None, :, None, :]
    return padded[:, at[0], at[1]]


def check_sums(result: TensorType, sums: np.ndarray, *, exact: bool) -> None:
    """All ``sums`` are of the inferred type; of no narrower one where every window is full."""
    assert result.shape == sums.shape[1:]
    assert result.element.contains(sums)
    tried = [*map(int_type, range(2, 33))] if sums.min() < 0 else [*map(uint_type, range(1, 33))]
    if exact:
        assert result.element == next(t for t in tried if t.contains(sums))


def padded(window: Window) -> bool:
    return any(window.padding)


@st.composite
def convolutions(draw: st.DrawFn, depthwise: bool) -> tuple[Node, TensorType]:
    """A convolution and an image type that has few enough images."""
    window, weight_type = draw(WINDOWS), draw(WEIGHTS)
    source = TensorType(draw(ELEMENTS), draw(SHAPES))
    channels = source.channels
    shape = (channels, *window.kernel) if depthwise else (2, *window.kernel, channels)
    steps = st.integers(0, weight_type.levels - 1)
    count = int(np.prod(shape))
    drawn = np.array(draw(st.lists(steps, min_size=count, max_size=count))).reshape(shape)
    weights = weight_type.min + weight_type.step * drawn
    kind = Depthwise if depthwise else Conv
    return (
        kind(
            name="conv",
            inputs=("image",),
            weights=weights,
            weight_type=weight_type,
            window=window,
        ),
        source,
    )


def positive_conv(element: DataType, window: Window) -> tuple[Conv, TensorType]:
    """All weights +1 on an image of three pixels."""
    weights = np.ones((1, *window.kernel, 1))
    node = Conv(name="conv", inputs=("image",), weights=weights, weight_type=BIPOLAR, window=window)
    return node, TensorType(element, (1, 3, 1))


@settings(max_examples=60)
@given(convolutions(depthwise=False))
@example(positive_conv(BIPOLAR, Window((1, 3), padding=(0, 1, 0, 1))))
@example(positive_conv(uint_type(2), Window((1, 3), padding=(0, 2, 0, 2))))
@example(positive_conv(BIPOLAR, Window((1, 1), padding=(1, 1, 1, 1))))
@example(positive_conv(int_type(2), Window((1, 2), dilation=(1, 2))))
def test_conv_holds_every_sum_of_every_image(drawn: tuple[Conv, TensorType]) -> None:
    """With padding too, where a sum has fewer terms and, of bits, may have another parity."""
    node, source = drawn
    seen = windows_of(node.window, all_images(source.element, source.shape))
    sums = np.einsum("nyxklc,mklc->nyxm", seen, node.weights.astype(int))
    check_sums(node.infer((source,)), sums, exact=not padded(node.window))


@settings(max_examples=60)
@given(convolutions(depthwise=True))
def test_depthwise_holds_every_sum_of_every_image(drawn: tuple[Depthwise, TensorType]) -> None:
    node, source = drawn
    seen = windows_of(node.window, all_images(source.element, source.shape))
    sums = np.einsum("nyxklc,ckl->nyxc", seen, node.weights.astype(int))
    check_sums(node.infer((source,)), sums, exact=not padded(node.window))


@settings(max_examples=60)
@given(WINDOWS, ELEMENTS, SHAPES)
@example(Window((1, 2), padding=(0, 1, 0, 1)), BIPOLAR, (1, 3, 1))
@example(Window((1, 3)), int_type(2), (1, 3, 1))
@example(Window((1, 3), padding=(0, 2, 0, 0)), uint_type(2), (1, 3, 1))
@example(Window((2, 2), padding=(1, 0, 0, 1)), int_type(2), (2, 2, 1))
def test_sum_pool_holds_every_sum_of_every_image(
    window: Window, element: DataType, shape: tuple[int, ...]
) -> None:
    sums = windows_of(window, all_images(element, shape)).sum(axis=(3, 4))
    result = sum_pool(window).infer((TensorType(element, shape),))
    check_sums(result, sums, exact=not padded(window))


@settings(max_examples=60)
@given(WINDOWS, ELEMENTS, SHAPES)
@example(Window((2, 1), dilation=(2, 1), padding=(1, 0, 1, 0)), BIPOLAR, (1, 2, 1))
@example(Window((1, 2), stride=(1, 3), padding=(0, 0, 0, 2)), BIPOLAR, (1, 3, 1))
def test_max_pool_is_refused_where_a_window_sees_padding_alone(
    window: Window, element: DataType, shape: tuple[int, ...]
) -> None:
    """With dilation a window can step over a small image though padding is less than the window."""
    seen = windows_of(window, np.ones((1, *shape)))[0].any(axis=(2, 3))
    source = TensorType(element, shape)
    if seen.all():
        assert max_pool(window).infer((source,)) == TensorType(element, seen.shape)
        return
    rule = r"^each window of a max pool must see a pixel of .*, not padding alone as that at "
    with pytest.raises(GraphError, match=rule):
        max_pool(window).infer((source,))


@given(ELEMENTS, SHAPES, st.tuples(*[st.integers(0, 3)] * 4))
def test_pad_makes_room_for_zero(
    element: DataType, shape: tuple[int, int, int], padding: tuple[int, int, int, int]
) -> None:
    top, left, bottom, right = padding
    result = pad(padding).infer((TensorType(element, shape),))
    assert result.shape == np.pad(np.ones(shape), ((top, bottom), (left, right), (0, 0))).shape
    values = np.array([0, element.min, element.max])
    assert result.element.contains(values)
    assert result.element == (element if element.contains(np.array(0)) else TERNARY)


@given(ELEMENTS, SHAPES, pairs(4))
def test_upsample(element: DataType, shape: tuple[int, int, int], factor: tuple[int, int]) -> None:
    large = np.kron(np.ones(shape), np.ones((*factor, 1)))
    assert upsample(factor).infer((TensorType(element, shape),)) == TensorType(element, large.shape)


def test_a_signal_is_an_image_of_height_1() -> None:
    conv = Conv(
        name="conv",
        inputs=("signal",),
        weights=np.ones((8, 1, 5, 3)),
        weight_type=BIPOLAR,
        window=Window((1, 5), stride=(1, 2), padding=(0, 2, 0, 2)),
    )
    assert str(conv.infer((TensorType(BIPOLAR, (1, 16, 3)),))) == "INT5[1x8x8]"


def test_matrices_have_the_order_of_windows() -> None:
    """Row by row, channels fastest: that of a window as one vector."""
    weights = np.arange(-36, 36).reshape(2, 3, 4, 3)
    window = Window((3, 4))
    conv = Conv(name="c", inputs=("x",), weights=weights, weight_type=int_type(8), window=window)
    assert (conv.mh, conv.mw) == (2, 36)
    rows = [
        [weights[m, ky, kx, c] for ky in range(3) for kx in range(4) for c in range(3)]
        for m in range(2)
    ]
    assert conv.matrix.tolist() == rows
    depthwise = Depthwise(
        name="d", inputs=("x",), weights=weights[0], weight_type=int_type(8), window=Window((4, 3))
    )
    taps = [[weights[0, c, ky, kx] for ky in range(4) for kx in range(3)] for c in range(3)]
    assert depthwise.matrix.tolist() == taps


def conv(weights: object, window: Window, weight_type: DataType = BIPOLAR) -> Conv:
    return Conv(
        name="conv",
        inputs=("image",),
        weights=weights,
        weight_type=weight_type,
        window=window,
        origin="net.0",
    )


def depthwise(weights: object, window: Window) -> Depthwise:
    return Depthwise(
        name="dw", inputs=("image",), weights=weights, weight_type=BIPOLAR, window=window
    )


def max_pool(window: Window) -> MaxPool:
    return MaxPool(name="pool", inputs=("image",), window=window)


def sum_pool(window: Window) -> SumPool:
    return SumPool(name="pool", inputs=("image",), window=window)


def pad(padding: tuple[int, ...]) -> Pad:
    return Pad(name="pad", inputs=("image",), padding=padding)


def upsample(factor: tuple[int, ...]) -> Upsample:
    return Upsample(name="up", inputs=("image",), factor=factor)


DOUBLE = Window((2, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: conv(np.ones((4, 3, 2, 1)), Window((2, 3))),
            r"^weights must have the kernel \(2, 3\), not \(3, 2\) "
            r"\(node 'conv', module 'net\.0'\)$",
        ),
        (
            lambda: conv(np.ones((4, 4)), DOUBLE),
            r"^a constant must have 4 axes, not shape \(4, 4\)$",
        ),
        (
            lambda: conv(np.zeros((4, 2, 2, 1)), DOUBLE),
            r"^weights must be values of BIPOLAR \(node 'conv', module 'net\.0'\)$",
        ),
        (
            lambda: conv(np.zeros((4, 2, 2, 1)), DOUBLE, int_type(9)),
            r"^weights must have 8 bits or fewer, not INT9 \(node 'conv', module 'net\.0'\)$",
        ),
        (
            lambda: conv(np.zeros((0, 2, 2, 1)), DOUBLE),
            r"^weights must have axes of 1 or more, not shape \(0, 2, 2, 1\) \(node 'conv', ",
        ),
        (
            lambda: depthwise(np.ones((4, 1, 2)), DOUBLE),
            r"^weights must have the kernel \(2, 2\), not \(1, 2\) \(node 'dw'\)$",
        ),
        (
            lambda: depthwise(np.ones((4, 1, 2, 2)), DOUBLE),
            r"^a constant must have 3 axes, not shape \(4, 1, 2, 2\)$",
        ),
        (
            lambda: pad((1, 1)),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, not \(1, 1\) "
            r"\(node 'pad'\)$",
        ),
        (
            lambda: pad((0, 0, 0, -2)),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, not \(0, 0, 0, -2\) "
            r"\(node 'pad'\)$",
        ),
        (
            lambda: upsample((0, 2)),
            r"^a factor must be \(height, width\), 1 or more, not \(0, 2\) \(node 'up'\)$",
        ),
        (
            lambda: upsample((2, 2, 2)),
            r"^a factor must be \(height, width\), 1 or more, not \(2, 2, 2\) \(node 'up'\)$",
        ),
    ],
)
def test_nodes_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


IMAGE = TensorType(BIPOLAR, (2, 5, 3))
CONV = conv(np.ones((4, 2, 2, 3)), DOUBLE)


@pytest.mark.parametrize(
    ("node", "source", "message"),
    [
        *(
            (
                node,
                TensorType(BIPOLAR, (30,)),
                rf"^{node.mnemonic} takes an image \(height, width, channels\), not BIPOLAR\[30\] "
                rf"\(node '{node.name}'",
            )
            for node in (
                CONV,
                depthwise(np.ones((3, 2, 2)), DOUBLE),
                max_pool(DOUBLE),
                sum_pool(DOUBLE),
                pad((1, 1, 1, 1)),
                upsample((2, 2)),
            )
        ),
        (
            CONV,
            TensorType(BIPOLAR, (2, 5, 4)),
            r"^conv of 3 input channels takes so many, not BIPOLAR\[2x5x4\] "
            r"\(node 'conv', module 'net\.0'\)$",
        ),
        (
            depthwise(np.ones((2, 2, 2)), DOUBLE),
            IMAGE,
            r"^depthwise of 2 channels takes so many, not BIPOLAR\[2x5x3\] \(node 'dw'\)$",
        ),
        (
            conv(np.ones((4, 2, 2, 3)), Window((2, 2), dilation=(4, 1), padding=(1, 0, 1, 0))),
            IMAGE,
            r"^a window of \(5, 2\) must fit into the padded BIPOLAR\[2x5x3\] \(node 'conv', ",
        ),
        (
            max_pool(Window((1, 6))),
            IMAGE,
            r"^a window of \(1, 6\) must fit into the padded BIPOLAR\[2x5x3\] \(node 'pool'\)$",
        ),
        (
            max_pool(Window((2, 2), padding=(2, 0, 0, 0))),
            IMAGE,
            r"^each window of a max pool must see a pixel of BIPOLAR\[2x5x3\], "
            r"not padding alone as that at \(0, 0\) \(node 'pool'\)$",
        ),
        (
            max_pool(Window((1, 2), dilation=(1, 6), padding=(0, 3, 0, 3))),
            IMAGE,
            r"^each window of a max pool must see a pixel of BIPOLAR\[2x5x3\], "
            r"not padding alone as that at \(0, 2\) \(node 'pool'\)$",
        ),
        (
            sum_pool(DOUBLE),
            TensorType(uint_type(31), (2, 2, 1)),
            r"^sums must fit 32 bits, not 0\.\.8589934588 \(node 'pool'\)$",
        ),
        (
            conv(np.ones((1, 1, 2, 1)), Window((1, 2))),
            TensorType(int_type(32), (1, 2, 1)),
            r"^sums must fit 32 bits, not -4294967296\.\.4294967294 "
            r"\(node 'conv', module 'net\.0'\)$",
        ),
        (
            depthwise([[[1, -1]]], Window((1, 2))),
            TensorType(uint_type(32), (1, 2, 1)),
            r"^sums must fit 32 bits, not -4294967295\.\.4294967295 \(node 'dw'\)$",
        ),
    ],
)
def test_inputs_that_are_refused(node: Node, source: TensorType, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        node.infer((source,))


def test_sums_of_just_32_bits() -> None:
    full = TensorType(uint_type(32), (1, 1, 1))
    assert str(sum_pool(Window((1, 1))).infer((full,))) == "UINT32[1x1x1]"
    half = TensorType(uint_type(30), (2, 2, 1))
    assert str(sum_pool(DOUBLE).infer((half,))) == "UINT32[1x1x1]"
    one = conv(np.ones((1, 1, 1, 1)), Window((1, 1)))
    assert str(one.infer((TensorType(int_type(32), (1, 1, 1)),))) == "INT32[1x1x1]"


def test_a_graph_refuses_what_a_node_refuses() -> None:
    image = Input(name="image", type=IMAGE)
    assert str(Network((image, CONV)).types["conv"]) == "INT5[1x4x4]"
    with pytest.raises(GraphError, match=r"^conv of 3 input channels takes so many, not "):
        Network((replace(image, type=TensorType(BIPOLAR, (2, 5, 2))), CONV))
