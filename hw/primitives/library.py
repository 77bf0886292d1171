# SPDX-License-Identifier: Apache-2.0
"""Modules that are one thing for synthesis and another one, of equal values, for simulation."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from amaranth.hdl import Instance, Module
from amaranth.lib.wiring import Flow

from xnorflow.hw.primitives.cell_netlist import CellNetlist

__all__ = ["Cell", "CellLibrary", "elaborate_cell"]


class Cell(Protocol):
    """A component with a body of a family's cells."""

    signature: Any

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        ...

    @property
    def key(self) -> Hashable:
        """What tells it from others: equal keys, equal bodies."""
        ...

    def behaviour(self) -> Module:
        """The body for simulation."""
        ...

    def native(self) -> CellNetlist:
        """The body for synthesis."""
        ...


class CellLibrary:
    """The cells of a design, each different one once; the platform that components are built for.

    Attributes
    ----------
    cells : dict
        Name of each module, in the order in which they were met, and the cell that it is.
    """

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self._names: dict[Hashable, str] = {}

    def instance(self, cell: Cell) -> Instance:
        """An instance of ``cell``."""
        return Instance(self._name(cell), **ports(cell))

    def _name(self, cell: Cell) -> str:
        key = (type(cell), cell.key)
        if key not in self._names:
            same = sum(other.kind == cell.kind for other in self.cells.values())
            self._names[key] = f"{cell.kind}_{same}"
            self.cells[self._names[key]] = cell
        return self._names[key]


def ports(cell: Cell) -> dict[str, Any]:
    """Arguments of the instance: every member of the interface."""
    prefix = {Flow.In: "i_", Flow.Out: "o_"}
    members = cell.signature.members
    return {prefix[member.flow] + name: getattr(cell, name) for name, member in members.items()}


def elaborate_cell(cell: Cell, platform: object) -> Module | Instance:
    """What ``elaborate`` of a cell gives: an instance where there is a library, else plain RTL."""
    return platform.instance(cell) if isinstance(platform, CellLibrary) else cell.behaviour()
