# SPDX-License-Identifier: Apache-2.0
"""Operations of the integer network on vectors and on elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir.datatype import BIPOLAR, DataType, uint_type
from xnorflow.ir.node import Node, frozen_array
from xnorflow.ir.tensors import TensorType, accumulator_type, checked_weights, sum_type
from xnorflow.ir.thresholds import ThresholdTable

__all__ = [
    "Add",
    "ArgMax",
    "Concat",
    "Flatten",
    "Input",
    "MatMul",
    "Thermometer",
    "Threshold",
]

MAX_SHIFT = 24
"""Most places by which an addend is shifted up."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Input(Node[TensorType]):
    """The network's input: one frame a time."""

    mnemonic: ClassVar[str] = "input"
    arity: ClassVar[int | None] = 0

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Thermometer(Node[TensorType]):
    """Each element as ``T`` bits: ``y[.., c * T + j] = +1 if x[.., c] >= levels[j] else -1``.

    Parameters
    ----------
    levels
        Shape ``(T,)``, ascending.
    """

    mnemonic: ClassVar[str] = "thermometer"

    levels: NDArray[np.int64]

    def __post_init__(self) -> None:
        self.check_header()
        object.__setattr__(self, "levels", checked_levels(self, self.levels))

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        channels = source.channels * len(self.levels)
        return TensorType(BIPOLAR, (*source.shape[:-1], channels))


def checked_levels(node: Node[Any], levels: Any) -> NDArray[np.int64]:
    """``levels`` of a thermometer code as a constant of ``node``: one or more, ascending."""
    array = frozen_array(levels, np.int64, 1)
    if array.size == 0 or np.any(array[1:] <= array[:-1]):
        raise node.fail("a thermometer must have one level or more, each above the one before")
    return array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Add(Node[TensorType]):
    """``(a << shifts[0]) + (b << shifts[1])``, element by element, in a type that holds all sums.

    Parameters
    ----------
    shifts
        Places by which each input is shifted up first, for inputs of different scales.
    """

    mnemonic: ClassVar[str] = "add"
    arity: ClassVar[int | None] = 2

    shifts: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.check_header()
        checked_shifts(self, self.shifts)

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        first, second = inputs
        if first.shape != second.shape:
            raise self.fail(f"add takes two tensors of one shape, not {first} and {second}")
        return TensorType(sum_type(self, self.shifts, first.element, second.element), first.shape)


def checked_shifts(node: Node[Any], shifts: tuple[int, ...]) -> None:
    """Refuse shifts of a sum that could leave every type."""
    if len(shifts) != 2 or not all(0 <= shift <= MAX_SHIFT for shift in shifts):
        raise node.fail(f"add must have two shifts of 0..{MAX_SHIFT}, not {shifts}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Concat(Node[TensorType]):
    """The channels of all inputs, those of the first input first; one element type."""

    mnemonic: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        first = inputs[0]
        for other in inputs[1:]:
            if other.element != first.element or other.shape[:-1] != first.shape[:-1]:
                raise self.fail(
                    f"concat takes tensors of one type and size, not {first} and {other}"
                )
        return TensorType(first.element, (*first.shape[:-1], sum(t.channels for t in inputs)))
