# SPDX-License-Identifier: Apache-2.0
"""What a design takes on an FPGA family, counted by synthesising it with Yosys."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xnorflow.hw.build import load_design
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.families import FAMILIES, Device, Family, resource_of, synthesis_script
from xnorflow.hw.passes.use_cells import check_family
from xnorflow.hw.top import TOP_NAME
from xnorflow.rundir import RunFolder
from xnorflow.toolchain import Tool, require_tool
from xnorflow.yosys import run_synthesis

__all__ = ["FAMILIES", "Device", "Family", "Utilisation", "resource_of", "synthesise"]


@dataclass(frozen=True, slots=True)
class Utilisation:
    """What the design takes on a family, before place and route.

    Parameters
    ----------
    device
        The family.
    tool
        Name and version of the synthesis tool.
    luts, flip_flops, block_rams, dsps, carries, sprams
        Counts as in :data:`~xnorflow.hw.families.FAMILIES`.
    cells
        Count of each kind of cell.
    """

    device: Device
    tool: str
    luts: int
    flip_flops: int
    block_rams: int
    dsps: int
    carries: int
    sprams: int
    cells: Mapping[str, int]


def synthesise(run: str | Path, device: Device) -> Utilisation:
    """Synthesise ``RUN/rtl`` for ``device`` and count its cells.

    Raises
    ------
    ToolError
        If Yosys is missing, fails or maps wrongly, or the design is built of another family's
        cells.
    """
    folder = RunFolder(Path(run))
    model = folder.network()
    check_family(load_design(folder, model).dataflow, device)
    yosys = require_tool("yosys", "synthesise")
    return utilisation(device, yosys, cell_counts(yosys, folder.rtl, device))


def cell_counts(yosys: Tool, rtl: Path, device: Device) -> dict[str, int]:
    """Count of each kind of cell after synthesis."""
    with tempfile.TemporaryDirectory() as scratch:
        report, script = Path(scratch) / "stat.json", Path(scratch) / "synth.ys"
        synthesis = synthesis_script(device, VERILOG_FILE, TOP_NAME)
        script.write_text(synthesis + f"tee -q -o {report} stat -json\n")
        run_synthesis(yosys, script, rtl, report, rtl / VERILOG_FILE)
        document = json.loads(report.read_text())
    return dict(document["design"]["num_cells_by_type"])


def utilisation(device: Device, yosys: Tool, cells: Mapping[str, int]) -> Utilisation:
    """The counts by resource."""
    totals = dict.fromkeys(("LUT", "FF", "BRAM", "DSP", "carry", "SPRAM"), 0)
    for cell, count in cells.items():
        resource, each = resource_of(device, cell)
        if resource:
            totals[resource] += each * count
    return Utilisation(
        device=device,
        tool=f"yosys {yosys.version}",
        luts=totals["LUT"],
        flip_flops=totals["FF"],
        block_rams=totals["BRAM"],
        dsps=totals["DSP"],
        carries=totals["carry"],
        sprams=totals["SPRAM"],
        cells=dict(sorted(cells.items())),
    )
