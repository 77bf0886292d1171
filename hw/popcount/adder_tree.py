# SPDX-License-Identifier: Apache-2.0
"""Balanced, pipelined sums, where every adder takes one more bit as its carry-in.

A sum of ``t`` terms needs ``t - 1`` adders, and each of them adds a third, one-bit operand for
(almost) nothing: written ``(Cat(c, a) + Cat(c, b))[1:]``, it is one carry chain that starts with
a carry of ``c``. A popcount feeds half of its bits in there; a dot product feeds in the ``+ 1`` of
its two's complement negations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, signed, unsigned

from xnorflow.ir import smallest_type

__all__ = [
    "LEVELS_PER_STAGE",
    "AdderTree",
    "Term",
    "range_shape",
    "tree_cycles",
    "tree_leaves",
]

LEVELS_PER_STAGE = 2
"""Adders between two registers, unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Term:
    """A value in a known range.

    Parameters
    ----------
    value
        The hardware.
    low, high
        Exact bounds of what it can be.
    """

    value: Value
    low: int
    high: int


def range_shape(low: int, high: int) -> Shape:
    """Shape of the narrowest value that holds ``low..high``."""
    width_bits = smallest_type(low, high).width_bits
    return unsigned(width_bits) if low >= 0 else signed(width_bits)


def tree_leaves(terms: int, carries: int) -> tuple[int, int]:
    """Number of leaves and of carry-ins: carries for which there is no adder become leaves."""
    surplus = max(0, -((terms - 1 - carries) // 2))
    return terms + surplus, carries - surplus


def tree_levels(leaves: int) -> int:
    """Adders on the way from a leaf to the sum."""
    return (leaves - 1).bit_length()


def tree_cycles(terms: int, carries: int, levels_per_stage: int = LEVELS_PER_STAGE) -> int:
    """Registers on the way from a term to the sum.

    There is one after every ``levels_per_stage`` levels of adders; the levels that remain leave
    room for the accumulator's adder in their stage.
    """
    leaves, _ = tree_leaves(terms, carries)
    return tree_levels(leaves) // levels_per_stage


class AdderTree:
    """Builds the tree in a module, level by level.

    Parameters
    ----------
    m
        The module; registers go to its ``sync`` domain and have no reset.
    levels_per_stage
        A register follows every so many levels.
    max_width_bits
        No sum is made wider: arithmetic is modulo ``2**max_width_bits``, which is all that an
        accumulator of that width can see.
    """

    def __init__(
        self, m: Module, *, levels_per_stage: int = LEVELS_PER_STAGE, max_width_bits: int
    ) -> None:
        self._m = m
        self._levels_per_stage = levels_per_stage
        self._max_width_bits = max_width_bits

    def sum(self, terms: Sequence[Term], carries: Sequence[Value]) -> Term:
        """The sum of all ``terms`` and of all one-bit ``carries``, :func:`tree_cycles` later.

        Its bounds are exact if those of the terms are; its value is the sum modulo
        ``2**max_width_bits``.
        """
        leaves, kept = tree_leaves(len(terms), len(carries))
        level = [*terms, *(Term(carry, 0, 1) for carry in carries[kept:])]
        pending = list(carries[:kept])
        for height in range(1, tree_levels(leaves) + 1):
            level, pending = self._add_pairs(height, level, pending)
            if height % self._levels_per_stage == 0:
                level = [self._delay(term, f"sum_{height}_{i}") for i, term in enumerate(level)]
                pending = self._delay_bits(pending, f"carries_{height}")
        return level[0]

    def _add_pairs(
        self, height: int, level: list[Term], pending: list[Value]
    ) -> tuple[list[Term], list[Value]]:
        pairs = len(level) // 2
        inputs = [*pending[:pairs], *[None] * (pairs - len(pending))]
        sums = [
            self._add(level[2 * i], level[2 * i + 1], inputs[i], f"add_{height}_{i}")
            for i in range(pairs)
        ]
        return sums + level[2 * pairs :], pending[pairs:]

    def _add(self, a: Term, b: Term, carry: Value | None, name: str) -> Term:
        low = a.low + b.low
        high = a.high + b.high + (carry is not None)
        shape = self._shape(low, high)
        total = Signal(shape, name=name)
        left, right = _extend(a.value, shape.width), _extend(b.value, shape.width)
        if carry is None:
            exact = (left + right)[: shape.width]
        else:
            exact = (Cat(carry, left) + Cat(Const(1, 1), right))[1 : shape.width + 1]
        self._m.d.comb += total.eq(exact)
        return Term(total, low, high)

    def _shape(self, low: int, high: int) -> Shape:
        shape = range_shape(low, high)
        return Shape(min(shape.width, self._max_width_bits), shape.signed)

    def _delay(self, term: Term, name: str) -> Term:
        delayed = Signal(term.value.shape(), name=name, reset_less=True)
        self._m.d.sync += delayed.eq(term.value)
        return Term(delayed, term.low, term.high)

    def _delay_bits(self, bits: list[Value], name: str) -> list[Value]:
        if not bits:
            return []
        delayed = Signal(len(bits), name=name, reset_less=True)
        self._m.d.sync += delayed.eq(Cat(*bits))
        return list(delayed)


def _extend(value: Value, width_bits: int) -> Value:
    """The low ``width_bits`` bits of ``value``, extended by its sign or by zeros."""
    if len(value) >= width_bits:
        return value[:width_bits]
    sign = value[-1] if value.shape().signed else 0
    return Cat(value, *[sign] * (width_bits - len(value)))
