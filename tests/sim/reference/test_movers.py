# SPDX-License-Identifier: Apache-2.0
"""Nodes that move, select and join values, in every format that an edge is held in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_edges, random_values

from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    Concat,
    Conv,
    DataType,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    TensorType,
    Thermometer,
    Threshold,
    ThresholdTable,
    Upsample,
    Window,
    int_type,
    uint_type,
)
from xnorflow.sim.reference import ReferenceEngine

ELEMENTS = [
    BIPOLAR,
    TERNARY,
    *(uint_type(bits) for bits in (1, 2, 3, 4, 8, 12)),
    *(int_type(bits) for bits in (2, 3, 4, 8, 12)),
]
POOLS = [
    Window((2, 2), (2, 2)),
    Window((3, 3), (1, 2), padding=(1, 1, 1, 1)),
    Window((3, 2), (2, 1), (1, 2), padding=(2, 1, 0, 1)),
    Window((5, 6)),
]
CHANNELS = [1, 8, 20, 64, 70]


def evenly(source: TensorType, element: DataType) -> ThresholdTable:
    """A table that makes all values of ``element`` (or many) of those of ``source``."""
    levels = min(element.levels - 1, 15)
    low, high = source.element.min, source.element.max
    values = np.linspace(low, high, levels + 2)[1:-1].astype(np.int64)
    base = element.max - element.step * levels
    return ThresholdTable(values[np.newaxis], np.array([False]), base, element)


class Chain:
    """Nodes, each of which reads the one before unless told otherwise."""

    def __init__(self, element: DataType, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node[Any]] = [Input(name="image", type=TensorType(element, shape))]
        self.types = {"image": TensorType(element, shape)}

    def type_of(self, edge: str) -> TensorType:
        return self.types[edge]

    def add(self, kind: Any, *inputs: str, **constants: Any) -> str:
        name = f"n{len(self.nodes)}"
        node = kind(name=name, inputs=inputs or (self.nodes[-1].name,), **constants)
        self.nodes.append(node)
        self.types[name] = node.infer(tuple(map(self.type_of, node.inputs)))
        return name

    def source(self, element: DataType) -> str:
        """An edge of type ``element`` that a threshold makes of the input."""
        table = evenly(self.type_of("image"), element)
        return self.add(Threshold, "image", table=table)

    def sink(self, weight_type: DataType) -> None:
        """A convolution that reads the last edge: of 1-bit weights, it may want packed bits."""
        channels = self.type_of(self.nodes[-1].name).channels
        weights = random_values(weight_type, (7, 1, 1, channels), self.rng)
        self.add(Conv, weights=weights, weight_type=weight_type, window=Window((1, 1)))

    def check(self, frames: int = 3) -> None:
        network = Network(tuple(self.nodes))
        kind = network.types["image"]
        x = random_values(kind.element, (frames, *kind.shape), self.rng)
        want = naive_edges(network, x)
        engine = ReferenceEngine(network, threads=1)
        for edge, values in engine.edges(x).items():
            np.testing.assert_array_equal(values, want[edge], err_msg=f"{edge} of {network}")
        np.testing.assert_array_equal(
            engine.run(x), want[network.output.name], err_msg=f"run of {network}"
        )


def each_way(element: DataType, shape: tuple[int, ...], kind: Any, **constants: Any) -> None:
    """Check a node on the input, on an edge that is packed if it can be, and as the last node."""
    for weight_type in (BIPOLAR, int_type(8), None):
        for made in (False, True):
            chain = Chain(uint_type(8) if made else element, shape)
            if made:
                chain.source(element)
            chain.add(kind, **constants)
            if weight_type is not None:
                chain.sink(weight_type)
            chain.check()


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
@pytest.mark.parametrize("window", POOLS, ids=str)
def test_max_pools(element: DataType, window: Window) -> None:
    for channels in (1, 20, 64):
        each_way(element, (5, 6, channels), MaxPool, window=window)


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
def test_padding_is_below_the_least_value_in_a_maximum(element: DataType) -> None:
    """All pixels have the least value, which for signed types is below 0."""
    window = Window((3, 3), padding=(2, 2, 2, 2))
    network = Network(
        (
            Input(name="image", type=TensorType(element, (2, 2, 9))),
            MaxPool(name="pool", inputs=("image",), window=window),
        )
    )
    x = np.full((1, 2, 2, 9), element.min)
    engine = ReferenceEngine(network)
    assert np.all(engine.run(x) == element.min)
    assert np.all(engine.edges(x)["pool"] == element.min)


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
@pytest.mark.parametrize("channels", CHANNELS)
def test_padding_and_upsampling(element: DataType, channels: int) -> None:
    each_way(element, (2, 3, channels), Pad, padding=(1, 0, 2, 3))
    each_way(element, (2, 3, channels), Upsample, factor=(3, 2))


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
@pytest.mark.parametrize("channels", [(8, 16), (64, 64, 8), (3, 5), (8, 9)], ids=str)
def test_joining_channels(element: DataType, channels: tuple[int, ...]) -> None:
    for weight_type in (BIPOLAR, int_type(8)):
        chain = Chain(uint_type(8), (2, 3, 4))
        ends = []
        for mh in channels:
            weights = random_values(BIPOLAR, (mh, 1, 1, 4), chain.rng)
            conv = chain.add(
                Conv, "image", weights=weights, weight_type=BIPOLAR, window=Window((1, 1))
            )
            ends.append(chain.add(Threshold, table=evenly(chain.type_of(conv), element)))
        chain.add(Concat, *ends)
        chain.sink(weight_type)
        chain.check()


@pytest.mark.parametrize("element", [BIPOLAR, uint_type(2), int_type(8)], ids=str)
def test_joining_flattened_images(element: DataType) -> None:
    """Vectors that are still held pixel by pixel: they join end to end, not pixel by pixel."""
    chain = Chain(uint_type(8), (2, 3, 8))
    flat = []
    for _ in range(2):
        weights = random_values(BIPOLAR, (8, 1, 1, 8), chain.rng)
        conv = chain.add(Conv, "image", weights=weights, weight_type=BIPOLAR, window=Window((1, 1)))
        chain.add(Threshold, table=evenly(chain.type_of(conv), element))
        flat.append(chain.add(Flatten))
    chain.add(Concat, *flat)
    weights = random_values(BIPOLAR, (5, 96), chain.rng)
    chain.add(MatMul, weights=weights, weight_type=BIPOLAR)
    chain.check()


@pytest.mark.parametrize("frames", range(1, 6))
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("output", [None, uint_type(2), uint_type(4), int_type(12)], ids=str)
def test_joining_a_product_that_has_rows_to_spare(
    frames: int, swapped: bool, output: DataType | None
) -> None:
    """As sums, and as thresholds make packed bits, bytes and wide values of them."""
    chain = Chain(int_type(8), (16,))
    weights = random_values(int_type(2), (16, 16), chain.rng)
    chain.add(MatMul, weights=weights, weight_type=int_type(2))
    inputs = ("image", "n1") if swapped else ("n1", "image")
    if output is None:
        chain.add(Add, *inputs, shifts=(2, 0))
    else:
        ends = [chain.add(Threshold, e, table=evenly(chain.type_of(e), output)) for e in inputs]
        third = chain.add(Threshold, "n1", table=evenly(chain.type_of("n1"), output))
        chain.add(Concat, *ends, third)
        weights = random_values(BIPOLAR, (5, 48), chain.rng)
        chain.add(MatMul, weights=weights, weight_type=BIPOLAR)
    chain.check(frames)


@settings(max_examples=40)
@given(
    element=st.sampled_from([*ELEMENTS, int_type(20)]),
    channels=st.sampled_from([1, 3, 8]),
    levels=st.lists(st.integers(-40000, 40000) | st.integers(-5, 5), min_size=1, max_size=9),
)
def test_thermometers(element: DataType, channels: int, levels: list[int]) -> None:
    for weight_type in (BIPOLAR, None):
        chain = Chain(element, (2, 3, channels))
        chain.add(Thermometer, levels=np.unique(levels))
        if weight_type is not None:
            chain.sink(weight_type)
        chain.check()


def test_thermometers_of_vectors() -> None:
    chain = Chain(uint_type(8), (10,))
    chain.add(Thermometer, levels=np.array([10, 100, 200]))
    weights = random_values(BIPOLAR, (5, 30), chain.rng)
    chain.add(MatMul, weights=weights, weight_type=BIPOLAR)
    chain.check()
