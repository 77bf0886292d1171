# SPDX-License-Identifier: Apache-2.0
"""The oracle of the ranges is the naive evaluation, on random images and on those of extremes."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive import naive_edges
from wasteful import layers, steps, waste

from xnorflow.hw.passes.channel_ranges import channel_ranges, tap_patterns
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    Concat,
    Conv,
    Depthwise,
    Input,
    MaxPool,
    Network,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Upsample,
    Window,
    int_type,
    uint_type,
)


@given(st.data())
def test_no_value_is_out_of_its_range(lab, data):
    network = data.draw(lab.mlps() | lab.cnns()).network()
    if data.draw(st.booleans()):
        network = waste(network, data.draw(st.integers(0, 99)))
    element = network.types["image"].element
    images = lab.random_frames(network, 4, data.draw(st.integers(0, 99)))
    extremes = np.where(images * 2 > element.min + element.max, element.max, element.min)
    edges = naive_edges(network, np.concatenate([images, extremes]))
    for edge, source in channel_ranges(network).items():
        assert source.low.shape == source.high.shape == (network.types[edge].channels,)
        assert (source.low <= edges[edge]).all(), edge
        assert (edges[edge] <= source.high).all(), edge


@given(st.integers(0, 10**6))
def test_all_ends_are_reached_by_one_convolution(seed):
    """With all images of bits there are, padding included."""
    rng = np.random.default_rng(seed)
    kernel, padding = rng.integers(1, 3, 2), rng.integers(0, 2, 4)
    weights = rng.integers(-1, 2, (2, *kernel, 2))
    window = Window(tuple(kernel.tolist()), padding=tuple(padding.tolist()))
    conv = Conv(name="conv", inputs=("image",), weights=weights, weight_type=TERNARY, window=window)
    network = Network((Input(name="image", type=TensorType(BIPOLAR, (2, 2, 2))), conv))
    images = np.array(list(itertools.product((-1, 1), repeat=8))).reshape(-1, 2, 2, 2)
    sums = naive_edges(network, images)["conv"]
    found = channel_ranges(network)["conv"]
    np.testing.assert_array_equal(found.low, sums.min(axis=(0, 1, 2)))
    np.testing.assert_array_equal(found.high, sums.max(axis=(0, 1, 2)))


def bounds(network: Network) -> dict[str, list[tuple[int, int]]]:
    return {
        edge: list(zip(source.low.tolist(), source.high.tolist(), strict=True))
        for edge, source in channel_ranges(network).items()
    }


def test_ranges_of_each_kind_of_node():
    two = (1, 2)
    padded = Window((1, 2), padding=(0, 1, 0, 0))
    chain = layers(
        TensorType(uint_type(2), (1, 2, 1)),
        Thermometer(name="bits", levels=[0, 1], inputs=("image",)),
        Depthwise(
            name="by_itself",
            inputs=("bits",),
            weights=[[[2, 1]], [[-2, 1]]],
            weight_type=int_type(3),
            window=padded,
        ),
        Pad(name="pad", inputs=("x",), padding=(0, 0, 0, 1)),
        SumPool(name="sum", inputs=("x",), window=padded),
        MaxPool(name="most", inputs=("x",), window=Window((1, 2))),
        Upsample(name="large", inputs=("x",), factor=two),
        steps([[2], [-100]], uint_type(2), descending=[True, False]),
        label=False,
    )
    assert bounds(chain) == {
        "image": [(0, 3)],
        "bits": [(1, 1), (-1, 1)],
        "by_itself": [(1, 3), (-3, 3)],
        "pad": [(0, 3), (-3, 3)],
        "sum": [(0, 6), (-6, 6)],
        "most": [(0, 6), (-6, 6)],
        "large": [(0, 6), (-6, 6)],
        "act1": [(0, 1), (1, 1)],
    }


def test_ranges_of_joins():
    network = Network(
        (
            Input(name="image", type=TensorType(int_type(2), (2,))),
            Concat(name="both", inputs=("image", "image")),
            Add(name="end", inputs=("both", "both"), shifts=(0, 2)),
        )
    )
    assert bounds(network)["both"] == [(-2, 1)] * 4
    assert bounds(network)["end"] == [(-10, 5)] * 4


def test_labels_are_indices():
    network = layers(TensorType(BIPOLAR, (3,)), ([[1, 1, 1]] * 5, BIPOLAR))
    assert bounds(network)["label"] == [(0, 4)]


SMALL = st.integers(1, 3)


@given(SMALL, SMALL, st.integers(1, 2), st.integers(0, 2), st.integers(3, 6))
def test_patterns_are_those_that_windows_see(kernel, stride, dilation, padding, size):
    extent = (kernel - 1) * dilation + 1
    if size + 2 * padding < extent:
        return
    window = Window((1, kernel), (1, stride), (1, dilation), padding=(0, padding, 0, padding))
    padded = np.pad(np.ones(size, int), padding)
    seen = {
        tuple(padded[start : start + extent : dilation].tolist())
        for start in range(0, size + 2 * padding - extent + 1, stride)
    }
    patterns = tap_patterns(window, (1, size))
    assert {tuple(row) for row in patterns.tolist()} == seen
    assert len(patterns) == len(seen)
