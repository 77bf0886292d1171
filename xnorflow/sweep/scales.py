# SPDX-License-Identifier: Apache-2.0
"""Axes on which tenths of a point and tens of points can both be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["accuracy_ticks", "scale_accuracy", "scale_cost", "scale_loss"]

LOSS_TICKS = (-10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 20, 50, 100)

LINEAR_RANGE = 12.0
"""Accuracies this far apart, in points, are still shown on a linear axis."""


def scale_loss(axes: Any, losses: Sequence[float]) -> None:
    """Make the y axis linear up to one point and logarithmic beyond."""
    low, high = min(0.0, *losses) - 0.3, max(1.0, *losses) * 1.35
    axes.set_yscale("symlog", linthresh=1.0, linscale=1.0)
    axes.set_yticks([tick for tick in LOSS_TICKS if low <= tick <= high])
    axes.set_yticks([], minor=True)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(low, high)
    axes.set_ylabel("accuracy loss, points")


def scale_accuracy(axes: Any, accuracies: Sequence[float]) -> None:
    """Make the y axis one of accuracy; where the range is wide, the lower part is compressed.

    Then the height of an accuracy is -log(1 + loss), where the loss, in points, is that against
    the best one.
    """
    low, high = min(accuracies), max(accuracies)
    axes.set_ylabel("accuracy, %")
    if high - low <= LINEAR_RANGE:
        margin = max(0.1 * (high - low), 0.25)
        axes.set_ylim(low - margin, high + 1.6 * margin)
        return
    forward, inverse = compression(high)
    bottom, top = forward(np.array(low)), forward(np.array(high))
    margin = 0.08 * (top - bottom)
    axes.set_yscale("function", functions=(forward, inverse))
    least, most = (float(inverse(edge)) for edge in (bottom - margin, top + 1.6 * margin))
    axes.set_ylim(least, most)
    axes.set_yticks(accuracy_ticks(least, most, lambda y: float(forward(y))))
    axes.set_yticks([], minor=True)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("accuracy, % (compressed below)")


def compression(best: float) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Accuracy to height and back; straight above ``best``."""

    def forward(accuracy: Any) -> Any:
        loss = best - np.asarray(accuracy, dtype=float)
        return np.where(loss > 0, -np.log1p(np.maximum(loss, 0)), -loss)

    def inverse(height: Any) -> Any:
        height = np.asarray(height, dtype=float)
        return np.where(height < 0, best - np.expm1(np.maximum(-height, 0)), best + height)

    return forward, inverse


def accuracy_ticks(low: float, high: float, height: Callable[[float], float]) -> list[float]:
    """Round accuracies from the top down, never nearer than a twentieth of the axis.

    Examples
    --------
    >>> accuracy_ticks(10, 91.5, lambda y: y)
    [91, 85, 80, 75, 70, 60, 50, 40, 30, 20, 10]
    """
    space = (height(high) - height(low)) / 20
    chosen: list[float] = []
    for tick in range(math.floor(high), math.ceil(low) - 1, -1):
        below = high - tick
        step = 1 if below < 4 else 5 if below < 25 else 10
        if tick % step == 0 and (not chosen or height(chosen[-1]) - height(tick) >= space):
            chosen.append(tick)
    return chosen


def scale_cost(axes: Any, costs: Sequence[float]) -> None:
    """Make the x axis logarithmic, with ticks as 2k, 5k, 10k."""
    from matplotlib.ticker import EngFormatter

    low, high = min(costs) / 1.25, max(costs) * 1.25
    axes.set_xscale("log")
    axes.set_xticks(cost_ticks(low, high))
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlim(low, high)


def cost_ticks(low: float, high: float) -> list[float]:
    """Round numbers in a range: powers of ten, and as many between them as there is room for.

    Examples
    --------
    >>> cost_ticks(800, 30_000)
    [1000.0, 2000.0, 5000.0, 10000.0, 20000.0]
    >>> cost_ticks(1100, 1900)
    [1200.0, 1400.0, 1600.0, 1800.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    chosen: list[float] = []
    for factors in ((10,), (10, 20, 50), range(10, 100, 10), range(10, 100, 2), range(10, 100)):
        ticks = [factor * 10.0 ** (decade - 1) for decade in decades for factor in factors]
        chosen = []
        for tick in ticks:
            room = not chosen or math.log(tick / chosen[-1]) > math.log(high / low) / 12
            if low <= tick <= high and room:
                chosen.append(tick)
        if len(chosen) > 3:
            break
    return chosen
