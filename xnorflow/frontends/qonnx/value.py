# SPDX-License-Identifier: Apache-2.0
"""What the import knows of a tensor: a constant, or integers with a scale and a place for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.ir import DataType, Window

__all__ = [
    "Array",
    "Constant",
    "Floats",
    "Grid",
    "Integers",
    "Label",
    "Patches",
    "Tensor",
    "Value",
    "Waiting",
    "tiled",
]

Array = NDArray[Any]
Integers = NDArray[np.int64]
Floats = NDArray[Any]
"""float32, or float64 where that is the definition."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What a quantiser says of a constant: ``array = scale * codes``.

    Parameters
    ----------
    codes, scale
        float64 of the shape of the constant.
    element
        Type of the codes.
    """

    codes: NDArray[np.float64]
    scale: NDArray[np.float64]
    element: DataType

    def moved(self, function: Callable[[Array], Array]) -> Grid:
        """The same after elements were moved by ``function``."""
        return Grid(function(self.codes), function(self.scale), self.element)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor that is the same for all inputs.

    Parameters
    ----------
    array
        Its values.
    grid
        Which integers they are, if a quantiser made them.
    """

    array: Array
    grid: Grid | None = None

    def moved(self, function: Callable[[Array], Array]) -> Constant:
        """The same after elements were moved by ``function``."""
        grid = None if self.grid is None else self.grid.moved(function)
        return Constant(function(self.array), grid)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An elementwise node that waits for a quantiser, as part of whose function it is asked.

    Parameters
    ----------
    node
        The node.
    function
        Takes the values, shape ``(n, rows)``, then ``constants``; gives one value for each.
    constants
        Shape ``(1,)``, or ``(rows,)`` where channels of the edge differ.
    doubt
        By how much a result may differ with the order of summation; 0 where it is exact.
    """

    node: OnnxNode
    function: Callable[..., Floats]
    constants: tuple[Floats, ...] = ()
    doubt: float = 0.0

    @property
    def per_channel(self) -> bool:
        """Whether channels are treated differently."""
        return any(len(constant) > 1 for constant in self.constants)

    def tiled(self, pixels: int) -> Waiting:
        """The same behind a flattening of so many pixels."""
        return replace(self, constants=tuple(tiled(c, pixels) for c in self.constants))


def tiled(values: Array, pixels: int) -> Array:
    """``values`` of channels (one, if all are alike), for all elements of a flat image."""
    return values if len(values) == 1 else np.tile(values, pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor that depends on the input: nodes that wait, applied to ``scale * integers``.

    Parameters
    ----------
    edge
        Edge of the integer network that has the integers.
    edge_shape
        Its shape, channels last.
    place
        Of the tensor's own shape, with a batch of 1: where on the edge each element is, counted in
        row-major order.
    low, high
        Shape ``(1,)`` or ``(channels,)``: least and largest integer.
    scale
        float64, shape ``(1,)`` or ``(channels,)``.
    element
        Type of the integers if a product may read them; ``None`` for accumulators.
    activation
        Name of the quantiser that may follow.
    waiting
        Nodes between the edge and this value, in their order.
    """

    edge: str
    edge_shape: tuple[int, ...]
    place: NDArray[np.int32]
    low: Integers
    high: Integers
    scale: NDArray[np.float64]
    element: DataType | None
    activation: str
    waiting: tuple[Waiting, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor, with a batch of 1."""
        return self.place.shape

    @property
    def channels(self) -> int:
        """Length of the last axis of the edge."""
        return self.edge_shape[-1]

    @property
    def is_per_channel(self) -> bool:
        """Whether channels are different functions of their integers."""
        return len(self.scale) > 1 or any(step.per_channel for step in self.waiting)

    @property
    def is_vector(self) -> bool:
        """Whether all axes of the tensor but one have the size 1."""
        return max(self.shape, default=1) == self.place.size

    @property
    def largest(self) -> int:
        """The largest magnitude of an integer."""
        return max(abs(int(self.low.min())), abs(int(self.high.max())))

    def moved(self, function: Callable[[Array], Array]) -> Value:
        """The same after elements were moved by ``function``."""
        return replace(self, place=function(self.place))

    @property
    def doubtful(self) -> bool:
        """Whether a result may differ with the order of summation."""
        return any(step.doubt for step in self.waiting)

    def ask(self, integers: Integers, dtype: type[np.floating[Any]], doubts: int = 0) -> Floats:
        """What the tensor is for ``integers`` of shape ``(n, channels)`` or ``(n, 1)``.

        Parameters
        ----------
        integers
            On the edge.
        dtype
            In what it is computed.
        doubts
            How many times the doubt of each step is added to its result.
        """
        x: Floats = (integers * self.scale).astype(dtype)
        with np.errstate(all="ignore"):
            for step in self.waiting:
                x = step.function(x, *step.constants)
                if doubts and step.doubt:
                    x = x + dtype(doubts * step.doubt)
        return x

    def ranges(self, per_channel: bool = False) -> tuple[Integers, Integers]:
        """Ranges of the integers, one for each different function; one if all are alike.

        Parameters
        ----------
        per_channel
            Whether what follows treats channels differently.
        """
        if not (per_channel or self.is_per_channel):
            return self.low.min(keepdims=True), self.high.max(keepdims=True)
        rows = (self.channels,)
        return np.broadcast_to(self.low, rows), np.broadcast_to(self.high, rows)


@dataclass(frozen=True, slots=True)
class Label:
    """Indices of the largest scores.

    Parameters
    ----------
    scores
        What they are indices of.
    k
        How many.
    tensor
        Name of the tensor that has the scores.
    """

    scores: Value
    k: int
    tensor: str


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """What windows over an image see, one vector for each place, pixel by pixel: FINN's ``Im2Col``.

    Parameters
    ----------
    image
        With channels last.
    window
        Where the windows lie.
    """

    image: Value
    window: Window


Tensor: TypeAlias = Constant | Value | Label | Patches
