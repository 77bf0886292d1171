# SPDX-License-Identifier: Apache-2.0
"""What a bitstream makes of an FPGA, as Verilog that Yosys can turn into C++.

* **iCE40**: the bitstream itself is read back, by IceStorm: ``iceunpack`` and ``icebox_vlog``. What
  the design, the synthesis or nextpnr meant does not come in. SPRAMs, which ``icebox_vlog`` leaves
  out, are added by what ``icebox`` knows of them.
* **ECP5**: the netlist that nextpnr wrote beside the bitstream's source, cells as they are placed
  and routed; packing is not seen.
* **Gowin**: the same, of what nextpnr wrote for the packer.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.implementation import ROUTED_FILE
from xnorflow.errors import ArtifactError, ToolError
from xnorflow.hw.families import Device
from xnorflow.hw.link import LineKind, Spi, Uart
from xnorflow.readback.gowin_routed import described_cells
from xnorflow.readback.ice40_sprams import sprams_in, with_sprams
from xnorflow.toolchain import failure_line, require_tool

__all__ = ["CONFIGURED_NAME", "SUBJECTS", "prepare_reading"]

CONFIGURED_NAME = "configured"
"""Name of the module."""

PURPOSE = "read bitstreams of iCE40 back"
PLL_PAD = re.compile(r"\.PACKAGEPIN\(\w+\)")
PORTS: Mapping[LineKind, Iterable[str]] = MappingProxyType(
    {LineKind.UART: tuple(Uart().ports), LineKind.SPI: tuple(Spi().ports)}
)
"""Of a design to the host."""

ROUTED_TOP = "top"
"""Name that nextpnr gives the module."""


def prepare_reading(board: Board, link: LineKind, source: Path, scratch: Path) -> str:
    """Lay out in ``scratch`` what describes the FPGA; the Yosys commands that read it.

    The module :data:`CONFIGURED_NAME` has the ports of the board's top module. PLLs are wires.

    Parameters
    ----------
    board
        The board.
    link
        The line to the host.
    source
        Folder of its bitstream.

    Raises
    ------
    ArtifactError
        If a file is missing.
    ToolError
        If a tool is missing, the family's designs cannot be read back, or they have a cell that is
        not described.
    """
    if board.device not in READERS:
        raise ToolError(f"designs for {board.device} cannot be read back")
    try:
        return READERS[board.device](board, link, source, scratch)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{error.filename} is missing: make the bitstream again (`xnorflow synth`, --force)"
        ) from error


def model(package: str, name: str, scratch: Path) -> str:
    """Bring a model of cells into ``scratch``; its name."""
    (scratch / name).write_text((files(package) / "models" / name).read_text())
    return name


def read_ice40(board: Board, link: LineKind, source: Path, scratch: Path) -> str:
    """The bitstream turned into Verilog."""
    shutil.copyfile(source / f"{board.name}.{board.suffix}", scratch / "read.bin")
    pins = board.pins_for(PORTS[link])
    text = "".join(f"set_io {port} {pin.site}\n" for port, pin in pins.items())
    (scratch / "read.pcf").write_text(text)
    unpacked = require_tool("iceunpack", PURPOSE).run("read.bin", "read.asc", folder=scratch)
    if unpacked.returncode:
        raise ToolError(f"iceunpack cannot read {source}: {failure_line(unpacked)}")
    icebox_vlog = require_tool("icebox_vlog", PURPOSE)
    sprams = sprams_in(scratch / "read.asc", icebox_vlog)
    short = () if sprams else ("-s",)  # the wires of nets, in comments, tell where SPRAMs are
    told = icebox_vlog.run(
        *short, "-n", CONFIGURED_NAME, "-p", "read.pcf", "read.asc", folder=scratch
    )
    if told.returncode:
        raise ToolError(f"icebox_vlog cannot read {source}: {failure_line(told)}")
    verilog = with_sprams(told.stdout, sprams) if sprams else told.stdout
    # The pin at the PLL's pad has no wire of its own.
    (scratch / "configured.v").write_text(PLL_PAD.sub(".PACKAGEPIN(clk_pin)", verilog))
    models = [
        model("xnorflow.readback", "ice40_pll.v", scratch),
        *([model("xnorflow.sim.gates", "ice40_spram.v", scratch)] if sprams else []),
    ]
    return (
        "read_verilog -defer -D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v\n"
        f"read_verilog -overwrite -defer {' '.join(models)}\n"
        "read_verilog configured.v\n"
    )


def read_ecp5(_board: Board, _link: LineKind, source: Path, scratch: Path) -> str:
    """The routed netlist, with models of its cells."""
    netlist = json.loads((source / ROUTED_FILE).read_text())
    cells = netlist["modules"][ROUTED_TOP]["cells"]
    for name, cell in cells.items():
        tie_open_inputs(name, cell)
    (scratch / ROUTED_FILE).write_text(json.dumps(netlist))
    models = [
        model("xnorflow.sim.gates", "ram.v", scratch),
        model("xnorflow.sim.gates", "ecp5_cells.v", scratch),
        model("xnorflow.readback", "ecp5_routed.v", scratch),
    ]
    reads = "".join(f"read_verilog -icells -defer {name}\n" for name in models)
    return f"{reads}read_json {ROUTED_FILE}\nrename {ROUTED_TOP} {CONFIGURED_NAME}\n"


def read_gowin(_board: Board, _link: LineKind, source: Path, scratch: Path) -> str:
    """The routed netlist, in cells that have models."""
    top = json.loads((source / ROUTED_FILE).read_text())["modules"][ROUTED_TOP]
    module = {"ports": top["ports"], "cells": described_cells(top["cells"]), "netnames": {}}
    (scratch / ROUTED_FILE).write_text(json.dumps({"modules": {CONFIGURED_NAME: module}}))
    models = [
        "+/gowin/cells_sim.v",
        model("xnorflow.sim.gates", "ram.v", scratch),
        model("xnorflow.sim.gates", "gowin_cells.v", scratch),
        model("xnorflow.readback", "gowin_pll.v", scratch),
    ]
    reads = "".join(f"read_verilog -defer -overwrite {name}\n" for name in models)
    return f"{reads}read_json {ROUTED_FILE}\n"


def tie_open_inputs(name: str, cell: dict[str, Any]) -> None:
    """Give the inputs of ``cell`` that no wire leads to the value that its settings say.

    A setting ``PORTMUX`` of a port is a constant, or says that it is inverted: an open input is 1,
    as those of lookup tables are. Settings of that kind that the models do not know are taken off.
    """
    parameters, connections = cell["parameters"], cell["connections"]
    known = KNOWN_SETTINGS.get(cell["type"], frozenset())
    for mux in [key for key in parameters if key.endswith("MUX") and key not in known]:
        port, setting = mux.removesuffix("MUX"), parameters.pop(mux).strip()
        if connections.get(port) and setting == "INV":
            raise ToolError(f"cell {name!r} has an inverted input {port}, which is not described")
        if port in connections and not connections[port]:
            connections[port] = ["0" if setting in ("0", "INV") else "1"]
    if cell["type"] == "TRELLIS_COMB":
        connections |= {port: ["1"] for port in "ABCD" if not connections.get(port)}
    if cell["type"] in ONLY_SETTINGS:
        only = ONLY_SETTINGS[cell["type"]]
        cell["parameters"] = {key: value for key, value in parameters.items() if key in only}


KNOWN_SETTINGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "TRELLIS_FF": frozenset({"CEMUX", "CLKMUX", "LSRMUX"}),
        "TRELLIS_COMB": frozenset({"WREMUX", "WCKMUX"}),
    }
)
"""Settings of inputs that the models know."""

ONLY_SETTINGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"TRELLIS_IO": frozenset({"DIR"}), "EHXPLLL": frozenset()}
)
"""All settings that the models of these cells know; the others do not matter to them."""

READERS: Mapping[Device, Callable[[Board, LineKind, Path, Path], str]] = MappingProxyType(
    {Device.ICE40: read_ice40, Device.ECP5: read_ecp5, Device.GOWIN: read_gowin}
)
"""Families whose designs can be read back."""

SUBJECTS: Mapping[Device, str] = MappingProxyType(
    {
        Device.ICE40: "bitstream",
        Device.ECP5: "routed netlist",
        Device.GOWIN: "routed netlist",
    }
)
"""What of a family is simulated."""
