# SPDX-License-Identifier: Apache-2.0
"""The networks that are timed, with random weights and even thresholds: MLPs and FINN's CNV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    BIPOLAR,
    ArgMax,
    Conv,
    DataType,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
    int_type,
    uint_type,
)

__all__ = ["POOLED", "WIDTHS", "TimedNetwork", "make_cnv", "make_mlp", "name_of"]

WIDTHS = {
    "TFC": (784, 64, 64, 64, 10),
    "SFC": (784, 256, 256, 256, 10),
    "LFC": (784, 1024, 1024, 1024, 10),
}
"""Inputs and neurons of the MLPs."""

CONVOLUTIONS = (64, 64, 128, 128, 256, 256)
"""Output channels of CNV's 3x3 convolutions, which do not pad."""
POOLED = (1, 3)
"""Convolutions of CNV with a 2x2 maximum behind them."""
FULLY_CONNECTED = (512, 512, 10)
"""Neurons of CNV's matrix products."""


@dataclass(frozen=True, slots=True, eq=False)
class TimedNetwork:
    """A network as integers and as what other contenders need.

    Parameters
    ----------
    network
        Its integer form.
    weights
        Of each layer, shape ``(mh, mw)``, or ``(mh, 3, 3, channels)`` for a convolution.
    first, step
        First threshold and distance of the thresholds of each hidden layer; ``step`` is a power
        of two, so a float contender can scale by it exactly.
    activations
        Type of the hidden activations.
    """

    network: Network
    weights: tuple[NDArray[np.int8], ...]
    first: tuple[NDArray[np.int64], ...]
    step: tuple[int, ...]
    activations: DataType


def name_of(weight_bits: int, activation_bits: int) -> str:
    """``W1A2`` and its like."""
    return f"W{weight_bits}A{activation_bits}"


def make_mlp(
    widths: tuple[int, ...], weight_bits: int, activation_bits: int, *, pixels: bool = False
) -> TimedNetwork:
    """An MLP with 1-bit inputs, made from 8-bit pixels by a threshold where ``pixels`` is set."""
    maker = Maker(weight_bits, activation_bits, input_nodes(widths[0], pixels))
    for index, mh in enumerate(widths[1:], start=1):
        maker.matmul(f"fc{index}", mh)
        if index < len(widths) - 1:
            maker.threshold(f"act{index}")
    return maker.finish()


def input_nodes(size: int, pixels: bool) -> list[Node[TensorType]]:
    """Input of +-1, or of pixels with the threshold that makes them +-1."""
    if not pixels:
        return [Input(name="image", type=TensorType(BIPOLAR, (size,)))]
    table = ThresholdTable(np.array([[128]]), np.array([False]), -1, BIPOLAR)
    return [
        Input(name="image", type=TensorType(uint_type(8), (28, size // 28, 1))),
        Flatten(name="flat", inputs=("image",)),
        Threshold(name="input_act", inputs=("flat",), table=table),
    ]


def make_cnv(weight_bits: int, activation_bits: int, *, pixels: bool = True) -> TimedNetwork:
    """CNV on 32x32 images of three channels: 8-bit pixels, or +-1 unless ``pixels`` is set.

    References
    ----------
    Y. Umuroglu et al., "FINN: A Framework for Fast, Scalable Binarized Neural Network Inference",
    FPGA 2017.
    """
    image = TensorType(uint_type(8) if pixels else BIPOLAR, (32, 32, 3))
    maker = Maker(weight_bits, activation_bits, [Input(name="image", type=image)])
    for index, mh in enumerate(CONVOLUTIONS):
        maker.conv(f"conv{index}", mh)
        maker.threshold(f"conv_act{index}", scale=64 if pixels and index == 0 else 1)
        if index in POOLED:
            pool = Window((2, 2), stride=(2, 2))
            maker.add(MaxPool(name=f"pool{index}", inputs=maker.last, window=pool))
    maker.add(Flatten(name="flat", inputs=maker.last))
    for index, mh in enumerate(FULLY_CONNECTED, start=1):
        maker.matmul(f"fc{index}", mh)
        if index < len(FULLY_CONNECTED):
            maker.threshold(f"act{index}")
    return maker.finish()


class Maker:
    """Layers so far, one behind the other, with random constants."""

    def __init__(
        self, weight_bits: int, activation_bits: int, nodes: list[Node[TensorType]]
    ) -> None:
        self.rng = np.random.default_rng(0)
        self.weight_type = BIPOLAR if weight_bits == 1 else int_type(weight_bits)
        self.activation_bits = activation_bits
        self.activations = BIPOLAR if activation_bits == 1 else uint_type(activation_bits)
        self.nodes = nodes
        self.weights: list[NDArray[np.int8]] = []
        self.first: list[NDArray[np.int64]] = []
        self.step: list[int] = []

    @property
    def last(self) -> tuple[str]:
        """The edge that the next node reads."""
        return (self.nodes[-1].name,)

    @property
    def type(self) -> TensorType:
        """Type of that edge."""
        return Network(tuple(self.nodes)).types[self.nodes[-1].name]

    def add(self, node: Node[TensorType]) -> None:
        """Append ``node``."""
        self.nodes.append(node)

    def draw(self, *shape: int) -> NDArray[np.int8]:
        """Random weights of the next layer."""
        codes = self.rng.integers(0, self.weight_type.levels, shape)
        values = self.weight_type.min + self.weight_type.step * codes
        self.weights.append(values.astype(np.int8))
        return self.weights[-1]

    def matmul(self, name: str, mh: int) -> None:
        """Append a matrix product."""
        weights = self.draw(mh, self.type.size)
        self.add(MatMul(name=name, inputs=self.last, weights=weights, weight_type=self.weight_type))

    def conv(self, name: str, mh: int) -> None:
        """Append a 3x3 convolution."""
        weights = self.draw(mh, 3, 3, self.type.channels)
        self.add(
            Conv(
                name=name,
                inputs=self.last,
                weights=weights,
                weight_type=self.weight_type,
                window=Window((3, 3)),
            )
        )

    def threshold(self, name: str, scale: int = 1) -> None:
        """Append thresholds, ``scale`` (a power of two) times as far from each other and from 0."""
        self.first.append(self.rng.integers(-8, 8, self.type.channels) * scale)
        self.step.append((4 << self.activation_bits) * scale)
        table = even_table(self.first[-1], self.step[-1], self.activations)
        self.add(Threshold(name=name, inputs=self.last, table=table))

    def finish(self) -> TimedNetwork:
        """The network, with an arg max at its end."""
        self.add(ArgMax(name="label", inputs=self.last))
        return TimedNetwork(
            Network(tuple(self.nodes)),
            tuple(self.weights),
            tuple(self.first),
            tuple(self.step),
            self.activations,
        )


def even_table(first: NDArray[np.int64], step: int, output: DataType) -> ThresholdTable:
    """Thresholds ``first + step * j``."""
    levels: NDArray[Any] = np.arange(output.levels - 1)
    values = first[:, np.newaxis] + step * levels
    return ThresholdTable(values, np.zeros(len(first), bool), output.min, output)
