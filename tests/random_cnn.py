# SPDX-License-Identifier: Apache-2.0
"""Random convolutional networks with everything that a dataflow graph can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from naive import random_table, random_values

from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
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

__all__ = ["random_cnn"]

ACTIVATIONS = (BIPOLAR, BIPOLAR, TERNARY, uint_type(2), int_type(2))
WEIGHTS = (BIPOLAR, BIPOLAR, TERNARY, int_type(2))
LARGEST = 600
"""Elements of a tensor at most: simulation is to stay fast."""


class Builder:
    """A network in the making; the last node is what the next one reads."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shape = (*(int(n) for n in self.rng.integers(3, 8, 2)), int(self.rng.choice([1, 2, 3, 4])))
        pixel = self.pick((uint_type(8), uint_type(4), BIPOLAR))
        self.nodes: list[Any] = [Input(name="image", type=TensorType(pixel, shape))]

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    @property
    def network(self) -> Network:
        return Network(tuple(self.nodes))

    @property
    def last(self) -> str:
        return str(self.nodes[-1].name)

    def type_of(self, edge: str) -> TensorType:
        known: dict[str, TensorType] = {}
        for node in self.nodes:
            known[node.name] = node.infer(tuple(known[name] for name in node.inputs))
        return known[edge]

    @property
    def type(self) -> TensorType:
        return self.type_of(self.last)

    def add(self, kind: Any, *inputs: str, **fields: Any) -> str:
        count = sum(type(node) is kind for node in self.nodes) + 1
        name = f"{kind.mnemonic}{count}"
        self.nodes.append(kind(name=name, inputs=inputs or (self.last,), **fields))
        return name

    def drop(self) -> None:
        self.nodes.pop()

    def window(self, *, padded: bool = True) -> Window:
        """A window that fits."""
        while True:
            kernel, stride, dilation = (
                tuple(int(n) for n in self.rng.choice(sizes, 2))
                for sizes in ([1, 2, 3], [1, 1, 2], [1, 1, 2])
            )
            extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
            limits = [(kernel[0] + 1) // 2, (kernel[1] + 1) // 2] * 2
            padding = tuple(int(self.rng.integers(0, limit)) if padded else 0 for limit in limits)
            window = Window(kernel, stride, dilation, padding)  # type: ignore[arg-type]
            inside = min(n - e for n, e in zip(self.type.shape, extent, strict=False))
            if inside >= 0 and min(window.output_shape(self.type.shape[:2])) >= 1:
                return window

    def activate(self, output: DataType | None = None) -> str:
        output = output or self.pick(ACTIVATIONS)
        rows = int(self.pick((1, self.type.channels)))
        table = random_table(self.type, output, output.levels - 1, rows, self.rng)
        return self.add(Threshold, table=table)

    def conv(self) -> None:
        weight, window = self.pick(WEIGHTS), self.window()
        shape = (int(self.rng.integers(1, 7)), *window.kernel, self.type.channels)
        weights = random_values(weight, shape, self.rng)
        self.add(Conv, weights=weights, weight_type=weight, window=window)
        self.activate()

    def depthwise(self) -> None:
        weight, window = self.pick(WEIGHTS), self.window()
        weights = random_values(weight, (self.type.channels, *window.kernel), self.rng)
        self.add(Depthwise, weights=weights, weight_type=weight, window=window)
        self.activate()

    def max_pool(self) -> None:
        self.add(MaxPool, window=self.window())

    def sum_pool(self) -> None:
        self.add(SumPool, window=self.window())
        self.activate()

    def pad(self) -> None:
        self.add(Pad, padding=tuple(int(n) for n in self.rng.integers(0, 2, 4)))

    def upsample(self) -> None:
        self.add(Upsample, factor=self.pick(((1, 2), (2, 1), (2, 2))))
        if self.type.size > LARGEST:
            self.drop()

    def residual(self) -> None:
        """A branch with a convolution of the same size, added to what it reads."""
        source = self.activate(self.pick((uint_type(2), int_type(3), BIPOLAR)))
        channels = self.type.channels
        weights = random_values(BIPOLAR, (channels, 3, 3, channels), self.rng)
        window = Window((3, 3), padding=(1, 1, 1, 1))
        self.add(Conv, weights=weights, weight_type=BIPOLAR, window=window)
        branch = self.activate()
        shifts = tuple(int(n) for n in self.rng.integers(0, 3, 2))
        self.add(Add, *self.rng.permutation([source, branch]).tolist(), shifts=shifts)
        self.activate()

    def concat(self) -> None:
        """Two activations of one edge, side by side."""
        source = self.last
        output = self.pick(ACTIVATIONS)
        first = self.activate(output)
        table = random_table(self.type_of(source), output, output.levels - 1, 1, self.rng)
        second = self.add(Threshold, source, table=table)
        self.add(Concat, *[first, second][:: int(self.pick((1, -1)))])

    def thermometer(self) -> None:
        element = self.type.element
        levels = np.unique(self.rng.integers(element.min, element.max + 1, 3))
        self.add(Thermometer, levels=levels)

    def finish(self) -> None:
        """A classifier, or nothing."""
        ending = self.pick(("flatten", "global", "nothing"))
        if ending == "global":
            window = Window(self.type.shape[:2])  # type: ignore[arg-type]
            self.add(self.pick((MaxPool, SumPool)), window=window)
        if ending != "nothing":
            self.add(Flatten)
            mw = self.type.size
            weights = random_values(BIPOLAR, (int(self.rng.integers(2, 6)), mw), self.rng)
            self.add(MatMul, weights=weights, weight_type=BIPOLAR)
            self.add(ArgMax, k=int(self.rng.integers(1, 3)))


BLOCKS: tuple[Callable[[Builder], None], ...] = (
    Builder.conv,
    Builder.conv,
    Builder.conv,
    Builder.depthwise,
    Builder.max_pool,
    Builder.sum_pool,
    Builder.pad,
    Builder.upsample,
    Builder.residual,
    Builder.residual,
    Builder.concat,
)


def random_cnn(seed: int, blocks: int = 3) -> Network:
    """A network of so many random blocks and perhaps a classifier."""
    builder = Builder(seed)
    if builder.rng.integers(3) == 0:
        builder.thermometer()
    for _ in range(blocks):
        builder.pick(BLOCKS)(builder)
    builder.finish()
    if len(builder.nodes) == 1:
        builder.activate()
    return builder.network
