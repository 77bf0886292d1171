# SPDX-License-Identifier: Apache-2.0
"""The SPRAMs that ``icebox_vlog`` leaves out of the Verilog that it makes of a bitstream."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeAlias

from xnorflow.errors import ToolError
from xnorflow.toolchain import Tool, failure_line

__all__ = ["Pins", "sprams_in", "with_sprams"]

Place: TypeAlias = tuple[int, int, str]
"""Column and row of a tile, and a wire in it."""

Pins: TypeAlias = Mapping[str, Place]
"""Where the pins of an SPRAM are, by their names: ``ADDRESS_0`` ... ``WREN``."""

WIDTHS = {"ADDRESS": 14, "DATAIN": 16, "DATAOUT": 16, "MASKWREN": 4}
SCALARS = ("CHIPSELECT", "CLOCK", "POWEROFF", "SLEEP", "STANDBY", "WREN")
"""Pins of the cell."""

NET = re.compile(r"^(?:wire|reg) ([^ ;]+)")
SEGMENT = re.compile(r"^// \((\d+), (\d+), '([^']+)'\)$")
PROGRAM = "icebox_sprams.py"


def sprams_in(file: Path, icebox_vlog: Tool) -> list[Pins]:
    """The SPRAMs that a configuration turns on.

    Parameters
    ----------
    file
        The configuration, as ``iceunpack`` writes it.
    icebox_vlog
        The tool, beside which IceStorm's ``icebox`` is.

    Raises
    ------
    ToolError
        If ``icebox`` is not there, or cannot read the file.
    """
    folder = Path(icebox_vlog.origin).resolve().parent
    with as_file(files("xnorflow.readback") / PROGRAM) as program:
        told = subprocess.run(
            [sys.executable, str(program), str(folder), str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
    if told.returncode:
        raise ToolError(f"icebox in {folder} cannot read the bitstream: {failure_line(told)}")
    return [{pin: (x, y, name) for pin, (x, y, name) in p.items()} for p in json.loads(told.stdout)]


def with_sprams(verilog: str, sprams: Sequence[Pins]) -> str:
    """``verilog`` with instances of ``SB_SPRAM256KA``.

    Parameters
    ----------
    verilog
        As ``icebox_vlog`` writes it: after each net come, as comments, the wires that it consists
        of.
    sprams
        The SPRAMs.
    """
    nets = nets_in(verilog)
    cells = "".join(instance(f"spram_{n}", pins, nets) for n, pins in enumerate(sprams))
    body, end, rest = verilog.rpartition("\nendmodule\n")
    return f"{body}\n{cells}{end}{rest}"


def nets_in(verilog: str) -> dict[Place, str]:
    """The net of each wire."""
    nets: dict[Place, str] = {}
    net = ""
    for line in verilog.splitlines():
        if named := NET.match(line):
            net = named[1]
        elif at := SEGMENT.match(line):
            nets[int(at[1]), int(at[2]), at[3]] = net
    return nets


def instance(name: str, pins: Pins, nets: Mapping[Place, str]) -> str:
    """One SPRAM; inputs that no wire leads to are 0."""

    def net(pin: str) -> str:
        return nets.get(pins[pin], "" if pin.startswith("DATAOUT") else "1'b0")

    ports = [f".{pin}({net(pin)})" for pin in SCALARS]
    wires = []
    for port, width in WIDTHS.items():
        bits = [net(f"{port}_{bit}") for bit in reversed(range(width))]
        wires += [f"{name}_{port}_{width - 1 - n}" for n, bit in enumerate(bits) if not bit]
        named = (bit or f"{name}_{port}_{width - 1 - n}" for n, bit in enumerate(bits))
        ports.append(f".{port}({{{', '.join(named)}}})")
    declared = f"wire {', '.join(wires)};\n" if wires else ""
    return f"{declared}SB_SPRAM256KA {name} ({', '.join(ports)});\n"
