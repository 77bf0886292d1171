# SPDX-License-Identifier: Apache-2.0
"""What lowering knows of a value: its integers, and a power of two as their scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xnorflow.errors import LoweringError
from xnorflow.ir import DataType
from xnorflow.ir.exact import EXACT_BELOW, is_dyadic
from xnorflow.quant.lowering.record import Step

__all__ = [
    "PIXEL_SCALE",
    "Integers",
    "Scale",
    "Value",
    "Waiting",
    "check_exact",
    "dyadic_scale",
    "exact_codes",
]

PIXEL_SCALE = 2.0**-8
Integers = NDArray[np.int64]
Scale = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An elementwise module that waits for a quantiser, as part of whose function it is asked.

    Parameters
    ----------
    step
        The call of the module.
    function
        What it computes: float32 ``(n, channels)`` to the same shape. If it treats all channels
        alike, it takes ``(n, 1)`` too.
    per_channel
        Whether it treats channels differently.
    """

    step: Step
    function: Callable[[Tensor], Tensor]
    per_channel: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A value of the PyTorch network: modules that wait, applied to ``scale * integers``.

    Parameters
    ----------
    edge
        Edge of the integer network that has the integers.
    shape
        Channels last.
    low, high
        Shape ``(1,)`` or ``(channels,)``: least and largest integer. 0 always lies between them,
        so padding with zeros leaves them as they are.
    scale
        float64, shape ``(1,)`` or ``(channels,)``.
    element
        Type of the integers if a product may read them; ``None`` for accumulators.
    activation
        Name of the quantiser that may follow.
    columns
        Position in PyTorch's order of each element of a flat vector; ``None`` where it is the
        same.
    waiting
        Modules between the edge and this value, in their order.
    """

    edge: str
    shape: tuple[int, ...]
    low: Integers
    high: Integers
    scale: Scale
    element: DataType | None
    activation: str
    columns: Integers | None = None
    waiting: tuple[Waiting, ...] = ()

    @property
    def is_per_channel(self) -> bool:
        """Whether channels are different functions of their integers."""
        return len(self.scale) > 1 or any(module.per_channel for module in self.waiting)

    @property
    def largest(self) -> int:
        """The largest magnitude of an integer."""
        return max(abs(int(self.low.min())), abs(int(self.high.max())))

    def to_float(self, integers: Integers) -> Tensor:
        """What PyTorch has for ``integers`` of shape ``(n, channels)`` or ``(n, 1)``."""
        x = torch.from_numpy((integers * self.scale).astype(np.float32))
        for module in self.waiting:
            x = module.function(x)
        return x


def check_exact(reach: int, what: str, hint: str, below: int = EXACT_BELOW) -> None:
    """Refuse sums whose parts could leave the integers that float32 holds."""
    if reach >= below:
        raise LoweringError(
            f"{what} must stay below 2**{below.bit_length() - 1} = {below} to be exact in float32, "
            f"and may reach {reach}: {hint}"
        )


def dyadic_scale(scale: Tensor, where: str) -> Scale:
    """``scale`` as one axis, after checking that it holds powers of two."""
    values: Scale = scale.detach().double().numpy().reshape(-1)
    wrong = ~is_dyadic(values)
    if wrong.any():
        raise LoweringError(
            f"the scale of {where} must be a power of two, not {values[np.argmax(wrong)]:.9g}: "
            "float32 sums would be rounded, and no integer network could be equal "
            "(use a fixed-point quantiser of Brevitas)"
        )
    return values


def exact_codes(values: Tensor, scale: Scale, where: str) -> Integers:
    """``values / scale``, after checking that these are integers."""
    quotients = values.detach().double().numpy() / scale
    codes = np.rint(quotients).astype(np.int64)
    if not np.array_equal(codes, quotients):
        raise LoweringError(f"{where} must be whole multiples of their scale")
    return codes
