# SPDX-License-Identifier: Apache-2.0
"""Pairs of functions of the same three bits, in the two-output LUTs of Xilinx 7 series."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

from amaranth.hdl import Cat, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives.cell_netlist import CellNetlist, port_bits
from xnorflow.hw.primitives.library import elaborate_cell
from xnorflow.hw.primitives.xc7 import xc7_lut_pair

__all__ = ["LutPairRow", "SignedFunction"]

INPUTS = 3


@dataclass(frozen=True, order=True, slots=True)
class SignedFunction:
    """Parity or majority of three bits, some of which are complemented.

    Parameters
    ----------
    majority
        Whether it is the majority.
    flips
        Of each input: 1 if it is complemented.
    sign
        1 if the result is complemented.
    """

    majority: bool
    flips: tuple[int, int, int]
    sign: int

    @property
    def normal(self) -> SignedFunction:
        """The same function with as few complements as can be."""
        flipped = sum(self.flips)
        if not self.majority:
            return SignedFunction(False, (0, 0, 0), self.sign ^ flipped & 1)
        if flipped < 2:
            return self
        a, b, c = self.flips
        return SignedFunction(True, (1 - a, 1 - b, 1 - c), 1 - self.sign)

    def evaluate(self, bits: Sequence[int]) -> int:
        """The result."""
        ones = sum(bit ^ flip for bit, flip in zip(bits, self.flips, strict=True))
        return (ones >= 2 if self.majority else ones % 2) ^ self.sign

    def of_vectors(self, vectors: Sequence[Value]) -> Value:
        """The results of many such functions, bit for bit."""
        a, b, c = (~bits if flip else bits for bits, flip in zip(vectors, self.flips, strict=True))
        found = (a & b) | (c & (a ^ b)) if self.majority else a ^ b ^ c
        return ~found if self.sign else found


class LutPairRow(wiring.Component):
    """Pairs of functions side by side.

    Bit ``k`` of every port belongs to pair ``k``.

    **Timing.** Combinational.

    Parameters
    ----------
    pairs
        The functions of each pair.

    Members
    -------
    i0, i1, i2 : In(pairs)
    o0, o1 : Out(pairs)
    """

    def __init__(self, pairs: Sequence[tuple[SignedFunction, SignedFunction]]) -> None:
        self._pairs = tuple(pairs)
        super().__init__(
            {f"i{number}": In(len(pairs)) for number in range(INPUTS)}
            | {f"o{number}": Out(len(pairs)) for number in range(2)}
        )

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        return "xc7_lut_pair_row"

    @property
    def key(self) -> Hashable:
        """What tells it from others."""
        return self._pairs

    def elaborate(self, platform: object) -> Module | Instance:
        """Build the pairs."""
        return elaborate_cell(self, platform)

    def behaviour(self) -> Module:
        """Neighbours of one function at once."""
        m = Module()
        for port, functions in zip((self.o0, self.o1), zip(*self._pairs, strict=True), strict=True):
            results = []
            first = 0
            for function, equal in groupby(functions):
                stop = first + len(list(equal))
                vectors = [bits[first:stop] for bits in (self.i0, self.i1, self.i2)]
                results.append(function.of_vectors(vectors))
                first = stop
            m.d.comb += port.eq(Cat(results))
        return m

    def native(self) -> CellNetlist:
        """The same, LUT by LUT."""
        netlist = CellNetlist(self.signature)
        inputs = zip(*(port_bits(self.signature, f"i{n}") for n in range(INPUTS)), strict=True)
        found = [
            xc7_lut_pair(netlist, f"lut_{k}", bits, [function.evaluate for function in pair])
            for k, (bits, pair) in enumerate(zip(inputs, self._pairs, strict=True))
        ]
        for number in range(2):
            netlist.output(f"o{number}", [bits[number] for bits in found])
        return netlist
