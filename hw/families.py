# SPDX-License-Identifier: Apache-2.0
"""FPGA families: how Yosys synthesises for each, and what its cells take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xnorflow.errors import ToolError
from xnorflow.ir import Device

__all__ = ["FAMILIES", "Device", "Family", "resource_of", "synthesis_script"]


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is synthesised, and what its cells are.

    Parameters
    ----------
    command
        Yosys command, without ``-top``.
    resources
        Resource of each cell that counts, and how many of it the cell takes.
    """

    command: str
    resources: Mapping[str, tuple[str, int]]


def lut_sizes(name: str, sizes: range) -> dict[str, tuple[str, int]]:
    """Cells ``name`` followed by the number of inputs, each one LUT."""
    return {f"{name}{size}": ("LUT", 1) for size in sizes}


FAMILIES: Mapping[Device, Family] = MappingProxyType(
    {
        Device.ICE40: Family(
            "synth_ice40",
            {
                "SB_LUT4": ("LUT", 1),
                "SB_CARRY": ("carry", 1),
                "SB_RAM40_4K": ("BRAM", 1),
                "SB_SPRAM256KA": ("SPRAM", 1),
                "SB_MAC16": ("DSP", 1),
            },
        ),
        Device.ECP5: Family(
            "synth_ecp5 -nowidelut",
            {
                "LUT4": ("LUT", 1),
                "CCU2C": ("LUT", 2),
                "TRELLIS_DPR16X4": ("LUT", 6),
                "TRELLIS_FF": ("FF", 1),
                "DP16KD": ("BRAM", 1),
                "MULT18X18D": ("DSP", 1),
            },
        ),
        Device.GOWIN: Family(
            "synth_gowin -nowidelut",
            {
                **lut_sizes("LUT", range(1, 5)),
                "ALU": ("LUT", 1),
                "RAM16SDP4": ("LUT", 4),
                **{f"MULT{bits}X{bits}": ("DSP", 1) for bits in (9, 18, 36)},
            },
        ),
        Device.XC7: Family(
            "synth_xilinx -family xc7 -noiopad -flatten",
            {
                **lut_sizes("LUT", range(1, 7)),
                "LUT6_2": ("LUT", 1),
                "CARRY4": ("carry", 4),
                "RAM32M": ("LUT", 4),
                "RAM64M": ("LUT", 4),
                "RAM32X1D": ("LUT", 2),
                "RAM64X1D": ("LUT", 2),
                "RAM128X1D": ("LUT", 4),
                "RAM256X1S": ("LUT", 4),
                "SRL16E": ("LUT", 1),
                "SRLC32E": ("LUT", 1),
                "RAMB18E1": ("BRAM", 1),
                "RAMB36E1": ("BRAM", 2),
                "DSP48E1": ("DSP", 1),
            },
        ),
    }
)
"""Each family; carry cells of ECP5 and Gowin take the place of LUTs and are counted as such,
and LUT RAM by the LUTs it occupies. BRAM of xc7 is counted in halves of 18 Kbit."""

FLIP_FLOPS = {
    Device.ICE40: ("SB_DFF",),
    Device.GOWIN: ("DFF",),
    Device.XC7: ("FD",),
}
"""Beginnings of the names of flip-flops, of which these families have many kinds."""

BLOCK_RAMS = {Device.GOWIN: ("SP", "SDP", "DP", "pROM")}
"""Beginnings of the names of block RAMs."""

FREE_CELLS = ("GND", "VCC", "IBUF", "OBUF", "BUFG", "INV", "MUXF7", "MUXF8", "PFUMX", "L6MUX21")
"""Cells that take nothing that is scarce: constants, pins, and parts of a slice beside its LUTs."""


def synthesis_script(device: Device, verilog: str, top: str) -> str:
    """Yosys script that synthesises module ``top`` of the file ``verilog`` for ``device``."""
    return f"read_verilog {verilog}\n{FAMILIES[device].command} -top {top}\ndelete t:$scopeinfo\n"


def resource_of(device: Device, cell: str) -> tuple[str, int]:
    """Resource that ``cell`` takes and how many of it; ("", 0) for what costs nothing.

    Raises
    ------
    ToolError
        If the cell is unknown: a count without it would be wrong.
    """
    if cell in FAMILIES[device].resources:
        return FAMILIES[device].resources[cell]
    if cell.startswith(FLIP_FLOPS.get(device, ("\0",))):
        return "FF", 1
    if cell.startswith(BLOCK_RAMS.get(device, ("\0",))):
        return "BRAM", 1
    if cell in FREE_CELLS:
        return "", 0
    raise ToolError(f"synthesis for {device} gave cells {cell!r}, which cannot be counted")
