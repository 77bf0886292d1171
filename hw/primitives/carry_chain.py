# SPDX-License-Identifier: Apache-2.0
"""Carry chains, position by position, before a family's cells are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from xnorflow.hw.primitives.cell_netlist import Bit

__all__ = ["MAX_POSITIONS", "Position", "PositionKind"]

MAX_POSITIONS = 32
"""Longest chain, unless one adder is longer. No carry runs through a position that starts an adder,
but timing analysis does not know that."""


class PositionKind(Enum):
    """What a position does with the carry that comes."""

    START = auto()
    """Gives it out as its sum; the carry that goes on is ``a``."""
    ADD = auto()
    """Adds ``a``, ``b`` and the carry."""
    END = auto()
    """Gives it out as its sum; no carry goes on."""


@dataclass(frozen=True, slots=True)
class Position:
    """One bit of a carry chain.

    Parameters
    ----------
    kind
        What it does.
    gives
        Index of its sum in the result; None if nobody wants it.
    a, a_flip, b, b_flip
        Operands, and what complements them; None where there is none.
    s_flip
        What complements the sum, but not the carry.
    """

    kind: PositionKind
    gives: int | None = None
    a: Bit | None = None
    a_flip: Bit | None = None
    b: Bit | None = None
    b_flip: Bit | None = None
    s_flip: Bit | None = None
