# SPDX-License-Identifier: Apache-2.0
"""What layers take after synthesis, each alone."""

from __future__ import annotations

from benchmarks.area.netlist import synthesise_sources
from benchmarks.layer_samples import LayerSample
from xnorflow.bitstreams.synthesis import Utilisation
from xnorflow.hw.emit import WeightStorage, component_verilog
from xnorflow.hw.families import Device
from xnorflow.hw.layers import make_component
from xnorflow.hw.top import TOP_NAME

__all__ = ["synthesise_layer"]


def synthesise_layer(sample: LayerSample) -> dict[Device, Utilisation]:
    """Synthesise the component of a layer as designs are, with ports instead of neighbours."""
    component = make_component(sample.node, sample.inputs)
    sources = component_verilog(component, TOP_NAME, WeightStorage.FILES)
    return {device: synthesise_sources(sources, device).utilisation for device in Device}
