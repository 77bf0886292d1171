# SPDX-License-Identifier: Apache-2.0
"""Carry chains of Gowin: ``ALU``, one position a cell.

References
----------
Gowin, Configurable Function Unit User Guide (UG288), "ALU"; cell models of Yosys,
``techlibs/gowin/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Instance, Module, Signal, Value

from xnorflow.hw.primitives.carry_chain import Position, PositionKind

__all__ = ["gowin_chain"]

ADD = 0
ADDSUB = 2
"""Adds ``I1`` where ``I3`` is 1, its complement where it is 0."""


def gowin_chain(m: Module, name: str, chain: Sequence[Position]) -> list[Value]:
    """The cells of ``chain``; sums in its order."""
    zero = Const(0, 1)
    carry: Value = zero
    sums: list[Value] = []
    for number, position in enumerate(chain):
        total, carried = Signal(name=f"{name}_sum_{number}"), Signal(name=f"{name}_carry_{number}")
        a = zero if position.a is None else position.a
        b = position.b if position.kind is PositionKind.ADD and position.b is not None else a
        m.submodules[f"{name}_alu_{number}"] = Instance(
            "ALU",
            p_ALU_MODE=ADD if position.b_flip is None else ADDSUB,
            i_I0=a,
            i_I1=b,
            i_I3=zero if position.b_flip is None else ~position.b_flip,
            i_CIN=carry,
            o_SUM=total,
            o_COUT=carried,
        )
        sums.append(total)
        carry = carried
    return sums
