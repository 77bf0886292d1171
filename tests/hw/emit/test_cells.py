# SPDX-License-Identifier: Apache-2.0
"""Modules with one body for synthesis and another one for simulation, as tools read them."""

from __future__ import annotations

from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, Signature

from xnorflow.hw.emit.verilog import cell_modules
from xnorflow.hw.primitives import CellLibrary, CounterKind, CounterRow
from xnorflow.hw.primitives.cell_netlist import CellNetlist
from xnorflow.toolchain import require_tool


class ManyCells:
    """A cell whose body for synthesis is long."""

    kind = "many"
    signature = Signature({"a": In(1), "y": Out(1)})

    def __init__(self, cells: int) -> None:
        self.key = cells
        self.a, self.y = self.signature.create().a, self.signature.create().y

    def behaviour(self) -> Module:
        m = Module()
        m.d.comb += self.y.eq(self.a)
        return m

    def native(self) -> CellNetlist:
        netlist = CellNetlist(self.signature)
        for number in range(self.key):
            netlist.cell("LUT1", f"lut_{number}", {}, {"I0": "a"})
        netlist.output("y", ["a"])
        return netlist


def test_yosys_reads_many_cells(tmp_path: Path) -> None:
    """Yosys keeps the ends of the lines that it skips, but not more than 16 KB of them at once."""
    library = CellLibrary()
    for extra in range(3):
        library.instance(ManyCells(2**13 + extra))
    text = cell_modules(library)
    assert text.count("\n") > 2**14
    (tmp_path / "cells.v").write_text(text)
    (tmp_path / "read.ys").write_text(
        f"read_verilog -formal cells.v\nselect -assert-mod-count {len(library.cells)} *\n"
    )
    result = require_tool("yosys", "test").run("read.ys", folder=tmp_path)
    assert result.returncode == 0, result.stdout[-500:]


def test_each_cell_has_both_bodies() -> None:
    library = CellLibrary()
    for counters in (1, 2, 11):
        library.instance(CounterRow(CounterKind.SEVEN, counters))
    pairs = cell_modules(library).split("`ifdef SYNTHESIS\n")[1:]
    for name, pair in zip(library.cells, pairs, strict=True):
        native, plain = pair.split("`else\n")
        assert f"module {name}(" in native
        assert "LUT6_2" in native
        assert f"module {name}(" in plain
        assert "LUT6_2" not in plain
