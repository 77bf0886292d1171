# SPDX-License-Identifier: Apache-2.0
"""What the operations of the integer network share: types of tensors, weights, accumulators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import GraphError
from xnorflow.ir.datatype import MAX_WIDTH_BITS, DataType, smallest_type
from xnorflow.ir.node import Node, frozen_array

__all__ = [
    "TensorType",
    "accumulator_range",
    "accumulator_type",
    "checked_weights",
    "narrowest_type",
    "sum_type",
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
    return narrowest_type(node, *accumulator_range(weights, inputs))


def narrowest_type(node: Node[Any], low: int, high: int) -> DataType:
    """The narrowest type of the sums ``low..high``; ``node`` is named where there is none."""
    try:
        return smallest_type(low, high)
    except GraphError as error:
        raise node.fail(f"sums must fit {MAX_WIDTH_BITS} bits, not {low}..{high}") from error


def checked_weights(
    node: Node[Any], weights: Any, weight_type: DataType, ndim: int = 2
) -> NDArray[np.int8]:
    """``weights`` as a constant of ``node``: at least one neuron with an input, of the type."""
    if weight_type.width_bits > MAX_WEIGHT_BITS:
        raise node.fail(f"weights must have {MAX_WEIGHT_BITS} bits or fewer, not {weight_type}")
    if not weight_type.contains(np.asarray(weights)):
        raise node.fail(f"weights must be values of {weight_type}")
    array = frozen_array(weights, np.int8, ndim)
    if array.size == 0:
        raise node.fail(f"weights must have axes of 1 or more, not shape {array.shape}")
    return array


def sum_type(
    node: Node[Any], shifts: tuple[int, int], first: DataType, second: DataType
) -> DataType:
    """The narrowest type of ``(a << shifts[0]) + (b << shifts[1])``."""
    parts = tuple(zip((first, second), shifts, strict=True))
    low = sum(element.min << shift for element, shift in parts)
    high = sum(element.max << shift for element, shift in parts)
    return narrowest_type(node, low, high)
