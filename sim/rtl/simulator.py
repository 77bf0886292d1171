# SPDX-License-Identifier: Apache-2.0
"""From the emitted Verilog to a shared library: Yosys' CXXRTL, then a C++ compiler."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from xnorflow.errors import ArtifactError, ToolError
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.top import TOP_NAME, tap_names
from xnorflow.sim.rtl.cache import ObjectCache, content_key
from xnorflow.sim.rtl.concatenations import tabulated
from xnorflow.sim.rtl.generated import faster
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["build_simulator"]

DESIGN = "design.cc"
HARNESS = "harness.cc"
TAPS = "taps.inc"
REWRITING = ("generated.py", "concatenations.py")
PURPOSE = "simulate Verilog"

READ = """\
read_verilog -formal {verilog}
hierarchy -check -top {top}
expose {taps}
"""
"""Of modules that are cells of an FPGA family the plain body is read, since ``-formal`` does not
define ``SYNTHESIS``. Taps become ports, which no optimisation removes and which cost an assignment
each."""

FAST = """\
proc
flatten -noscopeinfo
wreduce
opt_clean
splitnets -driver
opt_clean
setattr -unset src */* */*:*
write_cxxrtl -O6 -g0 design.cc
"""
"""Wires whose bits have different drivers are split, so that nothing looks like a loop: a cycle
then takes one evaluation instead of several. Operators as narrow as can be (wreduce) make it half
as fast again."""

WITH_WAVES = """\
rename -hide */w:_*_ */w:*$*
write_cxxrtl -O6 -g4 design.cc
"""
"""Every wire keeps its name and place; the nameless ones that Yosys made are left out."""

COMPILER_FLAGS = (
    "-std=c++14",
    "-O2",
    "-g0",
    "-DNDEBUG",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-sanitize=undefined",
    "-Wno-invalid-offsetof",
    "-shared",
)
LIBRARY_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def build_simulator(
    folder: Path,
    nodes: Sequence[str],
    cache: ObjectCache,
    *,
    loads: bool = False,
    waves: bool = False,
) -> Path:
    """The shared library that simulates the design in ``folder``.

    It is made unless ``cache`` has one that was made from the same files by the same tools.

    Parameters
    ----------
    folder
        As :func:`xnorflow.hw.emit.write_design` wrote it.
    nodes
        Names of the dataflow graph's nodes, whose streams are tapped, in order.
    loads
        Whether the design has weights to load.
    waves
        Whether it can write the signals to a VCD file; such a library runs at a tenth of the speed.

    Raises
    ------
    ArtifactError
        If a file of the design is missing, or one of the taps.
    ToolError
        If Yosys or a C++ compiler is missing, or fails.
    """
    yosys = require_tool("yosys", PURPOSE)
    compiler = require_tool("c++", PURPOSE)
    script = script_text(nodes, waves=waves)
    sources = design_files(folder)
    key = simulator_key(yosys, compiler, sources, (script, package_text(HARNESS)))

    def make(scratch: Path) -> Path:
        (scratch / TAPS).write_text("".join(f"TAP({mangled(node)})\n" for node in nodes))
        modes = {"XNORFLOW_WAVES": waves, "XNORFLOW_WEIGHTS": loads}
        defines = (*(name for name, on in modes.items() if on), f'XNORFLOW_TAPS="{TAPS}"')
        translate(yosys, sources, script, scratch)
        if not waves:
            rewrite(scratch)
        return compile_harness(yosys, compiler, package_text(HARNESS), defines, scratch)

    return cache.get(f"{key}{LIBRARY_SUFFIX}", make)


def simulator_key(
    yosys: Tool, compiler: Tool, sources: Mapping[str, bytes], texts: Iterable[str]
) -> str:
    """A hash of all that a compiled simulator is made from: sources, other texts, and tools."""
    return content_key(
        [
            *(part for name, content in sources.items() for part in (name, content)),
            *texts,
            *(package_text(name) for name in REWRITING),
            *COMPILER_FLAGS,
            *yosys.command,
            yosys.version,
            *compiler.command,
            compiler.version,
        ]
    )


def design_files(folder: Path) -> dict[str, bytes]:
    """The design's Verilog and memory files by name."""
    verilog = folder / VERILOG_FILE
    if not verilog.exists():
        raise ArtifactError(f"{verilog} is missing: {folder} holds no emitted design")
    return {path.name: path.read_bytes() for path in (verilog, *sorted(folder.glob("*.mem")))}


def script_text(nodes: Sequence[str], *, waves: bool) -> str:
    """The Yosys script."""
    taps = " ".join(f"{TOP_NAME}/w:{wire}" for node in nodes for wire in tap_names(node))
    read = READ.format(verilog=VERILOG_FILE, top=TOP_NAME, taps=taps)
    return read + (WITH_WAVES if waves else FAST)


def package_text(name: str) -> str:
    """A file of this package."""
    return (files("xnorflow.sim.rtl") / name).read_text()


def translate(yosys: Tool, sources: Mapping[str, bytes], script: str, scratch: Path) -> None:
    """Translate the design into ``design.cc``; its files are ``sources``, the Verilog first."""
    for name, content in sources.items():
        (scratch / name).write_bytes(content)
    (scratch / "design.ys").write_text(script)
    result = yosys.run("design.ys", folder=scratch)
    if result.returncode or not (scratch / DESIGN).exists():
        raise ToolError(f"Yosys cannot translate {next(iter(sources))}: {failure_line(result)}")


def rewrite(scratch: Path) -> None:
    """Make ``design.cc`` compile and run faster."""
    design = scratch / DESIGN
    design.write_text(tabulated(faster(design.read_text())))


def compile_harness(
    yosys: Tool, compiler: Tool, harness: str, defines: Sequence[str], scratch: Path
) -> Path:
    """Compile ``design.cc`` with the text of a harness that includes it; gives the library."""
    (scratch / HARNESS).write_text(harness)
    library = scratch / f"simulator{LIBRARY_SUFFIX}"
    result = compiler.run(
        *COMPILER_FLAGS,
        *(f"-D{define}" for define in (*defines, f'XNORFLOW_DESIGN="{DESIGN}"')),
        f"-I{runtime_headers(yosys)}",
        HARNESS,
        "-o",
        library.name,
        folder=scratch,
    )
    if result.returncode or not library.exists():
        raise ToolError(
            f"the C++ compiler ({compiler.origin}) cannot compile the simulator: "
            f"{failure_line(result)}"
        )
    return library


def mangled(node: str) -> str:
    """``node`` as part of a C++ name that CXXRTL makes."""
    return node.replace("_", "__")


def runtime_headers(yosys: Tool) -> Path:
    """Folder of CXXRTL's run-time headers."""
    if yosys.data is None:
        raise ToolError(f"the Yosys at {yosys.origin} came without CXXRTL's headers")
    return yosys.data / "include" / "backends" / "cxxrtl" / "runtime"
