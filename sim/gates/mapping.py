# SPDX-License-Identifier: Apache-2.0
"""From the emitted Verilog to a netlist of gates, flip-flops and memories, by Yosys.

With a family the design is first synthesised for it, by the commands of
:mod:`xnorflow.hw.families`. Then each cell is replaced by what it does: by Yosys' own simulation
model of the family's cells, by the models in ``models/`` where Yosys has none (block RAMs), and a
lookup table by its truth table. Without a family the design becomes Yosys' generic gates.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.hw.top import TOP_NAME
from xnorflow.toolchain import Tool
from xnorflow.yosys import run_synthesis

__all__ = ["mapping_script", "yosys_netlist"]

NETLIST_FILE = "netlist.json"
CELLS_FILE = "cells.json"
MODELS = "models"


@dataclass(frozen=True, slots=True)
class CellModels:
    """Where the cells of a family are described.

    Parameters
    ----------
    tables
        File of ``models/`` that turns lookup tables into ``$lut``.
    simulation
        Options and name of Yosys' simulation models.
    others
        Files of ``models/`` with the cells that Yosys does not describe.
    """

    tables: str
    simulation: str
    others: tuple[str, ...] = ()


MODELS_OF: Mapping[Device, CellModels] = MappingProxyType(
    {
        Device.ICE40: CellModels(
            "ice40_luts.v",
            "-D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v",
            ("ice40_spram.v",),
        ),
        Device.ECP5: CellModels(
            "ecp5_luts.v", "-D NO_INCLUDES +/ecp5/cells_sim.v", ("ram.v", "ecp5_cells.v")
        ),
        Device.GOWIN: CellModels("gowin_luts.v", "+/gowin/cells_sim.v", ("ram.v", "gowin_cells.v")),
        Device.XC7: CellModels("xc7_luts.v", "+/xilinx/cells_sim.v", ("ram.v", "xc7_cells.v")),
    }
)

GENERIC = f"""\
read_verilog -formal {VERILOG_FILE}
synth -flatten -top {TOP_NAME} -run begin:fine
delete t:$scopeinfo
memory_nordff
opt -fast -full
techmap
opt -fast
abc
opt_clean
tee -q -o {CELLS_FILE} stat -json
"""
"""Modules that are cells of an FPGA family are plain Verilog here: ``-formal`` does not define
``SYNTHESIS``. Memories stay: a netlist of flip-flops in their place would be large, and no closer
to any hardware."""

MODELLED = f"""\
tee -q -o {CELLS_FILE} stat -json
techmap -map {MODELS}/{{tables}}
design -stash synthesised
{{reads}}design -copy-from synthesised -as {TOP_NAME} {TOP_NAME}
"""

DISSOLVED = """\
hierarchy -top {top}
proc
flatten -noscopeinfo
opt_expr
opt_clean
memory -nomap
opt -full
memory_nordff
techmap t:$lut %n
techmap t:$lut %n
"""
"""Products become sums of rows, whose adders are there only after the first ``techmap``."""

PLAIN = f"""\
async2sync
dfflegalize -cell $_DFF_P_ 01 -cell $_DFFE_PP_ 01
setundef -zero -undriven
opt_expr
opt_merge
opt_clean -purge
setattr -unset src */* */*:*
write_json -noscopeinfo {NETLIST_FILE}
"""
"""Few kinds of cells are left; undefined values are 0, as in the RTL engine."""


def mapping_script(device: Device | None) -> str:
    """The Yosys script that makes the netlist of the design in the working folder."""
    if device is None:
        return GENERIC + PLAIN
    models = MODELS_OF[device]
    reads = f"read_verilog -defer {models.simulation}\n" + "".join(
        f"read_verilog -defer -overwrite {MODELS}/{name}\n" for name in models.others
    )
    modelled = MODELLED.format(tables=models.tables, reads=reads)
    return synthesis_script(device, VERILOG_FILE, TOP_NAME) + modelled + dissolving_script(TOP_NAME)


def dissolving_script(top: str) -> str:
    """The Yosys commands that make the netlist of a design of cells, whose models have been read.

    Parameters
    ----------
    top
        Name of the module.
    """
    return DISSOLVED.format(top=top) + PLAIN


def yosys_netlist(
    yosys: Tool, device: Device | None, folder: Path
) -> tuple[dict[str, Any], dict[str, int]]:
    """The top module of the netlist, as JSON, and the count of each kind of cell in hardware.

    Parameters
    ----------
    folder
        With the design; what is made on the way is left there.

    Raises
    ------
    ToolError
        If Yosys fails or maps wrongly.
    """
    with as_file(files("xnorflow.sim.gates") / MODELS) as models:
        shutil.copytree(models, folder / MODELS)
    script = folder / "netlist.ys"
    script.write_text(mapping_script(device))
    run_synthesis(yosys, script, folder, folder / NETLIST_FILE, Path(VERILOG_FILE))
    module = read_netlist(folder, TOP_NAME)
    counts = json.loads((folder / CELLS_FILE).read_text())["design"]["num_cells_by_type"]
    return module, dict(sorted(counts.items()))


def read_netlist(folder: Path, top: str) -> dict[str, Any]:
    """The module ``top`` of the netlist that a script left in ``folder``."""
    document = json.loads((folder / NETLIST_FILE).read_text())
    module: dict[str, Any] = document["modules"][top]
    return module
