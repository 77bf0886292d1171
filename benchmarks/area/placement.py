# SPDX-License-Identifier: Apache-2.0
"""Clock and logic cells of a design after place and route, out of context, by nextpnr.

The design stands in the frame of :mod:`benchmarks.area.wrapper`, whose cells are subtracted.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.area.netlist import NETLIST_FILE, source_parts, yosys_json
from benchmarks.area.wrapper import WRAPPER, Boundary, wrapped
from benchmarks.cache import cached
from xnorflow.errors import ToolError
from xnorflow.hw.emit import VERILOG_FILE, VerilogSources
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["PARTS", "Part", "Placement", "place"]

SEEDS = (1, 2, 3)
TARGET_MHZ = 250
"""Asked of nextpnr, and more than it reaches, so that it does not stop trying."""
TIMEOUT_S = 600
REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class Part:
    """What a family's designs are placed on.

    Parameters
    ----------
    name
        For the table.
    tool
        Key in :data:`xnorflow.toolchain.TOOLS`.
    options
        That choose it.
    cell
        Kind of logic cell in nextpnr's report.
    flip_flop_takes_cell
        Whether a flip-flop behind no LUT takes a whole logic cell.
    constant_cells
        Logic cells that nextpnr counts for the constants 0 and 1 in every design.
    """

    name: str
    tool: str
    options: tuple[str, ...]
    cell: str
    flip_flop_takes_cell: bool
    constant_cells: int


PARTS: Mapping[Device, Part] = MappingProxyType(
    {
        Device.ICE40: Part(
            "HX8K", "nextpnr-ice40", ("--hx8k", "--package", "ct256"), "ICESTORM_LC", True, 2
        ),
        Device.ECP5: Part(
            "LFE5U-45F, speed grade 6",
            "nextpnr-ecp5",
            ("--45k", "--package", "CABGA381", "--speed", "6"),
            "TRELLIS_COMB",
            False,
            1,
        ),
    }
)
"""Parts of the families that nextpnr places; there is no open tool for xc7."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A placed and routed design.

    Parameters
    ----------
    part
        On what.
    cells
        Logic cells after packing, without those of the frame.
    fmax_mhz
        Clock: the median of :data:`SEEDS`.
    """

    part: str
    cells: int
    fmax_mhz: float


def frame_cells(boundary: Boundary, part: Part) -> int:
    """Logic cells of the frame and of constants.

    The register of an output shares the cell of the LUT that drives it. All bits of the shift
    registers are cells where a flip-flop takes one; else only the LUTs between them are.
    """
    if part.flip_flop_takes_cell:
        return boundary.input_bits + boundary.output_bits + part.constant_cells
    return boundary.output_bits - 1 + part.constant_cells


def place(sources: VerilogSources, boundary: Boundary, device: Device) -> Placement:
    """Place and route a design in its frame, unless that has been done before.

    Raises
    ------
    ToolError
        If nextpnr is missing or fails, or does not know the family.
    """
    if device not in PARTS:
        raise ToolError(f"no open tool places and routes designs for {device} here")
    part = PARTS[device]
    nextpnr = require_tool(part.tool, "place and route")
    yosys = require_tool("yosys", "synthesise")
    framed = wrapped(sources, boundary)
    script = synthesis_script(device, VERILOG_FILE, WRAPPER) + f"write_json {NETLIST_FILE}\n"
    # The origin too: versions of one number differ between a distribution and PyPI.
    tools = (yosys.version, nextpnr.version, nextpnr.origin)
    parts = (*tools, script, *part.options, str(TARGET_MHZ), str(SEEDS), *source_parts(framed))
    reports = cached("placements", parts, lambda: place_all(framed, script, part, nextpnr))
    cells = reports[0]["cells"] - frame_cells(boundary, part)
    return Placement(part.name, cells, statistics.median(r["fmax_mhz"] for r in reports))


def place_all(
    sources: VerilogSources, script: str, part: Part, nextpnr: Tool
) -> list[dict[str, Any]]:
    """Cells and clock of each seed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        yosys_json(sources, script, folder)
        return [place_once(folder, part, nextpnr, seed) for seed in SEEDS]


def place_once(folder: Path, part: Part, nextpnr: Tool, seed: int) -> dict[str, Any]:
    """Cells and clock of one seed."""
    result = nextpnr.run(
        *part.options,
        *("--json", NETLIST_FILE, "--report", REPORT_FILE),
        *("--seed", str(seed), "--freq", str(TARGET_MHZ), "--timing-allow-fail"),
        folder=folder,
        timeout_s=TIMEOUT_S,
    )
    if result.returncode:
        raise ToolError(f"{part.tool} cannot place the design: {failure_line(result)}")
    report = json.loads((folder / REPORT_FILE).read_text())
    (clock,) = report["fmax"].values()
    return {"cells": report["utilization"][part.cell]["used"], "fmax_mhz": clock["achieved"]}
