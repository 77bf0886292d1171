# SPDX-License-Identifier: Apache-2.0
"""Numbers as whole multiples of a power of two."""

from __future__ import annotations

import numpy as np

from xnorflow.frontends.qonnx.value import Array

__all__ = ["lattice_scale"]


def lattice_scale(values: Array) -> float:
    """The largest power of two of which all finite ``values`` are whole multiples.

    1 where all are 0.

    Examples
    --------
    >>> lattice_scale(np.array([0.75, -2.0, 0.0])), lattice_scale(np.array([12.0, -4.0]))
    (0.25, 4.0)
    """
    given = np.asarray(values, np.float64)
    mantissas, exponents = np.frexp(given[given != 0])
    if not mantissas.size:
        return 1.0
    whole = np.abs(mantissas * 2.0**53).astype(np.int64)
    zeros = np.log2(whole & -whole).astype(np.int64)
    return float(2.0 ** int((exponents + zeros).min() - 53))
