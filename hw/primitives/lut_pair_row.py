# SPDX-License-Identifier: Apache-2.0
"""Pairs of functions of the same three bits, in the two-output LUTs of Xilinx 7 series."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives.cell_netlist import CellNetlist, port_bits
from xnorflow.hw.primitives.library import elaborate_cell
from xnorflow.hw.primitives.xc7 import xc7_lut_pair

__all__ = ["LutPairRow", "SignedFunction"]

INPUTS = 3


@dataclass(frozen=True, slots=True)
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

    def evaluate(self, bits: Sequence[int]) -> int:
        """The result."""
        ones = sum(bit ^ flip for bit, flip in zip(bits, self.flips, strict=True))
        return (ones >= 2 if self.majority else ones % 2) ^ self.sign


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
        """All pairs at once."""
        m = Module()
        for port, functions in zip((self.o0, self.o1), zip(*self._pairs, strict=True), strict=True):
            flips = zip(*(function.flips for function in functions), strict=True)
            inputs = zip((self.i0, self.i1, self.i2), flips, strict=True)
            a, b, c = (bits ^ mask(flip) for bits, flip in inputs)
            is_majority = mask(int(function.majority) for function in functions)
            found = (is_majority & ((a & b) | (c & (a ^ b)))) | (~is_majority & (a ^ b ^ c))
            m.d.comb += port.eq(found ^ mask(function.sign for function in functions))
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


def mask(bits: Iterable[int]) -> Const:
    """A constant of ``bits``, the first one least significant."""
    each = list(bits)
    return Const(sum(bit << number for number, bit in enumerate(each)), len(each))
