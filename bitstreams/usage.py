# SPDX-License-Identifier: Apache-2.0
"""What a design takes of an FPGA, and which layers take it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from xnorflow.bitstreams.layer_names import OUTSIDE, LayerNames
from xnorflow.errors import ToolError
from xnorflow.hw.families import Device, resource_of

__all__ = ["RESOURCES", "Usage", "cells_by_layer", "usage_in_log", "usage_in_report"]

LOG_LINE = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)

RESOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ICESTORM_LC": ("logic cells", "LUT"),
        "ICESTORM_RAM": ("block RAMs", "BRAM"),
        "ICESTORM_DSP": ("DSPs", "DSP"),
        "ICESTORM_SPRAM": ("SPRAMs", "SPRAM"),
        "TRELLIS_COMB": ("LUTs", "LUT"),
        "TRELLIS_FF": ("flip-flops", "FF"),
        "DP16KD": ("block RAMs", "BRAM"),
        "MULT18X18D": ("DSPs", "DSP"),
        "LUT4": ("LUTs", "LUT"),
        "ALU": ("carry cells", "LUT"),
        "DFF": ("flip-flops", "FF"),
        "BSRAM": ("block RAMs", "BRAM"),
        "TRELLIS_RAMW": ("LUT RAMs", ""),
        "RAM16SDP4": ("LUT RAMs", ""),
        "ICESTORM_PLL": ("PLLs", ""),
        "EHXPLLL": ("PLLs", ""),
        "rPLL": ("PLLs", ""),
        "SB_GB": ("global buffers", ""),
        "DCCA": ("global buffers", ""),
        "BUFG": ("global buffers", ""),
        "SB_IO": ("pins", ""),
        "TRELLIS_IO": ("pins", ""),
        "IOB": ("pins", ""),
    }
)
"""What a person calls nextpnr's kinds of cells, and the resource of
:data:`~xnorflow.hw.families.FAMILIES` that takes them, if any."""


EVERYWHERE = ("GND", "VCC", "GSR")
"""Cells that nextpnr counts in every design: the constants, and the global reset."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one kind of cell is used.

    Parameters
    ----------
    cell
        Nextpnr's name of the kind.
    used, available
        Numbers.
    """

    cell: str
    used: int
    available: int

    @property
    def title(self) -> str:
        """What a person calls it."""
        return RESOURCES[self.cell][0] if self.cell in RESOURCES else self.cell

    @property
    def resource(self) -> str:
        """The resource of the family's table that takes it, or "" ."""
        return RESOURCES[self.cell][1] if self.cell in RESOURCES else ""

    @property
    def excess(self) -> int:
        """How many are too many."""
        return max(0, self.used - self.available)


def usage_in_report(report: Mapping[str, Any]) -> tuple[Usage, ...]:
    """The used kinds of cells in nextpnr's JSON report."""
    counts = report["utilization"].items()
    return shown([Usage(cell, count["used"], count["available"]) for cell, count in counts])


def usage_in_log(log: str) -> tuple[Usage, ...]:
    """The same from nextpnr's log, which is all there is if a design does not fit."""
    last = {cell: (int(used), int(most)) for cell, used, most in LOG_LINE.findall(log)}
    return shown([Usage(cell, *counts) for cell, counts in last.items()])


def shown(usages: list[Usage]) -> tuple[Usage, ...]:
    """Kinds that are used and are not there for every design; those with a common name first."""
    order = list(RESOURCES)
    used = [usage for usage in usages if usage.used and usage.cell not in EVERYWHERE]
    return tuple(
        sorted(used, key=lambda u: (order.index(u.cell) if u.cell in order else 99, u.cell))
    )


def cells_by_layer(
    netlist: Mapping[str, Any], top: str, device: Device, layers: LayerNames
) -> dict[str, dict[str, int]]:
    """Count of each resource in each layer, after synthesis.

    Parameters
    ----------
    netlist
        Yosys' JSON.
    top
        Name of its module.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, cell in netlist["modules"][top]["cells"].items():
        layer = layers.of_cell(name)
        resource, each = resource_in(device, cell["type"], layer)
        if resource:
            counts[layer][resource] += each
    return {layer: dict(sorted(count.items())) for layer, count in sorted(counts.items())}


def resource_in(device: Device, cell: str, layer: str) -> tuple[str, int]:
    """What a cell takes; outside of layers there are others that count for nothing: PLL, pins."""
    try:
        return resource_of(device, cell)
    except ToolError:
        if layer == OUTSIDE:
            return "", 0
        raise
