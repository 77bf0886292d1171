# SPDX-License-Identifier: Apache-2.0
"""Modules that stand for the cells of an FPGA family in simulation."""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module

from xnorflow.hw.emit.memory_images import take_memories
from xnorflow.hw.emit.rtlil_modules import join_modules, modules_of
from xnorflow.hw.primitives import Cell, CellLibrary

__all__ = ["behaviour_rtlil"]


class CellBody(Elaboratable):
    """The body for simulation of a cell, with the cell's ports."""

    def __init__(self, cell: Cell) -> None:
        self.signature = cell.signature
        for name in cell.signature.members:
            setattr(self, name, getattr(cell, name))
        self._cell = cell

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        return self._cell.behaviour()


def behaviour_rtlil(library: CellLibrary) -> str:
    """RTLIL of all cells in ``library`` as they are simulated; RAMs have no first contents."""
    text = "".join(
        rtlil.convert(CellBody(cell), name=name, emit_src=False)
        for name, cell in library.cells.items()
    )
    modules, _ = take_memories(modules_of(text), keep_tables=True)
    return join_modules(modules)
