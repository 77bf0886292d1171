# SPDX-License-Identifier: Apache-2.0
"""The folder that describes an accelerator to every tool that follows."""

from __future__ import annotations

from pathlib import Path

from xnorflow.hw.emit.verilator import waiver_file
from xnorflow.hw.emit.verilog import VerilogSources, WeightStorage, component_verilog
from xnorflow.hw.passes import plan_of
from xnorflow.hw.top import TOP_NAME, Accelerator, tap_names
from xnorflow.hw.weight_loading import LOAD_FILE, load_file_text, loaded_layers
from xnorflow.ir import Dataflow, save_graph

__all__ = ["VERILOG_FILE", "design_sources", "write_design"]

VERILOG_FILE = f"{TOP_NAME}.v"
"""Name of the Verilog file."""


def design_sources(
    dataflow: Dataflow, *, weights: WeightStorage = WeightStorage.FILES
) -> VerilogSources:
    """Verilog and memory files of the accelerator for ``dataflow``.

    The Verilog starts with the graph as a comment. Equal graphs give equal text.
    """
    taps = [wire for node in dataflow.types for wire in tap_names(node)]
    sources = component_verilog(Accelerator(dataflow), TOP_NAME, weights, keep=taps)
    return VerilogSources(header(dataflow) + sources.verilog, sources.memories)


def header(dataflow: Dataflow) -> str:
    """The comment at the top of the Verilog."""
    return "".join(f"// {line}\n" for line in str(dataflow).splitlines()) + "\n"


def write_design(
    dataflow: Dataflow, folder: Path, *, weights: WeightStorage = WeightStorage.FILES
) -> None:
    """Write the accelerator for ``dataflow`` into the existing ``folder``.

    ==============================  ======================================================
    ``accelerator.v``               all modules; the top module is ``accelerator``
    ``NAME_weights.mem``, ...       contents of its memories, which it reads by
                                    ``$readmemh`` from the folder in which the tool runs
    ``weights.mem``                 what ``s_axis_weights`` wants after reset, word by word, if
                                    there are weights in SPRAM
    ``dataflow.json, tensors.npz``  the graph
    ``folding.json``                its folding plan, to edit
    ``verilator.vlt``               lint messages to expect, with reasons
    ==============================  ======================================================

    Parameters
    ----------
    dataflow
        The graph.
    folder
        Where the files go.
    weights
        Whether contents of memories go into files beside the Verilog or into it. Large ones are
        read back much faster from files.
    """
    sources = design_sources(dataflow, weights=weights)
    (folder / VERILOG_FILE).write_text(sources.verilog)
    for name, text in sources.memories.items():
        (folder / name).write_text(text)
    save_graph(dataflow, folder)
    if loaded_layers(dataflow):
        (folder / LOAD_FILE).write_text(load_file_text(dataflow))
    (folder / "folding.json").write_text(plan_of(dataflow).to_json())
    (folder / "verilator.vlt").write_text(waiver_file())
