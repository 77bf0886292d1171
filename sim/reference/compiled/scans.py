# SPDX-License-Identifier: Apache-2.0
"""Compiled loops over int64 values that need no vectors."""

from __future__ import annotations

from typing import Any

from xnorflow.numba_cache import compile_cached

__all__ = ["count_thresholds", "first_maximum"]


@compile_cached
def count_thresholds(values: Any, thresholds: Any, descending: Any, out: Any) -> None:
    """``out[i, e]`` is the count of :class:`~xnorflow.ir.ThresholdTable` for ``values[i, e]``.

    ``thresholds`` has shape (rows, levels); element ``e`` belongs to row ``e % rows``.
    """
    rows, levels = thresholds.shape
    for i in range(values.shape[0]):
        for e in range(values.shape[1]):
            row = e % rows
            # Thresholds ascend, so those on one side of the value are a prefix: find its end.
            low, high = 0, levels
            while low < high:
                middle = (low + high) // 2
                threshold = thresholds[row, middle]
                inside = values[i, e] > threshold if descending[row] else values[i, e] >= threshold
                if inside:
                    low = middle + 1
                else:
                    high = middle
            out[i, e] = levels - low if descending[row] else low


@compile_cached
def first_maximum(values: Any, size: int, out: Any) -> None:
    """``out[i, 0]`` is the lowest index of the largest of the first ``size`` of ``values[i]``."""
    for i in range(values.shape[0]):
        best = 0
        for e in range(1, size):
            if values[i, e] > values[i, best]:
                best = e
        out[i, 0] = best
