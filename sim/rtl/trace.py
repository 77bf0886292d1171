# SPDX-License-Identifier: Apache-2.0
"""What a run of the RTL engine gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RtlTrace"]


@dataclass(frozen=True, slots=True)
class RtlTrace:
    """Every beat that moved on the streams of a design.

    Parameters
    ----------
    values
        By node of the dataflow graph: the decoded values of its output stream, int64, shape
        ``(n, vectors * channels)``, lane 0 of a beat first.
    cycles
        By node: the cycle in which each beat moved, int64, shape ``(n, beats_per_frame)``. A beat
        moves in the cycle at whose end, the rising clock edge, valid and ready are both high;
        cycle 0 is the first one after reset.
    cycle_count
        Cycles simulated, reset excluded.
    """

    values: Mapping[str, NDArray[np.int64]]
    cycles: Mapping[str, NDArray[np.int64]]
    cycle_count: int
