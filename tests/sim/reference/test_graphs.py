# SPDX-License-Identifier: Apache-2.0
"""Random convolutional networks: both ways through them give what the naive loops give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st
from naive import naive_edges, random_table, random_values

from xnorflow.errors import GraphError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
    Conv,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
    Upsample,
    Window,
    int_type,
    uint_type,
)
from xnorflow.sim.reference import ReferenceEngine

WEIGHTS = [BIPOLAR, BIPOLAR, TERNARY, int_type(2), int_type(4), int_type(8), uint_type(2)]
ACTIVATIONS = [
    BIPOLAR,
    BIPOLAR,
    TERNARY,
    uint_type(1),
    uint_type(2),
    int_type(2),
    int_type(3),
    uint_type(4),
    int_type(8),
    uint_type(8),
    int_type(12),
]
CHANNELS = [1, 2, 3, 7, 8, 9, 16, 24]
SIZES = [(1, 1), (1, 9), (4, 4), (5, 3), (7, 6)]


class Builder:
    """Nodes so far, and the edge that the next one reads."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        element = draw(st.sampled_from([*ACTIVATIONS, int_type(16), int_type(20)]))
        shape = (*draw(st.sampled_from(SIZES)), draw(st.sampled_from(CHANNELS)))
        self.nodes: list[Node[Any]] = [Input(name="image", type=TensorType(element, shape))]
        self.types = {"image": TensorType(element, shape)}
        self.edge = "image"

    @property
    def type(self) -> TensorType:
        """Type of the edge that the next node reads."""
        return self.types[self.edge]

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def add(self, kind: Callable[..., Node[Any]], *inputs: str, **constants: Any) -> bool:
        """Add a node if it is a valid one."""
        name = f"{kind.__name__.lower()}{len(self.nodes)}"
        inputs = inputs or (self.edge,)
        try:
            node = kind(name=name, inputs=inputs, **constants)
            self.types[name] = node.infer(tuple(self.types[edge] for edge in inputs))
        except GraphError:
            return False
        self.nodes.append(node)
        self.edge = name
        return True

    def window(self) -> Window:
        """A window that fits, of which each place sees a pixel; small strides and paddings."""
        kernel, stride, dilation = (
            (self.integer(1, most), self.integer(1, most)) for most in (3, 2, 2)
        )
        largest = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
        sides = [largest[0], largest[1], largest[0], largest[1]]
        padding = [self.integer(0, min(2, side)) for side in sides]
        return Window(kernel, stride, dilation, tuple(padding))

    def threshold(self) -> None:
        output = self.draw(st.sampled_from(ACTIVATIONS))
        levels = self.integer(1, min(output.levels - 1, 15))
        rows = self.draw(st.sampled_from([1, self.type.channels]))
        self.add(Threshold, table=random_table(self.type, output, levels, rows, self.rng))

    def weights(self, *shape: int) -> dict[str, Any]:
        weight_type = self.draw(st.sampled_from(WEIGHTS))
        return {
            "weights": random_values(weight_type, shape, self.rng),
            "weight_type": weight_type,
        }

    def conv(self) -> None:
        window = self.window()
        mh = self.draw(st.sampled_from(CHANNELS))
        weights = self.weights(mh, *window.kernel, self.type.channels)
        self.add(Conv, window=window, **weights)
        self.maybe_threshold()

    def depthwise(self) -> None:
        window = self.window()
        self.add(Depthwise, window=window, **self.weights(self.type.channels, *window.kernel))
        self.maybe_threshold()

    def maybe_threshold(self) -> None:
        if self.integer(0, 3):
            self.threshold()

    def pool(self) -> None:
        window = self.window()
        if self.draw(st.booleans()):
            self.add(SumPool, window=window)
        elif window.dilation == (1, 1):
            self.add(MaxPool, window=window)

    def global_pool(self) -> None:
        kind = SumPool if self.draw(st.booleans()) else MaxPool
        self.add(kind, window=Window(self.type.shape[:2]))

    def pad(self) -> None:
        self.add(Pad, padding=tuple(self.integer(0, 2) for _ in range(4)))

    def upsample(self) -> None:
        if self.type.size < 500:
            self.add(Upsample, factor=(self.integer(1, 2), self.integer(1, 2)))

    def thermometer(self) -> None:
        count = self.integer(1, 5)
        low, high = self.type.element.min, self.type.element.max
        levels = np.unique(self.rng.integers(max(low, -300), min(high, 300) + 2, count))
        if self.type.size < 500:
            self.add(Thermometer, levels=levels)

    def residual(self) -> None:
        """Some nodes that keep the shape beside none, and the sum of both."""
        skip = self.edge
        for _ in range(self.integer(1, 2)):
            window = Window((3, 3), padding=(1, 1, 1, 1))
            channels = self.types[skip].channels
            self.add(Conv, window=window, **self.weights(channels, 3, 3, self.type.channels))
            self.maybe_threshold()
        inputs = (skip, self.edge) if self.draw(st.booleans()) else (self.edge, skip)
        self.add(Add, *inputs, shifts=(self.integer(0, 3), self.integer(0, 3)))
        self.maybe_threshold()

    def concat(self) -> None:
        """Two thresholds of one type on one edge, side by side."""
        source = self.edge
        output = self.draw(st.sampled_from(ACTIVATIONS[:-1]))
        ends = []
        for _ in range(2):
            self.edge = source
            table = random_table(self.type, output, 1, 1, self.rng)
            self.add(Threshold, table=table)
            ends.append(self.edge)
        self.add(Concat, *ends)

    def head(self) -> None:
        """Flatten and some matrix products."""
        self.add(Flatten)
        for _ in range(self.integer(0, 2)):
            self.add(MatMul, **self.weights(self.draw(st.sampled_from(CHANNELS)), self.type.size))
            self.maybe_threshold()
        if self.draw(st.booleans()):
            self.add(ArgMax, k=self.integer(1, min(3, self.type.size)))


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, np.random.Generator]:
    """An image, some nodes of any kind, maybe a head of matrix products."""
    builder = Builder(draw)
    parts = [
        Builder.conv,
        Builder.conv,
        Builder.depthwise,
        Builder.threshold,
        Builder.pool,
        Builder.global_pool,
        Builder.pad,
        Builder.upsample,
        Builder.thermometer,
        Builder.residual,
        Builder.concat,
    ]
    for part in draw(st.lists(st.sampled_from(parts), min_size=1, max_size=5)):
        part(builder)
    if draw(st.booleans()):
        builder.head()
    return Network(pruned(builder.nodes, builder.edge)), builder.rng


def pruned(nodes: list[Node[Any]], edge: str) -> tuple[Node[Any], ...]:
    """The nodes that ``edge`` depends on."""
    needed = {edge, nodes[0].name}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple(node for node in nodes if node.name in needed)


@settings(max_examples=200)
@given(drawn=networks(), images=st.integers(1, 6), threads=st.integers(1, 2))
def test_edges_and_run_equal_the_naive_loops(
    drawn: tuple[Network, np.random.Generator], images: int, threads: int
) -> None:
    network, rng = drawn
    for node in network.nodes:
        event(node.mnemonic)
    kind = network.types["image"]
    x = random_values(kind.element, (images, *kind.shape), rng)
    want = naive_edges(network, x)
    engine = ReferenceEngine(network, threads=threads)
    got = engine.edges(x)
    for edge, values in want.items():
        np.testing.assert_array_equal(got[edge], values, err_msg=f"{edge} of {network}")
        assert network.types[edge].element.contains(values)
    np.testing.assert_array_equal(
        engine.run(x), want[network.output.name], err_msg=f"run of {network}"
    )
