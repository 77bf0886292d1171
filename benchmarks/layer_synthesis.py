# SPDX-License-Identifier: Apache-2.0
"""What layers take after synthesis, each alone, kept in a folder so that nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.layer_samples import LayerSample
from xnorflow.bitstreams.synthesis import Utilisation, cell_counts, utilisation
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.emit.verilog import VerilogSources, WeightStorage, component_verilog
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.hw.layers import make_component
from xnorflow.hw.top import TOP_NAME
from xnorflow.toolchain import cache_folder, require_tool

__all__ = ["synthesise_layer", "synthesise_sources"]


def synthesise_layer(sample: LayerSample) -> dict[Device, Utilisation]:
    """Synthesise the component of a layer as designs are, with ports instead of neighbours."""
    component = make_component(sample.node, sample.inputs)
    sources = component_verilog(component, TOP_NAME, WeightStorage.FILES)
    return {device: synthesise_sources(sources, device) for device in Device}


def synthesise_sources(sources: VerilogSources, device: Device) -> Utilisation:
    """Synthesise ``sources``, unless that has been done before by the same Yosys."""
    yosys = require_tool("yosys", "synthesise")
    key = hashlib.sha256()
    script = synthesis_script(device, VERILOG_FILE, TOP_NAME)
    for part in (yosys.version, script, sources.verilog):
        key.update(part.encode())
    for name, text in sources.memories.items():
        key.update(f"{name}\n{text}".encode())
    kept = cache_folder() / "synthesis" / f"{key.hexdigest()}.json"
    if not kept.exists():
        cells = counted_cells(sources, device)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(cells))
    return utilisation(device, yosys, json.loads(kept.read_text()))


def counted_cells(sources: VerilogSources, device: Device) -> Mapping[str, int]:
    """Count of each kind of cell."""
    yosys = require_tool("yosys", "synthesise")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / VERILOG_FILE).write_text(sources.verilog)
        for name, text in sources.memories.items():
            (folder / name).write_text(text)
        return cell_counts(yosys, folder, device)
