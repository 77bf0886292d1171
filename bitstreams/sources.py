# SPDX-License-Identifier: Apache-2.0
"""The Verilog of a design on a board, and the script that synthesises it."""

from __future__ import annotations

import shutil
from pathlib import Path

from xnorflow.bitstreams.board_top import BOARD_NAME, BoardTop
from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.clocking import ClockPlan
from xnorflow.bitstreams.clocking.ecp5 import PLL_ATTRIBUTES
from xnorflow.bitstreams.frame import FRAME_LINE, FRAME_NAME, AcceleratorFrame
from xnorflow.hw.emit import VERILOG_FILE, WeightStorage, component_verilog
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.hw.link import LINKED_TOP_NAME, Line, LinkedAccelerator
from xnorflow.hw.link.linked_accelerator import check_modules
from xnorflow.ir import Dataflow

__all__ = ["BOARD_FILE", "CORE_FILE", "board_script", "write_sources"]

BOARD_FILE = "board.v"
CORE_FILE = "core.v"


def write_sources(
    folder: Path,
    rtl: Path,
    dataflow: Dataflow,
    board: Board,
    clock: ClockPlan,
    line: Line | None,
) -> None:
    """Write everything that synthesis reads into ``folder``, copies of ``rtl`` included.

    Parameters
    ----------
    line
        Between the link and the host; None for the accelerator alone.

    Raises
    ------
    ConfigError
        If the clock makes no such rate.
    GraphError
        If the network's images or its layers' names do not suit the link.
    """
    for path in (rtl / VERILOG_FILE, *sorted(rtl.glob("*.mem"))):
        shutil.copyfile(path, folder / path.name)
    if line is None:
        core = component_verilog(AcceleratorFrame(dataflow), FRAME_NAME, WeightStorage.INLINE)
    else:
        linked = LinkedAccelerator(dataflow, round(clock.hz), line)
        core = component_verilog(linked, LINKED_TOP_NAME, WeightStorage.INLINE)
    check_modules((rtl / VERILOG_FILE).read_text(), core.verilog)
    (folder / CORE_FILE).write_text(core.verilog)
    name = FRAME_NAME if line is None else LINKED_TOP_NAME
    top = BoardTop(board, clock, name, line or FRAME_LINE)
    (folder / BOARD_FILE).write_text(
        component_verilog(top, BOARD_NAME, WeightStorage.INLINE).verilog
    )


def board_script(device: Device, netlist: str) -> str:
    """Yosys script that synthesises a board's design and writes ``netlist`` for nextpnr."""
    script = synthesis_script(device, f"{VERILOG_FILE} {CORE_FILE} {BOARD_FILE}", BOARD_NAME)
    if device is Device.ECP5:
        settings = " ".join(f'-set {name} "{value}"' for name, value in PLL_ATTRIBUTES.items())
        script += f"setattr {settings} t:EHXPLLL\n"
    return script + f"write_json {netlist}\n"
