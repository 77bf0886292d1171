# SPDX-License-Identifier: Apache-2.0
"""Contenders for a folded layer with weights in block RAM: 256 neurons of 256 1-bit inputs.

All are whole accelerators with AXI4-Stream ports. The netlist of each is proven by the gates engine
against the integer reference.

**To add one**, write a function ``(layer, device, folder)`` that writes the design into ``folder``,
and list it in :data:`CONTENDERS`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.area.circuit import Port
from benchmarks.area.measure import Selection, netlist_row, noted, placed_row
from benchmarks.area.netlist import source_parts, synthesise_sources
from benchmarks.area.plain_mvau import plain_mvau
from benchmarks.area.rows import AreaRow
from benchmarks.area.wrapper import Boundary
from benchmarks.cache import cached
from xnorflow.hw.emit import VERILOG_FILE, VerilogSources, write_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, compile_network
from xnorflow.hw.top import TOP_NAME
from xnorflow.ir import (
    BIPOLAR,
    Dataflow,
    Folding,
    Input,
    MatMul,
    Network,
    RamStyle,
    TensorType,
    Threshold,
    ThresholdTable,
)
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.toolchain import require_tool

__all__ = ["CONTENDERS", "FoldedLayer", "folded_rows"]

SIZE = 256
IMAGES = 512

FOLDINGS: Mapping[Device, Folding] = MappingProxyType({Device.ICE40: Folding(8, 32)})
"""Where it is not 16 neurons of 64 inputs a cycle."""


@dataclass(frozen=True, slots=True)
class FoldedLayer:
    """A layer of random weights and thresholds, and its folding."""

    folding: Folding

    @property
    def subject(self) -> str:
        """Heading in the table."""
        return f"MVAU {SIZE}x{SIZE}, PE {self.folding.pe}, SIMD {self.folding.simd}, block RAM"

    def network(self) -> Network:
        """Its integer form."""
        rng = np.random.default_rng(0)
        weights = rng.choice(np.array([-1, 1], np.int8), (SIZE, SIZE))
        values = rng.integers(-8, 9, (SIZE, 1))
        table = ThresholdTable(values, np.zeros(SIZE, bool), BIPOLAR.min, BIPOLAR)
        return Network(
            (
                Input(name="image", type=TensorType(BIPOLAR, (SIZE,))),
                MatMul(name="fc", inputs=("image",), weights=weights, weight_type=BIPOLAR),
                Threshold(name="act", inputs=("fc",), table=table),
            )
        )

    def dataflow(self, device: Device | None) -> Dataflow:
        """Its hardware; in the cells of ``device`` if one is given."""
        pe, simd = self.folding.pe, self.folding.simd
        plan = FoldingPlan({"image": Folding(simd), "fc": Folding(pe, simd, RamStyle.BLOCK)})
        return compile_network(self.network(), plan, device=device)

    def boundary(self) -> Boundary:
        """Ports of the accelerator."""
        data_in, data_out = (-(-bits // 8) * 8 for bits in (self.folding.simd, self.folding.pe))
        return Boundary(
            TOP_NAME,
            inputs=(
                Port("aresetn", 1),
                Port("s_axis_tdata", data_in),
                Port("s_axis_tvalid", 1),
                Port("m_axis_tready", 1),
            ),
            outputs=(
                Port("s_axis_tready", 1),
                Port("m_axis_tdata", data_out),
                Port("m_axis_tvalid", 1),
                Port("m_axis_tlast", 1),
            ),
            clock="aclk",
        )


def plain_verilog(layer: FoldedLayer, device: Device, folder: Path) -> None:
    """What one writes first: see :func:`~benchmarks.area.plain_mvau.plain_mvau`."""
    portable(layer, device, folder)
    fc, act = layer.network().nodes[1:]
    if not isinstance(fc, MatMul) or not isinstance(act, Threshold):
        raise TypeError("the network is a matrix product and thresholds")
    sources = plain_mvau(fc.weights, act.table.values[:, 0], layer.folding, TOP_NAME)
    for stale in folder.glob("*.mem"):
        stale.unlink()
    for name, text in {VERILOG_FILE: sources.verilog, **sources.memories}.items():
        (folder / name).write_text(text)


def portable(layer: FoldedLayer, device: Device, folder: Path) -> None:
    """Ours in plain Verilog."""
    write_design(layer.dataflow(None), folder)


def in_cells(layer: FoldedLayer, device: Device, folder: Path) -> None:
    """Ours in the family's cells."""
    write_design(layer.dataflow(device), folder)


CONTENDERS: Mapping[str, Callable[[FoldedLayer, Device, Path], None]] = MappingProxyType(
    {
        "plain Verilog": plain_verilog,
        "ours, portable": portable,
        "ours, family's cells": in_cells,
    }
)
"""All contenders, in the order of the table."""


def folded_rows(selection: Selection) -> Iterator[AreaRow]:
    """Rows of all contenders on all families."""
    for device in selection.devices:
        layer = FoldedLayer(FOLDINGS.get(device, Folding(16, 64)))
        for name, write in CONTENDERS.items():
            if selection.wants(name):
                row = AreaRow(device, layer.subject, name)
                yield noted(row, partial(folded_row, row, layer, write, selection.placing))


def folded_row(
    row: AreaRow,
    layer: FoldedLayer,
    write: Callable[[FoldedLayer, Device, Path], None],
    placing: bool,
) -> AreaRow:
    """``row`` with everything that is measured of a contender."""
    device = Device(row.family)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(layer, device, folder)
        memories = {path.name: path.read_text() for path in sorted(folder.glob("*.mem"))}
        sources = VerilogSources((folder / VERILOG_FILE).read_text(), memories)
        yosys = require_tool("yosys", "synthesise")
        parts = (yosys.version, device, *source_parts(sources))
        wrong = cached("proofs", parts, lambda: wrong_images(layer, device, folder))
    if wrong:
        raise AssertionError(
            f"{row.contender} on {device}, {row.subject}: {wrong} of {IMAGES} images are wrong"
        )
    row = netlist_row(row, synthesise_sources(sources, device))
    return noted(row, partial(placed_row, row, sources, layer.boundary())) if placing else row


def wrong_images(layer: FoldedLayer, device: Device, folder: Path) -> int:
    """How many of :data:`IMAGES` random images the netlist of the design gets wrong."""
    images = np.random.default_rng(1).choice([-1, 1], (IMAGES, SIZE))
    want = ReferenceEngine(layer.network()).run(images)
    got = GatesEngine(folder, device).run(images).values
    return int(np.sum(np.any(got.reshape(want.shape) != want, axis=1)))
