# SPDX-License-Identifier: Apache-2.0
"""Carry chains of iCE40: ``SB_CARRY`` and ``SB_LUT4``, which share two inputs and the carry.

References
----------
Lattice, iCE40 LP/HX Family Data Sheet (FPGA-DS-02029), "Logic Cell"; cell models of Yosys,
``techlibs/ice40/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Sequence

from xnorflow.hw.primitives.carry_chain import Position, PositionKind
from xnorflow.hw.primitives.cell_netlist import ONE, ZERO, Bit, CellNetlist, hex_constant

__all__ = ["ice40_chain"]

PARITY = 0x6996
"""``I0 ^ I1 ^ I2 ^ I3``."""


def ice40_chain(netlist: CellNetlist, name: str, chain: Sequence[Position]) -> list[Bit]:
    """The cells of ``chain``; sums in its order.

    The carry of ``a``, ``a`` and any carry would be ``a``, in one cell. But routers do not end on
    one net at both inputs (tested: nextpnr 0.4 and 0.11), so a chain is started by ``a``, 1 and 0.
    """
    carry = ZERO
    sums: list[Bit] = []
    for number, position in enumerate(chain):
        adds = position.kind is PositionKind.ADD
        first, second = (bit(position.a), bit(position.b)) if adds else (ZERO, ZERO)
        total = ZERO
        if position.gives is not None:
            (total,) = netlist.wire(f"{name}_sum_{number}")
            pins = {"I0": bit(position.s_flip), "I1": first, "I2": second, "I3": carry, "O": total}
            init = {"LUT_INIT": hex_constant(PARITY, 16)}
            netlist.cell("SB_LUT4", f"{name}_lut_{number}", init, pins)
        sums.append(total)
        if position.kind is PositionKind.START:
            first, second, carry = bit(position.a), ONE, ZERO
        if position.kind is not PositionKind.END:
            (carried,) = netlist.wire(f"{name}_carry_{number}")
            pins = {"I0": first, "I1": second, "CI": carry, "CO": carried}
            netlist.cell("SB_CARRY", f"{name}_cell_{number}", {}, pins)
            carry = carried
    return sums


def bit(value: Bit | None) -> Bit:
    """``value``, or 0 where there is none."""
    return ZERO if value is None else value
