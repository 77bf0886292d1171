# SPDX-License-Identifier: Apache-2.0
"""Sizes as PyTorch states them, for images and signals, as pairs ``(height, width)``."""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
from torch import nn

__all__ = ["Padding", "channels_last", "is_signal", "pair", "sides"]

Padding = tuple[int, int, int, int]

OF_SIGNALS = (nn.AdaptiveAvgPool1d, nn.AvgPool1d, nn.MaxPool1d, qnn.QuantConv1d)


def is_signal(module: nn.Module) -> bool:
    """Whether windows of ``module`` lie over signals, which are images of height 1."""
    return isinstance(module, OF_SIGNALS)


def pair(size: Any, signal: bool, height: int) -> tuple[int, int]:
    """``size`` as ``(height, width)``.

    Parameters
    ----------
    size
        A number for all axes, or one for each.
    signal
        Whether there is no height in ``size``.
    height
        What it is then.

    Examples
    --------
    >>> pair(3, False, 1), pair((3, 5), False, 1), pair((3,), True, 1), pair(2, True, 0)
    ((3, 3), (3, 5), (1, 3), (0, 2))
    """
    sizes = tuple(size) if isinstance(size, tuple | list) else (size,)
    if signal:
        return height, int(sizes[0])
    return int(sizes[0]), int(sizes[-1])


def sides(padding: Any, signal: bool) -> Padding:
    """Padding on both sides as ``(top, left, bottom, right)``.

    Examples
    --------
    >>> sides((1, 2), False), sides(1, True)
    ((1, 2, 1, 2), (0, 1, 0, 1))
    """
    rows, columns = pair(padding, signal, 0)
    return rows, columns, rows, columns


def channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the edge that has the values of a tensor, without the batch axis.

    Examples
    --------
    >>> channels_last((3, 8, 9)), channels_last((3, 9)), channels_last((3,))
    ((8, 9, 3), (1, 9, 3), (3,))
    """
    if len(shape) == 1:
        return shape
    channels, *size = shape
    return (*[1] * (2 - len(size)), *size, channels)
