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

from xnorflow.ir.datatype import DataType, smallest_type, uint_type
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
]


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
        object.__setattr__(self, "weights", frozen_array(self.weights, np.int8, 2))
        if not self.weight_type.contains(self.weights):
            raise self.fail(f"weights must be values of {self.weight_type}")

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
        return TensorType(
            smallest_type(*accumulator_range(self.weights, source.element)), (self.mh,)
        )


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
