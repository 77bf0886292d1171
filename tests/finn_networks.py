# SPDX-License-Identifier: Apache-2.0
"""Small networks with and without what FINN gets wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorflow.frontends.qonnx.finn import FinnEffect
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    SumPool,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
    int_type,
    uint_type,
)

__all__ = ["NETWORKS", "UINT8", "FinnCase", "Stack"]

INT2, UINT2, UINT8 = int_type(2), uint_type(2), uint_type(8)
WRONG, REFUSED = FinnEffect.WRONG, FinnEffect.REFUSED


class Stack:
    """A network as it grows; every method adds a node behind the last one, and gives itself."""

    def __init__(self, element: DataType, shape: tuple[int, ...], seed: int = 3) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = [Input(name="image", type=TensorType(element, shape))]
        self.last = "image"

    def network(self) -> Network:
        return Network(tuple(self.nodes))

    def type(self) -> TensorType:
        return self.network().types[self.last]

    def add(self, kind: Any, name: str = "", inputs: tuple[str, ...] = (), **fields: Any) -> Stack:
        self.last, read = name or f"{kind.__name__.lower()}{len(self.nodes)}", self.last
        self.nodes.append(kind(name=self.last, inputs=inputs or (read,), **fields))
        return self

    def at(self, name: str) -> Stack:
        """Go on behind the node called ``name``."""
        self.last = name
        return self

    def weights(self, kind: DataType, *shape: int) -> np.ndarray[Any, Any]:
        values = np.arange(kind.min, kind.max + 1, kind.step)
        return self.rng.choice(values, shape).astype(np.int8)

    def matmul(self, neurons: int, kind: DataType, name: str = "") -> Stack:
        weights = self.weights(kind, neurons, self.type().size)
        return self.add(MatMul, name, weights=weights, weight_type=kind)

    def conv(self, neurons: int, kind: DataType, pad: int = 0, name: str = "") -> Stack:
        weights = self.weights(kind, neurons, 3, 3, self.type().channels)
        window = Window((3, 3), padding=(pad,) * 4)
        return self.add(Conv, name, weights=weights, weight_type=kind, window=window)

    def depthwise(self, kind: DataType, pad: int = 0, name: str = "") -> Stack:
        weights = self.weights(kind, self.type().channels, 3, 3)
        window = Window((3, 3), padding=(pad,) * 4)
        return self.add(Depthwise, name, weights=weights, weight_type=kind, window=window)

    def table(
        self,
        output: DataType,
        base: int | None = None,
        levels: int = 0,
        falling: float = 0.0,
        name: str = "",
    ) -> Stack:
        """Thresholds in the middle of what comes; a share of channels ``falling`` counts down."""
        kind = self.type()
        base = output.min if base is None else base
        levels = levels or (output.max - base) // output.step
        middle = (kind.element.min + kind.element.max) // 2
        spread = 60 if kind.element == UINT8 else 1 + int((kind.element.max - middle) ** 0.5)
        values = self.rng.integers(middle - spread, middle + spread + 2, (kind.channels, levels))
        down = self.rng.random(kind.channels) < falling
        table = ThresholdTable(np.sort(values, axis=1), down, base, output)
        return self.add(Threshold, name, table=table)

    def pool(self, kind: Any, size: int, stride: int, pad: int = 0, name: str = "") -> Stack:
        window = Window((size, size), stride=(stride, stride), padding=(pad,) * 4)
        return self.add(kind, name, window=window)

    def flat(self) -> Stack:
        return self.add(Flatten)

    def labels(self, kind: DataType, classes: int = 10) -> Network:
        return self.matmul(classes, kind).add(ArgMax, k=1).network()


@dataclass(frozen=True)
class FinnCase:
    """A network, and what is to be said of it: pairs of an effect and a node."""

    network: Callable[[], Network]
    warnings: tuple[tuple[FinnEffect, str], ...] = field(default=())


def perceptron(
    weight: DataType,
    activation: DataType,
    pixels: DataType | None = None,
    base: int | None = None,
    falling: float = 0.0,
) -> Network:
    """Three layers behind pixels of 8 bits, or of fewer by a table."""
    stack = Stack(UINT8, (4, 4, 2)).flat()
    if pixels is not None:
        stack.table(pixels, name="pixels")
    for number in (1, 2):
        stack.matmul(16, weight).table(activation, base, falling=falling, name=f"act{number}")
    return stack.labels(weight)


def cnn(weight: DataType, activation: DataType, pad: int = 0, pool: str = "") -> Network:
    """Two convolutions, with a pool between them."""
    stack = Stack(UINT8, (8, 8, 2)).conv(8, weight, pad).table(activation, name="act1")
    if pool == "max":
        stack.pool(MaxPool, 2, 2)
    if pool == "padded max":
        stack.pool(MaxPool, 3, 2, 1, name="pool")
    if pool == "sum":
        stack.pool(SumPool, 2, 2, name="pool").table(activation)
    stack.conv(8, weight, pad, name="conv2").table(activation)
    return stack.flat().labels(weight)


def mean(weight: DataType, activation: DataType) -> Network:
    """A sum of the whole image, of 36 pixels."""
    stack = Stack(UINT8, (8, 8, 2)).conv(8, weight).table(activation)
    return stack.pool(SumPool, 6, 6, name="pool").table(activation).flat().labels(weight)


def separable(weight: DataType, activation: DataType, pad: int = 0) -> Network:
    """A depthwise convolution and a dense one."""
    stack = Stack(UINT8, (8, 8, 2)).conv(8, weight).table(activation, name="act1")
    stack.depthwise(weight, pad, name="depthwise").table(activation, name="act2")
    return stack.conv(8, weight).table(activation).flat().labels(weight)


def branches(first: DataType, second: DataType, activation: DataType) -> Network:
    """Two products of the same values, added up."""
    stack = Stack(UINT8, (4, 4, 2)).flat().matmul(16, BIPOLAR).table(activation, name="act1")
    stack.matmul(12, first, name="left").at("act1").matmul(12, second, name="right")
    stack.add(Add, inputs=("left", "right"), shifts=(0, 0)).table(TERNARY)
    return stack.labels(BIPOLAR)


def bits(shape: tuple[int, ...]) -> Network:
    """Pixels of one bit, which a product reads."""
    stack = Stack(BIPOLAR, shape)
    if len(shape) > 1:
        stack.flat()
    return stack.matmul(16, BIPOLAR, name="fc1").table(BIPOLAR).labels(BIPOLAR)


NETWORKS: dict[str, FinnCase] = {
    "W1A1": FinnCase(lambda: perceptron(BIPOLAR, BIPOLAR)),
    "W1A1 of 1-bit pixels": FinnCase(lambda: perceptron(BIPOLAR, BIPOLAR, BIPOLAR)),
    "W1A1 that counts down": FinnCase(lambda: perceptron(BIPOLAR, BIPOLAR, falling=0.4)),
    "W1A2 from -1": FinnCase(
        lambda: perceptron(BIPOLAR, INT2, BIPOLAR, base=-1), ((WRONG, "act1"),)
    ),
    "W1A2 from -2": FinnCase(lambda: perceptron(BIPOLAR, INT2, BIPOLAR)),
    "W1A2 of 8-bit pixels": FinnCase(lambda: perceptron(BIPOLAR, INT2, base=-1)),
    "W2A2": FinnCase(lambda: perceptron(INT2, INT2, INT2)),
    "W2A2 of 1-bit pixels": FinnCase(
        lambda: perceptron(INT2, INT2, BIPOLAR), ((REFUSED, "pixels"),)
    ),
    "W2A2 from 0": FinnCase(
        lambda: perceptron(INT2, INT2, base=0), ((REFUSED, "act1"), (REFUSED, "act2"))
    ),
    "W2A1": FinnCase(lambda: perceptron(TERNARY, BIPOLAR)),
    "W2A2 that counts down": FinnCase(lambda: perceptron(INT2, UINT2, falling=0.4)),
    "W4A4": FinnCase(lambda: perceptron(int_type(4), uint_type(4))),
    "1-bit image": FinnCase(lambda: bits((4, 4, 2)), ((REFUSED, "fc1"),)),
    "1-bit vector": FinnCase(lambda: bits((16,)), ((WRONG, "fc1"),)),
    "W1A1 convolutions": FinnCase(lambda: cnn(BIPOLAR, BIPOLAR, pool="max")),
    "W1A1 padded": FinnCase(lambda: cnn(BIPOLAR, BIPOLAR, 1, "max"), ((WRONG, "conv2"),)),
    "W2A1 padded": FinnCase(lambda: cnn(TERNARY, BIPOLAR, 1), ((REFUSED, "conv2"),)),
    "W1A2 padded": FinnCase(lambda: cnn(BIPOLAR, UINT2, 1, "max")),
    "W2A2 padded maximum": FinnCase(
        lambda: cnn(INT2, INT2, pool="padded max"), ((REFUSED, "pool"),)
    ),
    "W1A1 padded maximum": FinnCase(lambda: cnn(BIPOLAR, BIPOLAR, pool="padded max")),
    "W2A2 sums": FinnCase(lambda: cnn(INT2, UINT2, pool="sum"), ((REFUSED, "pool"),)),
    "W2A2 mean": FinnCase(lambda: mean(INT2, UINT2), ((REFUSED, "pool"),)),
    "W2A2 depthwise": FinnCase(lambda: separable(INT2, UINT2, 1)),
    "W1A1 depthwise": FinnCase(lambda: separable(BIPOLAR, BIPOLAR), ((WRONG, "depthwise"),)),
    "W2A1 depthwise": FinnCase(lambda: separable(TERNARY, BIPOLAR), ((REFUSED, "act2"),)),
    "W1A1 branches": FinnCase(lambda: branches(BIPOLAR, BIPOLAR, BIPOLAR), ((WRONG, "act1"),)),
    "W1 and W2 branches": FinnCase(lambda: branches(BIPOLAR, TERNARY, BIPOLAR), ((WRONG, "act1"),)),
    "W2A2 branches": FinnCase(lambda: branches(TERNARY, TERNARY, UINT2)),
}
"""Networks by name: those of which nothing is said are right in FINN."""
