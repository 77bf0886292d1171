# SPDX-License-Identifier: Apache-2.0
"""Equal adders side by side on the carry chain of an FPGA family."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.families import Device
from xnorflow.hw.primitives.carry_chain import MAX_POSITIONS, Position, PositionKind
from xnorflow.hw.primitives.cell_netlist import Bit, CellNetlist, port_bits
from xnorflow.hw.primitives.library import elaborate_cell
from xnorflow.hw.primitives.native import build_native

__all__ = ["AdderRow", "row_luts"]

FLIPS = ("a", "b", "c", "s")
"""Operands and result that can be complemented."""


def adders_per_chain(width_bits: int) -> int:
    """Adders of ``width_bits`` on a chain."""
    return max(1, (MAX_POSITIONS - 1) // (width_bits + 1))


def row_luts(device: Device, adders: int, width_bits: int) -> int:
    """LUTs of a row; carry cells of ECP5 and Gowin are LUTs."""
    each = adders_per_chain(width_bits)
    positions = adders * (width_bits + 1)
    chains = [min(each, adders - first) for first in range(0, adders, each)]
    match device:
        case Device.ECP5:  # a cell has two positions
            return sum((count * (width_bits + 1) + 2) // 2 * 2 for count in chains)
        case Device.GOWIN:
            return positions + len(chains)
        case _:  # where a chain starts there is a carry cell alone
            return positions


class AdderRow(wiring.Component):
    """``s[k] = a[k] + b[k] + c[k]`` for every adder ``k``, of ``width_bits``, with its carry.

    A flip complements all bits of an operand, or of the result, of one adder.

    All values are bit-sliced: bit ``j`` of adder ``k`` is bit ``j * adders + k``, so that
    simulators add many numbers by a few word-wide operations.

    In hardware the adders follow each other on one carry chain. The position behind the last bit
    of an adder does two things: it gives this adder's carry to a lookup table, and it starts the
    chain anew with the next adder's ``c``. So an adder takes ``width_bits + 1`` positions.

    **Timing.** Combinational.

    Parameters
    ----------
    device
        The family.
    adders
        Number of adders.
    width_bits
        Bits of an operand.
    flips
        Which of ``a``, ``b``, ``c`` and ``s`` have flips, among those that a position of the
        family's chain absorbs (:func:`~xnorflow.hw.primitives.absorbs`).

    Members
    -------
    a, b : In(width_bits * adders)
    c : In(adders)
    a_flip, b_flip, c_flip, s_flip : In(adders)
        Those asked for.
    s : Out((width_bits + 1) * adders)
    """

    def __init__(
        self, device: Device, adders: int, width_bits: int, flips: Iterable[str] = ()
    ) -> None:
        self._device = device
        self._adders = adders
        self._width_bits = width_bits
        self._flips = tuple(name for name in FLIPS if name in set(flips))
        super().__init__(
            {
                "a": In(width_bits * adders),
                "b": In(width_bits * adders),
                "c": In(adders),
                **{f"{name}_flip": In(adders) for name in self._flips},
                "s": Out((width_bits + 1) * adders),
            }
        )
        self._bits = {name: port_bits(self.signature, name) for name in self.signature.members}

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        return f"{self._device}_adder_row"

    @property
    def key(self) -> Hashable:
        """What tells it from others."""
        return self._device, self._adders, self._width_bits, self._flips

    def elaborate(self, platform: object) -> Module | Instance:
        """Build the adders."""
        return elaborate_cell(self, platform)

    def behaviour(self) -> Module:
        """All adders at once, bit by bit."""
        m = Module()
        carry = self._operand("c", 0)
        sums = []
        for bit in range(self._width_bits):
            a, b = self._operand("a", bit), self._operand("b", bit)
            differ = Signal(self._adders, name=f"differ_{bit}")
            carried = Signal(self._adders, name=f"carry_{bit}")
            m.d.comb += [differ.eq(a ^ b), carried.eq((differ & carry) | (~differ & a))]
            sums.append(differ ^ carry)
            carry = carried
        flip = self._flip("s")
        m.d.comb += self.s.eq(Cat(total ^ flip for total in [*sums, carry]))
        return m

    def native(self) -> CellNetlist:
        """The same on the family's carry chains."""
        netlist = CellNetlist(self.signature)
        sums: dict[int | None, Bit] = {}
        each = adders_per_chain(self._width_bits)
        for first in range(0, self._adders, each):
            chain = self._chain(range(first, min(first + each, self._adders)))
            bits = build_native(netlist, self._device, f"chain_{first}", chain)
            sums |= {p.gives: bit for p, bit in zip(chain, bits, strict=True)}
        netlist.output("s", [sums[index] for index in range(len(self.s))])
        return netlist

    def _chain(self, adders: range) -> list[Position]:
        """Positions of one chain with all of ``adders``."""
        positions = []
        for adder in adders:
            positions.append(self._start(adder, after=None if adder == adders[0] else adder - 1))
            positions += [self._add(adder, bit) for bit in range(self._width_bits)]
        end = PositionKind.END
        last = adders[-1]
        positions.append(Position(end, self._carry(last), s_flip=self._bit_flip("s", last)))
        return positions

    def _carry(self, adder: int) -> int:
        """Index of the carry of ``adder`` in the result."""
        return self._width_bits * self._adders + adder

    def _start(self, adder: int, after: int | None) -> Position:
        """Where ``adder`` starts and, if there is one, that ``after`` which it comes ends."""
        c, c_flip = self._bit("c", adder), self._bit_flip("c", adder)
        if after is None:
            return Position(PositionKind.START, None, c, c_flip)
        s_flip = self._bit_flip("s", after)
        return Position(PositionKind.START, self._carry(after), c, c_flip, s_flip=s_flip)

    def _add(self, adder: int, bit: int) -> Position:
        index = bit * self._adders + adder
        return Position(
            PositionKind.ADD,
            index,
            self._bit("a", index),
            self._bit_flip("a", adder),
            self._bit("b", index),
            self._bit_flip("b", adder),
            self._bit_flip("s", adder),
        )

    def _bit(self, name: str, index: int) -> Bit:
        return self._bits[name][index]

    def _bit_flip(self, name: str, adder: int) -> Bit | None:
        return self._bit(f"{name}_flip", adder) if name in self._flips else None

    def _flip(self, name: str) -> Value:
        flip: Value = getattr(self, f"{name}_flip") if name in self._flips else Const(0, 1)
        return flip

    def _operand(self, name: str, bit: int) -> Value:
        bits: Value = getattr(self, name).word_select(bit, self._adders)
        return bits ^ self._flip(name) if name in self._flips else bits
