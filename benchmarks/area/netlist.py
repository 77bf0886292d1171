# SPDX-License-Identifier: Apache-2.0
"""What Verilog becomes on a family: cells, longest path, and the netlist as plain Verilog."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.area.paths import longest_path
from benchmarks.cache import cached
from xnorflow.bitstreams.synthesis import Utilisation, utilisation
from xnorflow.hw.emit import VERILOG_FILE, VerilogSources
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.hw.top import TOP_NAME
from xnorflow.sim.gates.mapping import MODELS_OF
from xnorflow.toolchain import require_tool
from xnorflow.yosys import run_synthesis

__all__ = ["Netlist", "Proof", "plain_sources", "source_parts", "synthesise_sources", "yosys_json"]

NETLIST_FILE = "netlist.json"
PLAIN_FILE = "netlist.v"

PATHS_VERSION = "paths 1"
"""Part of the key of a cached result: to be counted up where the length of paths is."""

PLAIN = """\
design -stash synthesised
read_verilog -defer {models}
design -copy-from synthesised -as {top} {top}
hierarchy -top {top}
proc
flatten -noscopeinfo
rename -hide
opt_clean -purge
write_verilog -noattr {file}
"""
"""Each cell is replaced by what Yosys' model of it does, so that any simulator reads the result.
Names are short: those that Yosys makes of each other grow to thousands of letters."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a netlist must pass before it is counted.

    Parameters
    ----------
    key
        Stands for everything that the check depends on but the netlist.
    check
        Takes the netlist as plain Verilog; raises if it is wrong.
    """

    key: str
    check: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Netlist:
    """A design after synthesis.

    Parameters
    ----------
    utilisation
        Counts of its cells.
    depth, levels
        As in :class:`~benchmarks.area.paths.PathLength`.
    """

    utilisation: Utilisation
    depth: int
    levels: int


def plain_sources(verilog: str) -> VerilogSources:
    """A Verilog text without memory files."""
    return VerilogSources(verilog, {})


def source_parts(sources: VerilogSources) -> Iterator[str]:
    """Everything that the sources consist of, as parts of the key of a cached result."""
    yield sources.verilog
    for name, text in sources.memories.items():
        yield f"{name}\n{text}"


def synthesise_sources(
    sources: VerilogSources, device: Device, top: str = TOP_NAME, proof: Proof | None = None
) -> Netlist:
    """Synthesise ``sources``, unless that has been done before by the same Yosys.

    Parameters
    ----------
    top
        Name of the top module.
    proof
        What the netlist must pass; for designs without block RAMs, of which Yosys has no models.

    Raises
    ------
    ToolError
        If Yosys is missing, fails or maps wrongly, or the netlist has a loop.
    Exception
        What ``proof`` raises.
    """
    yosys = require_tool("yosys", "synthesise")
    script = synthesis_script(device, VERILOG_FILE, top) + f"write_json {NETLIST_FILE}\n"
    if proof is not None:
        models = MODELS_OF[device].simulation
        script += PLAIN.format(models=models, top=top, file=PLAIN_FILE)
    key = (PATHS_VERSION, yosys.version, script, proof.key if proof else "")
    record = cached(
        "netlists",
        (*key, *source_parts(sources)),
        lambda: measured(sources, device, top, script, proof),
    )
    counts = utilisation(device, yosys, record["cells"])
    return Netlist(counts, record["depth"], record["levels"])


def measured(
    sources: VerilogSources, device: Device, top: str, script: str, proof: Proof | None
) -> dict[str, Any]:
    """What is kept of a netlist that passes ``proof``."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        module = yosys_json(sources, script, folder)["modules"][top]
        if proof is not None:
            proof.check((folder / PLAIN_FILE).read_text())
        path = longest_path(device, module)
        cells = Counter(cell["type"] for cell in module["cells"].values())
        return {"cells": cells, "depth": path.depth, "levels": path.levels}


def yosys_json(sources: VerilogSources, script: str, folder: Path) -> dict[str, Any]:
    """The netlist that ``script`` makes of ``sources`` in ``folder``, in :data:`NETLIST_FILE`."""
    yosys = require_tool("yosys", "synthesise")
    (folder / VERILOG_FILE).write_text(sources.verilog)
    for name, text in sources.memories.items():
        (folder / name).write_text(text)
    commands, netlist = folder / "synth.ys", folder / NETLIST_FILE
    commands.write_text(script)
    run_synthesis(yosys, commands, folder, netlist, Path(VERILOG_FILE))
    document: dict[str, Any] = json.loads(netlist.read_text())
    return document
