# SPDX-License-Identifier: Apache-2.0
"""The networks that are timed: MLPs on 784 inputs with random weights and even thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    BIPOLAR,
    ArgMax,
    DataType,
    Flatten,
    Input,
    MatMul,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
    int_type,
    uint_type,
)

__all__ = ["WIDTHS", "Mlp", "make_mlp", "name_of"]

WIDTHS = {
    "TFC": (784, 64, 64, 64, 10),
    "SFC": (784, 256, 256, 256, 10),
    "LFC": (784, 1024, 1024, 1024, 10),
}


@dataclass(frozen=True, slots=True, eq=False)
class Mlp:
    """An MLP as a network and as what other contenders need.

    Parameters
    ----------
    network
        Its integer form.
    weights
        Of each layer, shape ``(mh, mw)``.
    first, step
        First threshold and distance of the thresholds of each hidden layer; ``step`` is a power
        of two, so a float contender can scale by it exactly.
    activations
        Type of the hidden activations.
    """

    network: Network
    weights: tuple[NDArray[np.int64], ...]
    first: tuple[NDArray[np.int64], ...]
    step: tuple[int, ...]
    activations: DataType


def name_of(weight_bits: int, activation_bits: int) -> str:
    """``W1A2`` and its like."""
    return f"W{weight_bits}A{activation_bits}"


def make_mlp(
    widths: tuple[int, ...], weight_bits: int, activation_bits: int, *, pixels: bool = False
) -> Mlp:
    """An MLP with 1-bit inputs, made from 8-bit pixels by a threshold where ``pixels`` is set."""
    rng = np.random.default_rng(0)
    weight_type = BIPOLAR if weight_bits == 1 else int_type(weight_bits)
    activations = BIPOLAR if activation_bits == 1 else uint_type(activation_bits)
    nodes = input_nodes(widths[0], pixels)
    weights, first, step = [], [], []
    for index, (mw, mh) in enumerate(pairwise(widths), start=1):
        codes = rng.integers(0, weight_type.levels, (mh, mw))
        weights.append(weight_type.min + weight_type.step * codes)
        edge = nodes[-1].name
        name = f"fc{index}"
        nodes.append(
            MatMul(name=name, inputs=(edge,), weights=weights[-1], weight_type=weight_type)
        )
        if index < len(widths) - 1:
            first.append(rng.integers(-8, 8, mh))
            step.append(4 << activation_bits)
            table = even_table(first[-1], step[-1], activations)
            nodes.append(Threshold(name=f"act{index}", inputs=(name,), table=table))
    nodes.append(ArgMax(name="label", inputs=(nodes[-1].name,)))
    return Mlp(Network(tuple(nodes)), tuple(weights), tuple(first), tuple(step), activations)


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


def even_table(first: NDArray[np.int64], step: int, output: DataType) -> ThresholdTable:
    """Thresholds ``first + step * j``."""
    levels: NDArray[Any] = np.arange(output.levels - 1)
    values = first[:, np.newaxis] + step * levels
    return ThresholdTable(values, np.zeros(len(first), bool), output.min, output)
