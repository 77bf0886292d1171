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

from amaranth.hdl import Const, Instance, Module, Signal, Value

from xnorflow.hw.primitives.carry_chain import Position, PositionKind

__all__ = ["ecp5_chain"]

ONE = Const(1, 1)
ZERO = Const(0, 1)
EMPTY = Position(PositionKind.END)


def ecp5_chain(m: Module, name: str, chain: Sequence[Position]) -> list[Value]:
    """The cells of ``chain``; sums in its order."""
    padded = [*chain, *[EMPTY] * (len(chain) % 2)]
    carry: Value = ZERO
    sums: list[Value] = []
    for number in range(0, len(padded), 2):
        total = Signal(2, name=f"{name}_sum_{number}")
        carried = Signal(name=f"{name}_carry_{number}")
        (init_0, inputs_0), (init_1, inputs_1) = map(half, padded[number : number + 2])
        m.submodules[f"{name}_ccu2c_{number}"] = Instance(
            "CCU2C",
            p_INIT0=Const(init_0, 16),
            p_INIT1=Const(init_1, 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            i_CIN=carry,
            **{f"i_{pin}0": value for pin, value in zip("ABCD", inputs_0, strict=True)},
            **{f"i_{pin}1": value for pin, value in zip("ABCD", inputs_1, strict=True)},
            o_S0=total[0],
            o_S1=total[1],
            o_COUT=carried,
        )
        sums += [total[0], total[1]]
        carry = carried
    return sums[: len(chain)]


def half(position: Position) -> tuple[int, tuple[Value, ...]]:
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


def bit(value: Value | None) -> Value:
    """``value``, or 0 where there is none."""
    return ZERO if value is None else value
