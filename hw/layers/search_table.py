# SPDX-License-Identifier: Apache-2.0
"""Threshold tables in the form that a binary search wants."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import ThresholdTable

__all__ = ["SearchTable", "search_stages"]


def search_stages(levels: int) -> int:
    """Comparisons that find one of ``levels + 1`` results: ``ceil(log2(levels + 1))``."""
    return levels.bit_length()


@dataclass(frozen=True, slots=True, eq=False)
class SearchTable:
    """Rows of ``2**stages - 1`` thresholds, all ascending, all compared by ``>=``.

    The ``count`` of :class:`~xnorflow.ir.ThresholdTable` for accumulator ``a`` is
    ``#{j : a >= thresholds[row, j]}``, complemented (in ``stages`` bits) where ``flips[row]``:
    ``#{a <= v} = levels - #{a >= v + 1}``, and rows that are flipped are padded with thresholds
    that every accumulator reaches, the others with ones that none reaches.

    Parameters
    ----------
    thresholds
        Shape ``(rows, 2**stages - 1)``, int64.
    flips
        Shape ``(rows,)``, bool.
    stages
        Comparisons of a search.
    """

    thresholds: NDArray[np.int64]
    flips: NDArray[np.bool_]
    stages: int

    @classmethod
    def of(cls, table: ThresholdTable, low: int, high: int) -> SearchTable:
        """The table for accumulators in ``low..high``."""
        stages = search_stages(table.levels)
        padding = np.zeros((table.rows, (1 << stages) - 1 - table.levels), np.int64)
        reached = np.hstack([padding + low, table.values])
        unreached = np.hstack([table.values, padding + high + 1])
        descending = table.descending[:, None]
        # Clipping keeps every comparison's outcome, and "+ 1" away from the end of int64.
        above = np.clip(reached, low - 1, high) + 1
        above[:, : padding.shape[1]] = low
        thresholds = np.where(descending, above, np.clip(unreached, low, high + 1))
        return cls(thresholds, table.descending, stages)

    def of_zero(self, rows: NDArray[np.bool_], low: int, high: int) -> SearchTable:
        """The table that gives ``rows`` what it gives for 0, whatever comes of ``low..high``."""
        always = np.where(self.thresholds <= 0, low, high + 1)
        return replace(
            self,
            thresholds=np.where(rows[:, None], always, self.thresholds),
            flips=np.broadcast_to(self.flips, len(rows)),
        )

    def for_matches(self, inputs: int | NDArray[np.int64]) -> SearchTable:
        """The table for the number ``p`` of matches, where the accumulator is ``2 * p - inputs``.

        Parameters
        ----------
        inputs
            Of all rows, or of each one: shape ``(rows,)``.
        """
        each = np.atleast_1d(inputs)[:, None]
        matches = np.clip(-((-(self.thresholds + each)) // 2), 0, each + 1)
        return replace(self, thresholds=matches, flips=np.broadcast_to(self.flips, len(matches)))

    def stage(self, number: int) -> NDArray[np.int64]:
        """Thresholds that stage ``number`` can compare with, by the bits found before it.

        Returns
        -------
        numpy.ndarray
            Shape ``(rows, 2**number)``; the first bit found is the most significant of the index.
        """
        step = 1 << (self.stages - number)
        return self.thresholds[:, step // 2 - 1 :: step]
