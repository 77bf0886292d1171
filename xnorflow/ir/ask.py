# SPDX-License-Identifier: Apache-2.0
"""Integer step functions found by asking float functions, not by solving formulas.

The textbook threshold ``mean - beta * sqrt(var + eps) / gamma`` differs from what PyTorch computes
in float32 where an accumulator lies exactly on it. So the network's own functions are asked, on
the accumulators themselves: a step function that is monotone is known from where its value changes,
which bisection finds for all channels and levels at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Levels", "find_thresholds", "first_plateau"]

Integers = NDArray[np.int64]
Levels = Callable[[Integers], Integers]
"""From accumulators of shape ``(n, rows)`` to levels ``0 .. top``, row by row."""

FULL_CHECK_POINTS = 1 << 22
"""Up to so many accumulators in all rows, every one is compared."""

SAMPLES = 512
"""Else so many random ones of each row, beside both sides of each threshold."""

CHUNK = 1 << 20


def find_thresholds(
    levels: Levels, low: Integers, high: Integers, top: int
) -> tuple[Integers, NDArray[np.bool_]] | int:
    """Thresholds of monotone ``levels`` on the integers ``low .. high`` of each row.

    Parameters
    ----------
    levels
        The function asked.
    low, high
        Shape ``(rows,)``: the accumulators that each row can reach.
    top
        Highest level.

    Returns
    -------
    tuple or int
        ``(values, descending)`` as :class:`~xnorflow.ir.ThresholdTable` has them, shapes
        ``(rows, top)`` and ``(rows,)``; or the number of a row whose function is not monotone.

    Notes
    -----
    A level that a row never reaches gets the threshold ``high + 1`` (``low - 1`` where it
    descends), one that it always reaches gets ``low`` (``high``).
    """
    ends = levels(np.stack([low, high]))
    descending = ends[1] < ends[0]
    sign = np.where(descending, -1, 1)
    values = sign * bisect(
        lambda m: levels(sign * m), np.minimum(sign * low, sign * high), high - low, top
    )
    values = np.sort(values, axis=0).T
    wrong = first_difference(levels, values, descending, low, high)
    return (values, descending) if wrong is None else wrong


def bisect(levels: Levels, start: Integers, span: Integers, top: int) -> Integers:
    """Smallest ``a`` in ``start .. start + span`` with ``levels(a) >= j``, else one more.

    Returns
    -------
    ndarray
        Shape ``(top, rows)``, for ``j = 1 .. top``.
    """
    wanted = np.arange(1, top + 1)[:, np.newaxis]
    left = np.broadcast_to(start, (top, len(start))).copy()
    right = left + span + 1
    while np.any(left < right):
        middle = (left + right) // 2
        inside = np.minimum(middle, start + span)
        reached = (levels(inside) >= wanted) & (middle == inside)
        right = np.where(reached, middle, right)
        left = np.where(reached, left, np.minimum(middle + 1, right))
    return left


def first_difference(
    levels: Levels,
    values: Integers,
    descending: NDArray[np.bool_],
    low: Integers,
    high: Integers,
) -> int | None:
    """A row in which ``levels`` and the thresholds ``values`` differ on a point compared."""
    for points in points_to_check(values, low, high):
        differs = np.any(levels(points) != count_reached(values, descending, points), axis=0)
        if differs.any():
            return int(np.argmax(differs))
    return None


def points_to_check(values: Integers, low: Integers, high: Integers) -> list[Integers]:
    """Accumulators to compare, each of shape ``(n, rows)``: all, if there are few enough."""
    longest = int((high - low).max()) + 1
    if longest * len(low) <= FULL_CHECK_POINTS:
        everything = low + np.arange(longest)[:, np.newaxis]
        return [np.minimum(everything, high)]
    generator = np.random.default_rng(0)
    sampled = generator.integers(low, high + 1, (SAMPLES, len(low)))
    sides = [np.clip(values.T + offset, low, high) for offset in (-1, 0, 1)]
    return [sampled, *sides]


def count_reached(values: Integers, descending: NDArray[np.bool_], points: Integers) -> Integers:
    """Levels of ``points`` (shape ``(n, rows)``) by the thresholds ``values`` (``(rows, top)``)."""
    counts = np.empty_like(points)
    for row, thresholds in enumerate(values):
        column = points[:, row]
        if descending[row]:
            counts[:, row] = len(thresholds) - np.searchsorted(thresholds, column, side="left")
        else:
            counts[:, row] = np.searchsorted(thresholds, column, side="right")
    return counts


def first_plateau(
    function: Callable[[Integers], NDArray[np.float32]], low: int, high: int
) -> int | None:
    """An integer ``a`` in ``low .. high - 1`` with ``function(a) >= function(a + 1)``.

    Parameters
    ----------
    function
        Takes and gives one axis.
    low, high
        All integers between them are asked.
    """
    for start in range(low, high, CHUNK):
        points = np.arange(start, min(start + CHUNK, high) + 1)
        flat = np.flatnonzero(~(np.diff(function(points)) > 0))
        if flat.size:
            return int(points[flat[0]])
    return None
