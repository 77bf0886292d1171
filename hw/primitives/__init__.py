# SPDX-License-Identifier: Apache-2.0
"""Cells of FPGA families behind one face: the only place with vendor primitives.

A component here says what it computes in plain Amaranth, which simulates everywhere. Where it is
emitted for a family it becomes a module with two bodies: the family's cells for synthesis, plain
Verilog for simulation (:mod:`xnorflow.hw.primitives.library`).
"""

from xnorflow.hw.primitives.adder_row import AdderRow, row_luts
from xnorflow.hw.primitives.counter_row import CounterKind, CounterRow
from xnorflow.hw.primitives.ecp5_rom import MOST_WORDS
from xnorflow.hw.primitives.library import Cell, CellLibrary
from xnorflow.hw.primitives.lut_pair_row import LutPairRow, SignedFunction
from xnorflow.hw.primitives.native import absorbs
from xnorflow.hw.primitives.registered_rom import RegisteredRom
from xnorflow.hw.primitives.spram import SPRAM_WIDTH_BITS, SPRAM_WORDS, Spram, spram_cells

__all__ = [
    "MOST_WORDS",
    "SPRAM_WIDTH_BITS",
    "SPRAM_WORDS",
    "AdderRow",
    "Cell",
    "CellLibrary",
    "CounterKind",
    "CounterRow",
    "LutPairRow",
    "RegisteredRom",
    "SignedFunction",
    "Spram",
    "absorbs",
    "row_luts",
    "spram_cells",
]
