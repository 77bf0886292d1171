# SPDX-License-Identifier: Apache-2.0
"""Threshold tables: every activation of an integer network is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import GraphError
from xnorflow.ir.datatype import DataType
from xnorflow.ir.node import frozen_array

__all__ = ["ThresholdTable"]

MAX_LEVELS = 255


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdTable:
    """Monotone step functions from accumulators to element values, one a channel.

    For channel ``c`` and accumulator ``a``::

        count = #{j : a >= values[c, j]}      where not descending[c]
        count = #{j : a <= values[c, j]}      where descending[c]
        value = base + output_type.step * count

    Parameters
    ----------
    values
        Shape ``(channels, levels)``, ``(1, levels)`` where all channels share one function;
        1 to 255 levels; each row ascending (equal neighbours are allowed).
    descending
        Shape ``(channels,)`` or ``(1,)``, bool.
    base
        Value below the first threshold of an ascending channel.
    output_type
        Type of the results; ``base`` and ``base + step * levels`` must be values of it.
    """

    values: NDArray[np.int64]
    descending: NDArray[np.bool_]
    base: int
    output_type: DataType

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen_array(self.values, np.int64, 2))
        object.__setattr__(self, "descending", frozen_array(self.descending, np.bool_, 1))
        rows, levels = self.values.shape
        if not 1 <= levels <= MAX_LEVELS:
            raise GraphError(f"a threshold table must have 1..{MAX_LEVELS} levels, not {levels}")
        if self.descending.shape != (rows,):
            raise GraphError(f"descending must have shape ({rows},), not {self.descending.shape}")
        descents = np.any(self.values[:, 1:] < self.values[:, :-1], axis=1)
        if descents.any():
            row = int(np.argmax(descents))
            raise GraphError(f"thresholds must ascend along a row, row {row} does not")
        top = self.base + self.output_type.step * levels
        if not self.output_type.contains(np.array([self.base, top])):
            raise GraphError(f"results {self.base}..{top} must be values of {self.output_type}")

    @property
    def rows(self) -> int:
        """Number of channels, or 1 where all channels share one function."""
        return int(self.values.shape[0])

    @property
    def levels(self) -> int:
        """Number of thresholds of a channel."""
        return int(self.values.shape[1])

    def fits(self, channels: int) -> bool:
        """Whether the table serves ``channels`` channels."""
        return self.rows in (1, channels)

    def __str__(self) -> str:
        return f"{self.output_type}[{self.rows}x{self.levels}] from {self.base}"
