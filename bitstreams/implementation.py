# SPDX-License-Identifier: Apache-2.0
"""Place and route by nextpnr, and packing into a bitstream, for each family."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.carry_heads import mend_carry_heads
from xnorflow.bitstreams.constraints import CONSTRAINTS
from xnorflow.bitstreams.dfu import with_dfu_suffix
from xnorflow.bitstreams.usage import Usage, usage_in_log
from xnorflow.errors import ToolError
from xnorflow.hw.families import Device
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["FLOWS", "LOG_FILE", "NETLIST_FILE", "ROUTED_FILE", "Flow", "Routing", "pack", "route"]

NETLIST_FILE = "netlist.json"
ROUTED_FILE = "routed.json"
LOG_FILE = "nextpnr.log"
REPORT_FILE = "nextpnr.json"
SECONDS = re.compile(r"\b\d+\.\d+ ?s\b|(?<=\|) +\d+\.\d+ +\d+\.\d+(?=\|$)", re.MULTILINE)
"""Times in nextpnr's log: in sentences, and in the last columns of the router's table."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How a family's designs are placed, routed and packed.

    Parameters
    ----------
    nextpnr, packer
        Tools, as keys of :data:`~xnorflow.toolchain.TOOLS`.
    written
        Nextpnr's options for the files that it writes, each with a file: the one for the packer,
        and the routed netlist.
    netlist
        The netlist to keep, for designs to be read back; None if the bitstream itself can be.
    pack_arguments
        The packer's arguments, from the board and the name of the bitstream's file.
    mend
        What sets the netlist to keep right before it is packed.
    """

    nextpnr: str
    packer: str
    written: tuple[str, ...]
    netlist: str | None
    pack_arguments: Callable[[Board, str], tuple[str, ...]]
    mend: Callable[[Path], None] | None = None


FLOWS: Mapping[Device, Flow] = MappingProxyType(
    {
        Device.ICE40: Flow(
            "nextpnr-ice40",
            "icepack",
            ("--asc", "routed.asc"),
            None,
            lambda board, file: (*board.packer, "routed.asc", file),
        ),
        Device.ECP5: Flow(
            "nextpnr-ecp5",
            "ecppack",
            ("--textcfg", "routed.config", "--write", ROUTED_FILE),
            ROUTED_FILE,
            lambda board, file: (*board.packer, "--input", "routed.config", "--bit", file),
        ),
        Device.GOWIN: Flow(
            "nextpnr-gowin",
            "gowin_pack",
            ("--write", ROUTED_FILE),
            ROUTED_FILE,
            lambda board, file: (*board.packer, "-o", file, ROUTED_FILE),
            mend_carry_heads,
        ),
    }
)
"""Families with boards."""

CONSTRAINT_OPTIONS: Mapping[Device, Callable[[str], tuple[str, ...]]] = MappingProxyType(
    {
        Device.ICE40: lambda file: ("--pcf", file),
        Device.ECP5: lambda file: ("--lpf", file),
        Device.GOWIN: lambda file: ("--vopt", f"cst={file}"),
    }
)
"""How each family's nextpnr is given the constraint file."""


@dataclass(frozen=True, slots=True)
class Routing:
    """What came of place and route.

    Parameters
    ----------
    tool
        The nextpnr that ran.
    report
        Its JSON report; None if the design does not fit.
    excess
        What the design takes, if it does not fit.
    """

    tool: Tool
    report: Mapping[str, Any] | None
    excess: tuple[Usage, ...] = ()


def route(board: Board, folder: Path, mhz: float, seed: int) -> Routing:
    """Place and route the netlist in ``folder``, where the results go.

    Parameters
    ----------
    board
        The board.
    folder
        Has ``netlist.json`` and the constraint file; gets nextpnr's log (without times) and what
        the family's flow writes.
    mhz
        Clock to reach; missing it is no failure.
    seed
        Seed of the placement.

    Raises
    ------
    ToolError
        If nextpnr is missing, or fails for another reason than the size of the design.
    """
    flow = FLOWS[board.device]
    nextpnr = require_tool(flow.nextpnr, "place and route")
    result = nextpnr.run(*nextpnr_arguments(board, mhz, seed), folder=folder)
    log_path, report_path = folder / LOG_FILE, folder / REPORT_FILE
    log = log_path.read_text() if log_path.exists() else ""
    log_path.write_text(SECONDS.sub("-", log))
    if result.returncode:
        usages = usage_in_log(log)
        if any(usage.excess for usage in usages):
            return Routing(nextpnr, None, usages)
        raise ToolError(f"{flow.nextpnr} cannot place and route: {failure_line(result)}")
    report = json.loads(report_path.read_text())
    report_path.unlink()
    return Routing(nextpnr, report)


def nextpnr_arguments(board: Board, mhz: float, seed: int) -> tuple[str, ...]:
    """Arguments of nextpnr."""
    return (
        *board.nextpnr,
        *CONSTRAINT_OPTIONS[board.device](CONSTRAINTS[board.device][0]),
        *("--json", NETLIST_FILE, "--report", REPORT_FILE, "--log", LOG_FILE, "--quiet"),
        *FLOWS[board.device].written,
        *("--seed", str(seed), "--freq", f"{mhz:.6f}", "--timing-allow-fail"),
    )


def pack(board: Board, folder: Path, file: str) -> Tool:
    """Make the bitstream ``file`` in ``folder`` of what nextpnr wrote there; gives the tool.

    Raises
    ------
    ToolError
        If the packer is missing or fails.
    """
    flow = FLOWS[board.device]
    packer = require_tool(flow.packer, "pack the bitstream")
    if flow.netlist is not None and flow.mend is not None:
        flow.mend(folder / flow.netlist)
    result = packer.run(*flow.pack_arguments(board, file), folder=folder)
    path = folder / file
    if result.returncode or not path.exists():
        raise ToolError(f"{flow.packer} cannot pack the bitstream: {failure_line(result)}")
    if board.dfu is not None:
        path.write_bytes(with_dfu_suffix(path.read_bytes(), *board.dfu))
    return packer
