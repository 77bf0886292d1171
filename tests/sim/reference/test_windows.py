# SPDX-License-Identifier: Apache-2.0
"""Products of windows and thresholds on images, compiled, against the naive loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_edges, random_table, random_values

from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    Network,
    SumPool,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
    int_type,
    uint_type,
)
from xnorflow.sim.reference import ReferenceEngine

WEIGHTS = [BIPOLAR, TERNARY, int_type(2), int_type(3), int_type(8), uint_type(1), uint_type(2)]
INPUTS = [
    BIPOLAR,
    BIPOLAR,
    TERNARY,
    *(uint_type(bits) for bits in (1, 2, 3, 4, 8, 12)),
    *(int_type(bits) for bits in (2, 3, 4, 8, 12, 16)),
]
OUTPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), uint_type(4), int_type(8)]
CHANNELS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 127, 128, 130]
SIZES = [(1, 1), (1, 11), (2, 2), (3, 5), (6, 6), (7, 4)]


@st.composite
def windows(draw: st.DrawFn, size: tuple[int, int], *, most: int = 3) -> Window:
    """A window that fits into an image of ``size``."""
    pair = st.tuples(st.integers(1, most), st.integers(1, most))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (2, 3)]))
    kernel, stride = draw(pair), draw(pair)
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    lacking = [max(0, e - s) for e, s in zip(extent, size, strict=True)]
    first = [draw(st.integers(0, 3)) for _ in range(2)]
    last = [draw(st.integers(max(0, n - f), 3 + n)) for n, f in zip(lacking, first, strict=True)]
    return Window(kernel, stride, dilation, (*first, *last))


def check(nodes: list[Any], frames: int, rng: np.random.Generator) -> None:
    """``run`` and ``edges`` against the naive loops."""
    network = Network(tuple(nodes))
    kind = network.types["image"]
    x = random_values(kind.element, (frames, *kind.shape), rng)
    want = naive_edges(network, x)
    engine = ReferenceEngine(network, threads=1)
    np.testing.assert_array_equal(engine.run(x), want[network.output.name], err_msg=str(network))
    for edge, values in engine.edges(x).items():
        np.testing.assert_array_equal(values, want[edge], err_msg=f"{edge} of {network}")


def activated(
    draw: st.DrawFn, nodes: list[Any], rng: np.random.Generator, outputs: list[DataType]
) -> None:
    """Add a threshold to the last of ``nodes``, most of the time."""
    output = draw(st.sampled_from([None, *outputs]))
    if output is not None:
        source = Network(tuple(nodes)).types[nodes[-1].name]
        levels = draw(st.integers(1, min(output.levels - 1, 20)))
        rows = draw(st.sampled_from([1, source.channels]))
        table = random_table(source, output, levels, rows, rng)
        nodes.append(Threshold(name="act", inputs=(nodes[-1].name,), table=table))


@settings(max_examples=150)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 5))
def test_convolutions(data: st.DataObject, seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    element = data.draw(st.sampled_from(INPUTS))
    size = data.draw(st.sampled_from(SIZES))
    channels, mh = (data.draw(st.sampled_from(CHANNELS)) for _ in range(2))
    window = data.draw(windows(size))
    weight_type = data.draw(st.sampled_from(WEIGHTS))
    weights = random_values(weight_type, (mh, *window.kernel, channels), rng)
    nodes: list[Any] = [
        Input(name="image", type=TensorType(element, (*size, channels))),
        Conv(
            name="conv",
            inputs=("image",),
            weights=weights,
            weight_type=weight_type,
            window=window,
        ),
    ]
    activated(data.draw, nodes, rng, OUTPUTS)
    check(nodes, frames, rng)


@settings(max_examples=80)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 5))
def test_depthwise_convolutions_and_sum_pools(data: st.DataObject, seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    element = data.draw(st.sampled_from([*INPUTS, int_type(20)]))
    size = data.draw(st.sampled_from(SIZES))
    channels = data.draw(st.sampled_from(CHANNELS))
    window = data.draw(windows(size))
    nodes: list[Any] = [Input(name="image", type=TensorType(element, (*size, channels)))]
    if data.draw(st.booleans()):
        nodes.append(SumPool(name="pool", inputs=("image",), window=window))
    else:
        weight_type = data.draw(st.sampled_from(WEIGHTS))
        weights = random_values(weight_type, (channels, *window.kernel), rng)
        nodes.append(
            Depthwise(
                name="dw",
                inputs=("image",),
                weights=weights,
                weight_type=weight_type,
                window=window,
            )
        )
    activated(data.draw, nodes, rng, OUTPUTS)
    check(nodes, frames, rng)


@settings(max_examples=80)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 5))
def test_thresholds_on_images(data: st.DataObject, seed: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    element = data.draw(st.sampled_from([*INPUTS, int_type(20), int_type(32), uint_type(32)]))
    shape = (*data.draw(st.sampled_from(SIZES)), data.draw(st.sampled_from(CHANNELS)))
    nodes: list[Any] = [Input(name="image", type=TensorType(element, shape))]
    activated(data.draw, nodes, rng, [*OUTPUTS, uint_type(8), int_type(12)])
    if data.draw(st.booleans()):
        nodes.append(SumPool(name="pool", inputs=(nodes[-1].name,), window=Window((1, 1))))
    check(nodes, frames, rng)


@pytest.mark.parametrize("weight_type", [BIPOLAR, TERNARY, int_type(3)], ids=str)
@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), padding=(1, 1, 1, 1)),
        Window((5, 5), padding=(2, 2, 2, 2)),
        Window((3, 3), (2, 2), padding=(0, 0, 1, 1)),
        Window((3, 3), dilation=(2, 2), padding=(2, 2, 2, 2)),
        Window((1, 1), padding=(1, 2, 3, 0)),
        Window((4, 2), (1, 3), padding=(3, 1, 0, 4)),
    ],
    ids=str,
)
def test_padding_of_bipolar_images_is_zero_exactly(weight_type: DataType, window: Window) -> None:
    """All -1 and all +1, where a padding of -1 or +1 would show most."""
    rng = np.random.default_rng(0)
    weights = random_values(weight_type, (9, *window.kernel, 10), rng)
    nodes = (
        Input(name="image", type=TensorType(BIPOLAR, (4, 5, 10))),
        Conv(
            name="conv",
            inputs=("image",),
            weights=weights,
            weight_type=weight_type,
            window=window,
        ),
    )
    network = Network(nodes)
    x = np.stack([np.full((4, 5, 10), sign) for sign in (-1, 1)])
    want = naive_edges(network, x)["conv"]
    assert not np.array_equal(want[0], weights.sum(axis=(1, 2, 3)) * -np.ones_like(want[0]))
    assert np.array_equal(ReferenceEngine(network).run(x), want)
    assert np.array_equal(ReferenceEngine(network).edges(x)["conv"], want)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("output", [BIPOLAR, uint_type(2), uint_type(8), None], ids=str)
def test_many_frames_fill_many_blocks(padding: int, output: DataType | None) -> None:
    rng = np.random.default_rng(1)
    nodes: list[Any] = [
        Input(name="image", type=TensorType(BIPOLAR, (11, 9, 20))),
        Conv(
            name="conv",
            inputs=("image",),
            weights=random_values(BIPOLAR, (24, 3, 3, 20), rng),
            weight_type=BIPOLAR,
            window=Window((3, 3), padding=(padding,) * 4),
        ),
    ]
    if output is not None:
        source = Network(tuple(nodes)).types["conv"]
        table = random_table(source, output, output.levels - 1, 24, rng)
        nodes.append(Threshold(name="act", inputs=("conv",), table=table))
    network = Network(tuple(nodes))
    x = random_values(BIPOLAR, (150, 11, 9, 20), rng)
    got = ReferenceEngine(network, threads=1).run(x)
    for frame in (0, 77, 149):
        want = naive_edges(network, x[frame : frame + 1])[network.output.name]
        assert np.array_equal(got[frame : frame + 1], want)
    assert np.array_equal(got, ReferenceEngine(network).edges(x)[network.output.name])


@pytest.mark.parametrize("channels", [64, 128, 65, 40])
@pytest.mark.parametrize("frames", range(1, 6))
def test_convolutions_of_one_pixel(channels: int, frames: int) -> None:
    """Windows that lie in memory as rows do, in numbers that are no multiple of four."""
    rng = np.random.default_rng(frames)
    one, two = (random_values(BIPOLAR, (channels, 1, 1, channels), rng) for _ in range(2))
    nodes: list[Any] = [
        Input(name="image", type=TensorType(BIPOLAR, (3, 3, channels))),
        Conv(
            name="one", inputs=("image",), weights=one, weight_type=BIPOLAR, window=Window((1, 1))
        ),
    ]
    source = Network(tuple(nodes)).types["one"]
    table = random_table(source, BIPOLAR, 1, channels, rng)
    nodes.append(Threshold(name="act", inputs=("one",), table=table))
    nodes.append(
        Conv(name="two", inputs=("act",), weights=two, weight_type=BIPOLAR, window=Window((1, 1)))
    )
    check(nodes, frames, rng)


@pytest.mark.parametrize("weight_type", [BIPOLAR, int_type(2), int_type(8)], ids=str)
@pytest.mark.parametrize("element", [BIPOLAR, TERNARY, uint_type(2), uint_type(4)], ids=str)
@pytest.mark.parametrize("channels", [3, 8, 20, 64])
def test_matrix_products_behind_convolutions(
    weight_type: DataType, element: DataType, channels: int
) -> None:
    """What a convolution leaves pixel by pixel is what a flattened image is read as."""
    rng = np.random.default_rng(channels)
    nodes: list[Any] = [
        Input(name="image", type=TensorType(uint_type(8), (4, 3, 2))),
        Conv(
            name="conv",
            inputs=("image",),
            weights=random_values(BIPOLAR, (channels, 2, 2, 2), rng),
            weight_type=BIPOLAR,
            window=Window((2, 2)),
        ),
    ]
    source = Network(tuple(nodes)).types["conv"]
    levels = min(element.levels - 1, 3)
    table = random_table(source, element, levels, channels, rng)
    nodes += [
        Threshold(name="act", inputs=("conv",), table=table),
        Flatten(name="flat", inputs=("act",)),
        MatMul(
            name="fc",
            inputs=("flat",),
            weights=random_values(weight_type, (5, 6 * channels), rng),
            weight_type=weight_type,
        ),
    ]
    check(nodes, 5, rng)


def test_a_wide_result_of_a_threshold_is_not_cut_to_a_byte() -> None:
    table = ThresholdTable(np.array([[-1, 2, 5]]), np.array([False]), 1000, int_type(16))
    rng = np.random.default_rng(0)
    image = Input(name="image", type=TensorType(BIPOLAR, (2, 3, 4)))
    weights = random_values(BIPOLAR, (6, 1, 2, 4), rng)
    conv = Conv(
        name="conv",
        inputs=("image",),
        weights=weights,
        weight_type=BIPOLAR,
        window=Window((1, 2)),
    )
    act = Threshold(name="act", inputs=("conv",), table=table)
    check([image, conv, act], 3, rng)
    flat = Flatten(name="flat", inputs=("image",))
    product = MatMul(
        name="fc",
        inputs=("flat",),
        weights=random_values(BIPOLAR, (6, 24), rng),
        weight_type=BIPOLAR,
    )
    check([image, flat, product, Threshold(name="act", inputs=("fc",), table=table)], 3, rng)
