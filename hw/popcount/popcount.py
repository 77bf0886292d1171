# SPDX-License-Identifier: Apache-2.0
"""Number of ones."""

from __future__ import annotations

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount.adder_tree import LEVELS_PER_STAGE, AdderTree, Term, tree_cycles

__all__ = ["Popcount", "count_ones", "popcount_cycles"]


def popcount_cycles(width_bits: int, levels_per_stage: int = LEVELS_PER_STAGE) -> int:
    """Registers between the bits and their count."""
    terms = width_bits // 2 + 1
    return tree_cycles(terms, width_bits - terms, levels_per_stage)


def count_ones(tree: AdderTree, bits: Value) -> Term:
    """Number of ones in ``bits``: one half are the leaves of a tree, the other its carry-ins."""
    terms = len(bits) // 2 + 1
    return tree.sum([Term(bit, 0, 1) for bit in bits[:terms]], list(bits[terms:]))


class Popcount(wiring.Component):
    """``count`` is the number of ones in ``bits``, :attr:`latency` cycles later.

    An ``n``-bit popcount is about ``n`` full adders in ``log2(n)`` levels: the least there can
    be, since a full adder removes one bit.

    **Timing.** A count a cycle; ``latency = popcount_cycles(width_bits, levels_per_stage)``.

    Parameters
    ----------
    width_bits
        Number of bits, 1 or more.
    levels_per_stage
        A register follows every so many levels of adders.

    Members
    -------
    bits : In(width_bits)
    count : Out(range(width_bits + 1))

    Attributes
    ----------
    latency : int
        Cycles.
    """

    def __init__(self, width_bits: int, levels_per_stage: int = LEVELS_PER_STAGE) -> None:
        super().__init__({"bits": In(width_bits), "count": Out(range(width_bits + 1))})
        self._levels_per_stage = levels_per_stage
        self.latency = popcount_cycles(width_bits, levels_per_stage)

    def elaborate(self, platform: object) -> Module:
        """Build the tree."""
        m = Module()
        tree = AdderTree(m, levels_per_stage=self._levels_per_stage, max_width_bits=len(self.count))
        m.d.comb += self.count.eq(count_ones(tree, self.bits).value)
        return m
