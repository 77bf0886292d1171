# SPDX-License-Identifier: Apache-2.0
"""From the emitted Verilog to a shared library that simulates its netlist, by content."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from xnorflow.errors import SimulationError, ToolError
from xnorflow.hw.families import Device, resource_of
from xnorflow.hw.top import LOAD_PORTS
from xnorflow.sim.gates.code import design_code
from xnorflow.sim.gates.mapping import mapping_script, yosys_netlist
from xnorflow.sim.gates.netlist import Netlist
from xnorflow.sim.rtl.cache import ObjectCache, content_key
from xnorflow.sim.rtl.simulator import LIBRARY_SUFFIX, design_files
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["Compiler", "build_netlist_simulator"]

PURPOSE = "simulate netlists"
CLOCK = "aclk"
FLAGS = ("-std=c++14", "-g0", "-DNDEBUG", "-fPIC", "-fvisibility=hidden", "-fno-sanitize=undefined")
NATIVE = "-march=native"
HARNESS = "harness.cc"
HEADERS = ("design.h", "runtime.h")
CLANG = "#define __clang__ 1"


def build_netlist_simulator(
    folder: Path, device: Device | None, layers: Sequence[str], cache: ObjectCache, lanes: int
) -> Path:
    """The shared library that simulates the netlist of the design in ``folder``.

    It is made unless ``cache`` has one that was made from the same files by the same tools for the
    same processor.

    Parameters
    ----------
    folder
        As :func:`xnorflow.hw.emit.write_design` wrote it.
    device
        Family to synthesise for; None for generic gates.
    layers
        Names of the layers, for messages.
    lanes
        Bits of a word: 64, 128, 256 or 512.

    Raises
    ------
    ArtifactError
        If a file of the design is missing.
    SimulationError
        If the netlist has cells that are not supported.
    ToolError
        If Yosys or a C++ compiler is missing, or fails.
    """
    yosys = require_tool("yosys", PURPOSE)
    compiler = Compiler(require_tool("c++", PURPOSE), lanes)
    sources = design_files(folder)
    own = package_files()
    key = content_key(
        [
            *(part for name, content in (sources | own).items() for part in (name, content)),
            mapping_script(device),
            *yosys.command,
            yosys.version,
            *compiler.key,
        ]
    )

    def make(scratch: Path) -> Path:
        for name, content in sources.items():
            (scratch / name).write_bytes(content)
        module, cells = yosys_netlist(yosys, device, scratch)
        if device is not None:
            check_cells(device, cells)
        netlist = Netlist.from_yosys(module, CLOCK, layers)
        code = design_code(netlist, facts_of(netlist, cells), LOAD_PORTS)
        return compiler.library(scratch, code, own[HARNESS], cache)

    return cache.get(f"{key}{LIBRARY_SUFFIX}", make)


def check_cells(device: Device, cells: Iterable[str]) -> None:
    """Refuse cells that the family's table does not know: a model of them may be an empty shell."""
    for cell in cells:
        try:
            resource_of(device, cell)
        except ToolError as error:
            raise SimulationError(
                f"cell {cell!r} of {device} is not supported by the gates engine"
            ) from error


def facts_of(netlist: Netlist, cells: dict[str, int]) -> dict[str, object]:
    """What the library tells of its netlist."""
    return {
        "cells": cells,
        "gates": len(netlist.gates),
        "flip_flops": len(netlist.flip_flops),
        "memory_bits": sum(memory.size * memory.width for memory in netlist.memories),
    }


def package_files() -> dict[str, bytes]:
    """Every file that has a part in what is made, by name."""
    package = files("xnorflow.sim.gates")
    entries = [*package.iterdir(), *(package / "models").iterdir()]
    named = {
        entry.name: entry for entry in entries if entry.name.endswith((".py", ".cc", ".h", ".v"))
    }
    return {name: named[name].read_bytes() for name in sorted(named)}


class Compiler:
    """The C++ compiler, for words of so many lanes on this machine's processor.

    Parameters
    ----------
    tool
        The compiler.
    lanes
        Bits of a word.
    """

    def __init__(self, tool: Tool, lanes: int) -> None:
        self.tool = tool
        probe = ("-dM", "-E", "-x", "c++", os.devnull)
        native = tool.run(NATIVE, *probe)
        processor = (NATIVE,) if native.returncode == 0 else ()
        macros = (native if processor else tool.run(*probe)).stdout
        self.flags = (*FLAGS, *processor, f"-DXNORFLOW_LANES={lanes}")
        # Its statements are loads, one operation and a store: clang has nothing to improve, and
        # needs a tenth of the time for that; GCC keeps what it does not optimise in memory.
        self.design_level = "-O0" if CLANG in macros else "-O1"
        self.key = (*tool.command, tool.version, *self.flags, self.design_level, macros)

    def library(self, scratch: Path, design: str, harness: bytes, cache: ObjectCache) -> Path:
        """A shared library in the folder ``scratch``.

        Parameters
        ----------
        design
            C++ of a netlist, as :func:`~xnorflow.sim.gates.code.design_code` gives it.
        harness
            C++ of what drives its ports, with the functions of the library.
        cache
            Where the compiled harness is kept.

        Raises
        ------
        ToolError
            If the compiler fails.
        """
        own = package_files()
        headers = {name: own[name] for name in HEADERS}

        def compile_harness(folder: Path) -> Path:
            for name, content in (headers | {HARNESS: harness}).items():
                (folder / name).write_bytes(content)
            return self._run(folder, "harness.o", *self.flags, "-O2", "-c", HARNESS)

        name = f"{content_key([*self.key, harness, *headers.values()])}.o"
        compiled = cache.get(name, compile_harness)
        (scratch / "design.cc").write_text(design)
        (scratch / "design.h").write_bytes(headers["design.h"])
        self._run(scratch, "design.o", *self.flags, self.design_level, "-c", "design.cc")
        return self._run(scratch, f"netlist{LIBRARY_SUFFIX}", "-shared", "design.o", str(compiled))

    def _run(self, scratch: Path, output: str, *arguments: str) -> Path:
        result = self.tool.run(*arguments, "-o", output, folder=scratch)
        if result.returncode or not (scratch / output).exists():
            raise ToolError(
                f"the C++ compiler ({self.tool.origin}) cannot compile the netlist: "
                f"{failure_line(result)}"
            )
        return scratch / output
