# SPDX-License-Identifier: Apache-2.0
"""Carry chains of ECP5: ``CCU2C``, two positions a cell.

Each half has a table of four inputs, which says whether the carry is passed on, and makes the
carry where it is not: out of the inputs ``A`` and ``B``, by the four lowest bits of the same
table.

References
----------
Lattice, ECP5 and ECP5-5G sysCONFIG and slice documentation (FPGA-TN-02032, "Ripple mode"); cell
models of Yosys, ``techlibs/ecp5/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Sequence

from xnorflow.hw.primitives.carry_chain import Position, PositionKind
from xnorflow.hw.primitives.cell_netlist import ONE, ZERO, Bit, CellNetlist, hex_constant

__all__ = ["ecp5_chain"]

EMPTY = Position(PositionKind.END)


def ecp5_chain(netlist: CellNetlist, name: str, chain: Sequence[Position]) -> list[Bit]:
    """The cells of ``chain``; sums in its order."""
    padded = [*chain, *[EMPTY] * (len(chain) % 2)]
    carry = ZERO
    sums: list[Bit] = []
    for number in range(0, len(padded), 2):
        total = netlist.wire(f"{name}_sum_{number}", 2)
        (carried,) = netlist.wire(f"{name}_carry_{number}")
        halves = [half(position) for position in padded[number : number + 2]]
        inits = {f"INIT{n}": hex_constant(init, 16) for n, (init, _) in enumerate(halves)}
        pins = {
            f"{pin}{n}": bit
            for n, (_, inputs) in enumerate(halves)
            for pin, bit in zip("ABCD", inputs, strict=True)
        }
        netlist.cell(
            "CCU2C",
            f"{name}_ccu2c_{number}",
            inits | {"INJECT1_0": '"NO"', "INJECT1_1": '"NO"'},
            {"CIN": carry, **pins, "S0": total[0], "S1": total[1], "COUT": carried},
        )
        sums += total
        carry = carried
    return sums[: len(chain)]


def half(position: Position) -> tuple[int, tuple[Bit, ...]]:
    """Table and inputs of one half of a cell."""
    if position.kind is PositionKind.END:
        return 0, (ZERO, ZERO, ONE, ONE)
    a, a_flip = position.a, position.a_flip
    if position.kind is PositionKind.START:
        # The carry that goes on is a; none is passed on where C and D are 1.
        made = XOR_LOW if a_flip is not None else A_LOW
        return made, (bit(a), bit(a_flip), ONE, ONE)
    if a_flip is None and position.b_flip is not None:
        # Addition does not care which operand is which.
        a, a_flip, b, b_flip = position.b, position.b_flip, a, None
    else:
        b, b_flip = position.b, position.b_flip
    if a_flip is None:
        return A_LOW | XOR_HIGH, (bit(a), bit(b), ONE, ONE)
    if b_flip is None:
        return XOR_LOW | XOR_OF_THREE, (bit(a), bit(a_flip), bit(b), ONE)
    return PARITY, (bit(a), bit(a_flip), bit(b), bit(b_flip))


A_LOW = 0x000A
"""Where C and D are 0, which decides the carry: A."""
XOR_LOW = 0x0006
"""There: ``A ^ B``."""
XOR_HIGH = 0x6000
"""Where C and D are 1: ``A ^ B``."""
XOR_OF_THREE = 0x9600
"""Where D is 1: ``A ^ B ^ C``."""
PARITY = 0x6996
"""``A ^ B ^ C ^ D``; where C and D are 0 it is ``A ^ B``, as the carry wants it."""


def bit(value: Bit | None) -> Bit:
    """``value``, or 0 where there is none."""
    return ZERO if value is None else value
