# SPDX-License-Identifier: Apache-2.0
"""Which numbers float32 holds, multiplies and adds without loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT_BELOW", "is_dyadic"]

EXACT_BELOW = 1 << 24
"""All integers up to here are float32 numbers."""

MAX_EXPONENT = 32
"""Scales outside ``2**-32 .. 2**32`` could overflow, or lose bits in, float32."""


def is_dyadic(scale: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which elements of ``scale`` (any shape) are powers of two, by which float32 loses nothing.

    Examples
    --------
    >>> is_dyadic(np.array([0.5, 0.75, 2.0**40]))
    array([ True, False, False])
    """
    mantissas, exponents = np.frexp(scale)
    fits: NDArray[np.bool_] = (mantissas == 0.5) & (np.abs(exponents - 1) <= MAX_EXPONENT)
    return fits
