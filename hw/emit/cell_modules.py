# SPDX-License-Identifier: Apache-2.0
"""Modules that hold the cells of an FPGA family, or what stands for them in simulation."""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module

from xnorflow.hw.primitives import Cell, CellLibrary

__all__ = ["cell_rtlil"]


class CellBody(Elaboratable):
    """One of the two bodies of a cell, with the cell's ports."""

    def __init__(self, cell: Cell, *, native: bool) -> None:
        self.signature = cell.signature
        for name in cell.signature.members:
            setattr(self, name, getattr(cell, name))
        self._cell = cell
        self._native = native

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        return self._cell.native() if self._native else self._cell.behaviour()


def cell_rtlil(library: CellLibrary, *, native: bool) -> str:
    """RTLIL of all cells in ``library``: out of the family's cells, or for simulation."""
    return "".join(
        rtlil.convert(CellBody(cell, native=native), name=name, emit_src=False)
        for name, cell in library.cells.items()
    )
