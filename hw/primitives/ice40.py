# SPDX-License-Identifier: Apache-2.0
"""Carry chains of iCE40: ``SB_CARRY`` and ``SB_LUT4``, which share two inputs and the carry.

References
----------
Lattice, iCE40 LP/HX Family Data Sheet (FPGA-DS-02029), "Logic Cell"; cell models of Yosys,
``techlibs/ice40/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Instance, Module, Signal, Value

from xnorflow.hw.primitives.carry_chain import Position, PositionKind

__all__ = ["ice40_chain"]

PARITY = 0x6996
"""``I0 ^ I1 ^ I2 ^ I3``."""

ZERO = Const(0, 1)
ONE = Const(1, 1)


def ice40_chain(m: Module, name: str, chain: Sequence[Position]) -> list[Value]:
    """The cells of ``chain``; sums in its order.

    The carry of ``a``, ``a`` and any carry would be ``a``, in one cell. But routers do not end on
    one net at both inputs (tested: nextpnr 0.4 and 0.11), so a chain is started by ``a``, 1 and 0.
    """
    carry: Value = ZERO
    sums: list[Value] = []
    for number, position in enumerate(chain):
        total, carried = Signal(name=f"{name}_sum_{number}"), Signal(name=f"{name}_carry_{number}")
        adds = position.kind is PositionKind.ADD
        first, second = (position.a, position.b) if adds else (ZERO, ZERO)
        if position.gives is not None:
            m.submodules[f"{name}_lut_{number}"] = Instance(
                "SB_LUT4",
                p_LUT_INIT=Const(PARITY, 16),
                i_I0=ZERO if position.s_flip is None else position.s_flip,
                i_I1=first,
                i_I2=second,
                i_I3=carry,
                o_O=total,
            )
        sums.append(total)
        if position.kind is PositionKind.START:
            first, second, carry = position.a, ONE, ZERO
        if position.kind is not PositionKind.END:
            m.submodules[f"{name}_cell_{number}"] = Instance(
                "SB_CARRY", i_I0=first, i_I1=second, i_CI=carry, o_CO=carried
            )
            carry = carried
    return sums
