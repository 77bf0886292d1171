# SPDX-License-Identifier: Apache-2.0
"""Stage one, *network*: what is computed, on tensors, in exact integers.

Its edges are the definition that every other form (PyTorch, RTL, Verilog) is compared with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import GraphError
from xnorflow.ir.datatype import MAX_WIDTH_BITS, DataType, smallest_type, uint_type
from xnorflow.ir.graph import Graph
from xnorflow.ir.node import Node, frozen_array
from xnorflow.ir.thresholds import ThresholdTable

__all__ = [
    "ArgMax",
    "Flatten",
    "Input",
    "MatMul",
    "Network",
    "TensorType",
    "Threshold",
    "accumulator_range",
    "accumulator_type",
    "checked_weights",
]

MAX_WEIGHT_BITS = 8
"""Widest weights: they are kept as int8."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """Type of a tensor: one frame, without a batch axis.

    Parameters
    ----------
    element
        Type of the elements.
    shape
        Channels last: ``(channels,)`` or ``(height, width, channels)``.
    """

    element: DataType
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise GraphError(f"a tensor's shape must have axes of 1 or more, not {self.shape}")

    @property
    def channels(self) -> int:
        """Length of the last axis."""
        return self.shape[-1]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.element}[{'x'.join(map(str, self.shape))}]"


def accumulator_range(weights: NDArray[np.int8], inputs: DataType) -> tuple[int, int]:
    """Exact ``(low, high)`` over all rows of ``weights @ x`` for every ``x`` of type ``inputs``.

    Parameters
    ----------
    weights
        Shape ``(mh, mw)``.
    """
    wide = weights.astype(np.int64)
    low = np.minimum(wide * inputs.min, wide * inputs.max).sum(axis=1)
    high = np.maximum(wide * inputs.min, wide * inputs.max).sum(axis=1)
    return int(low.min()), int(high.max())


def accumulator_type(node: Node[Any], weights: NDArray[np.int8], inputs: DataType) -> DataType:
    """The narrowest type of the sums ``weights @ x``; ``node`` is named where there is none."""
    low, high = accumulator_range(weights, inputs)
    try:
        return smallest_type(low, high)
    except GraphError as error:
        raise node.fail(f"sums must fit {MAX_WIDTH_BITS} bits, not {low}..{high}") from error


def checked_weights(node: Node[Any], weights: Any, weight_type: DataType) -> NDArray[np.int8]:
    """``weights`` as a constant of ``node``: at least one neuron with an input, of the type."""
    if weight_type.width_bits > MAX_WEIGHT_BITS:
        raise node.fail(f"weights must have {MAX_WEIGHT_BITS} bits or fewer, not {weight_type}")
    if not weight_type.contains(np.asarray(weights)):
        raise node.fail(f"weights must be values of {weight_type}")
    array = frozen_array(weights, np.int8, 2)
    if array.size == 0:
        raise node.fail(f"weights must have shape (mh, mw), 1 or more each, not {array.shape}")
    return array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Input(Node[TensorType]):
    """The network's input: one frame a time."""

    mnemonic: ClassVar[str] = "input"
    arity: ClassVar[int] = 0

    type: TensorType

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        return self.type


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Flatten(Node[TensorType]):
    """All elements of a frame as one vector, in row-major order (channels fastest)."""

    mnemonic: ClassVar[str] = "flatten"

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        return TensorType(inputs[0].element, (inputs[0].size,))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MatMul(Node[TensorType]):
    """``y[m] = sum(weights[m, i] * x[i] for i in range(mw))``, exactly.

    Parameters
    ----------
    weights
        Shape ``(mh, mw)``, values of ``weight_type``.
    weight_type
        Type of the weights, at most 8 bits wide.
    """

    mnemonic: ClassVar[str] = "matmul"

    weights: NDArray[np.int8]
    weight_type: DataType

    def __post_init__(self) -> None:
        self.check_header()
        object.__setattr__(self, "weights", checked_weights(self, self.weights, self.weight_type))

    @property
    def mh(self) -> int:
        """Number of neurons (rows)."""
        return int(self.weights.shape[0])

    @property
    def mw(self) -> int:
        """Inputs of a neuron (columns)."""
        return int(self.weights.shape[1])

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        if source.shape != (self.mw,):
            raise self.fail(f"matmul of mw={self.mw} takes a vector of {self.mw}, not {source}")
        return TensorType(accumulator_type(self, self.weights, source.element), (self.mh,))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Threshold(Node[TensorType]):
    """Each element through its channel's step function (see :class:`ThresholdTable`)."""

    mnemonic: ClassVar[str] = "threshold"

    table: ThresholdTable

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        if not self.table.fits(source.channels):
            raise self.fail(
                f"a threshold table of {self.table.rows} rows does not fit "
                f"{source.channels} channels"
            )
        return TensorType(self.table.output_type, source.shape)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArgMax(Node[TensorType]):
    """Indices of the ``k`` largest elements, largest first; the lowest index wins ties."""

    mnemonic: ClassVar[str] = "argmax"

    k: int = 1

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        if len(source.shape) != 1 or not 1 <= self.k <= source.size:
            raise self.fail(
                f"argmax of k={self.k} takes a vector of {self.k} or more, not {source}"
            )
        return TensorType(uint_type(max(1, (source.size - 1).bit_length())), (self.k,))


class Network(Graph[TensorType]):
    """The integer network."""

    stage: ClassVar[str] = "network"
    kinds: ClassVar[tuple[type[Node[Any]], ...]] = (Input, Flatten, MatMul, Threshold, ArgMax)
