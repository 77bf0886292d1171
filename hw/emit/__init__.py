# SPDX-License-Identifier: Apache-2.0
"""From the dataflow graph to Verilog and memory files."""

from xnorflow.hw.emit.design import VERILOG_FILE, design_sources, write_design
from xnorflow.hw.emit.verilog import VerilogSources, WeightStorage, component_verilog

__all__ = [
    "VERILOG_FILE",
    "VerilogSources",
    "WeightStorage",
    "component_verilog",
    "design_sources",
    "write_design",
]
