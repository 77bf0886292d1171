# SPDX-License-Identifier: Apache-2.0
"""Carry chains of Gowin: ``ALU``, one position a cell.

References
----------
Gowin, Configurable Function Unit User Guide (UG288), "ALU"; cell models of Yosys,
``techlibs/gowin/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Sequence

from xnorflow.hw.primitives.carry_chain import Position, PositionKind
from xnorflow.hw.primitives.cell_netlist import ZERO, Bit, CellNetlist

__all__ = ["gowin_chain"]

ADD = 0
ADDSUB = 2
"""Adds ``I1`` where ``I3`` is 1, its complement where it is 0."""


def gowin_chain(netlist: CellNetlist, name: str, chain: Sequence[Position]) -> list[Bit]:
    """The cells of ``chain``; sums in its order."""
    carry = ZERO
    sums: list[Bit] = []
    for number, position in enumerate(chain):
        (total,) = netlist.wire(f"{name}_sum_{number}")
        (carried,) = netlist.wire(f"{name}_carry_{number}")
        a = ZERO if position.a is None else position.a
        b = position.b if position.kind is PositionKind.ADD and position.b is not None else a
        pins = {
            "I0": a,
            "I1": b,
            "I3": ZERO if position.b_flip is None else f"~{position.b_flip}",
            "CIN": carry,
            "SUM": total,
            "COUT": carried,
        }
        mode = ADD if position.b_flip is None else ADDSUB
        netlist.cell("ALU", f"{name}_alu_{number}", {"ALU_MODE": str(mode)}, pins)
        sums.append(total)
        carry = carried
    return sums
