# SPDX-License-Identifier: Apache-2.0
"""Step functions with constant thresholds, as logic."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Mux, Value

__all__ = ["at_least", "reached_count"]


def at_least(bits: Sequence[Value], threshold: int) -> Value:
    """Whether the number ``bits`` (unsigned, least significant first) is ``>= threshold``.

    A gate a bit, which makes fewer LUTs than a subtraction.
    """
    if threshold <= 0:
        return Const(1, 1)
    if threshold >> len(bits):
        return Const(0, 1)
    found: Value = Const(1, 1)
    for number, bit in enumerate(bits):
        found = bit & found if threshold >> number & 1 else bit | found
    return found


def reached_count(bits: Sequence[Value], thresholds: Sequence[int]) -> Value:
    """How many of ``2**n - 1`` ascending ``thresholds`` the number ``bits`` reaches: ``n`` bits."""
    middle = len(thresholds) // 2
    reached = at_least(bits, thresholds[middle])
    if middle == 0:
        return reached
    low = reached_count(bits, thresholds[:middle])
    high = reached_count(bits, thresholds[middle + 1 :])
    return Cat(Mux(reached, high, low), reached)
