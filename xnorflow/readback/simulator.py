# SPDX-License-Identifier: Apache-2.0
"""From a bitstream to a shared library that simulates boards with it, one in each lane."""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from xnorflow.bitstreams.boards import Board
from xnorflow.errors import ToolError
from xnorflow.hw.link import LineKind
from xnorflow.readback.configured import CONFIGURED_NAME, prepare_reading
from xnorflow.sim.gates.build import Compiler, package_files
from xnorflow.sim.gates.code import design_code
from xnorflow.sim.gates.mapping import dissolving_script, read_netlist
from xnorflow.sim.gates.netlist import Netlist
from xnorflow.sim.rtl.cache import ObjectCache, content_key
from xnorflow.sim.rtl.simulator import LIBRARY_SUFFIX
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["build_board_simulator", "lanes_for", "wired_library"]

CLOCK = "clk_pin"
HARNESS = "harness.cc"
LANES = (64, 128, 256, 512)
PURPOSE = "simulate bitstreams"


def lanes_for(images: int) -> int:
    """Number of boards to simulate at once, for so many images."""
    return next((lanes for lanes in LANES if lanes >= images), LANES[-1])


def build_board_simulator(
    board: Board, link: LineKind, source: Path, lanes: int, cache: ObjectCache
) -> Path:
    """The shared library that simulates the FPGA of ``board`` with the bitstream in ``source``.

    It is made unless ``cache`` has one that was made from the same files by the same tools for the
    same processor.

    Parameters
    ----------
    link
        The line to the host.
    lanes
        Number of boards: 64, 128, 256 or 512.

    Raises
    ------
    SimulationError
        If the design has cells that are not described.
    ToolError
        If a tool is missing or fails, or the bitstream cannot be read back.
    """
    yosys = require_tool("yosys", PURPOSE)
    compiler = Compiler(require_tool("c++", PURPOSE), lanes)
    with tempfile.TemporaryDirectory(prefix="xnorflow-") as folder:
        scratch = Path(folder)
        script = prepare_reading(board, link, source, scratch) + dissolving_script(CONFIGURED_NAME)
        inputs = {path.name: path.read_bytes() for path in sorted(scratch.iterdir())}
        inputs.pop("read.bin", None)  # of which another input tells all
        key = content_key(
            [
                *(part for item in (inputs | package_files()).items() for part in item),
                *(script, harness_code(link), *yosys.command, yosys.version, *compiler.key),
            ]
        )

        def make(making: Path) -> Path:
            return wired_library(compiler, netlist_of(yosys, script, scratch), link, making, cache)

        return cache.get(f"{key}{LIBRARY_SUFFIX}", make)


def netlist_of(yosys: Tool, script: str, scratch: Path) -> Netlist:
    """The netlist that ``script`` makes of what is in ``scratch``."""
    (scratch / "design.ys").write_text(script)
    result = yosys.run("design.ys", folder=scratch)
    if result.returncode:
        raise ToolError(f"Yosys cannot translate the bitstream: {failure_line(result)}")
    return Netlist.from_yosys(read_netlist(scratch, CONFIGURED_NAME), CLOCK, ())


def harness_code(link: LineKind) -> bytes:
    """The C++ of what drives the pins."""
    package = files("xnorflow.readback")
    return (package / f"{link}_lines.h").read_bytes() + b"\n" + (package / HARNESS).read_bytes()


def wired_library(
    compiler: Compiler, netlist: Netlist, link: LineKind, scratch: Path, cache: ObjectCache
) -> Path:
    """A shared library, made in the folder ``scratch``, of boards with a netlist.

    Parameters
    ----------
    netlist
        With the pins of ``link``: ``rx_pin`` and ``tx_pin``, or ``sck_pin``, ``cs_n_pin``,
        ``copi_pin`` and ``cipo_pin``.

    Raises
    ------
    ToolError
        If the compiler fails.
    """
    return compiler.library(scratch, design_code(netlist, {}), harness_code(link), cache)
