# SPDX-License-Identifier: Apache-2.0
"""What a design takes and gives, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xnorflow.hw.estimate.cycles import frame_interval, layer_timing
from xnorflow.hw.estimate.fifo_storage import FifoStorage, fifo_storage
from xnorflow.hw.estimate.memory import LayerMemory, layer_memory
from xnorflow.hw.estimate.resources import Resources, design_resources, layer_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes.folding import FoldedLayer
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import Dataflow, Fifo, Layer, Thresholding

__all__ = ["DesignReport", "LayerReport", "design_report"]


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer.

    Parameters
    ----------
    name, kind
        Name of the layer and mnemonic of its kind.
    pe, simd
        Folding; None for layers that are not folded.
    lanes
        Lanes of its output.
    cycles
        Cycles a frame.
    memory
        Bits of its memories.
    resources
        What it takes of an FPGA family; None if none was asked for.
    depth_beats
        Of a FIFO: beats that it holds.
    storage
        Of a FIFO: what it becomes on that family.
    """

    name: str
    kind: str
    pe: int | None
    simd: int | None
    lanes: int
    cycles: int
    memory: LayerMemory
    resources: Resources | None = None
    depth_beats: int | None = None
    storage: FifoStorage | None = None

    def to_document(self) -> dict[str, Any]:
        """The row as JSON values."""
        document = asdict(self)
        del document["resources"]
        for name in ("depth_beats", "storage"):
            if document[name] is None:
                del document[name]
        return document | resource_document(self.resources)


@dataclass(frozen=True, slots=True)
class DesignReport:
    """All layers and the rate of the whole.

    Parameters
    ----------
    layers
        In the order of the graph.
    interval_cycles
        Cycles between frames (``ii_frame``).
    slowest
        Name of the first layer that takes so long.
    clock_mhz
        Clock assumed for the rate.
    device
        FPGA family that resources are estimated for, or None.
    resources
        What the whole takes of it: all layers and the top level.
    """

    layers: tuple[LayerReport, ...]
    interval_cycles: int
    slowest: str
    clock_mhz: float
    device: Device | None = None
    resources: Resources | None = None

    @property
    def throughput_fps(self) -> float:
        """Frames a second."""
        return self.clock_mhz * 1e6 / self.interval_cycles

    @property
    def memory(self) -> LayerMemory:
        """Bits of memory of all layers."""
        parts = [layer.memory for layer in self.layers]
        return LayerMemory(
            weight_bits=sum(part.weight_bits for part in parts),
            threshold_bits=sum(part.threshold_bits for part in parts),
            buffer_bits=sum(part.buffer_bits for part in parts),
        )

    def to_document(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "clock_mhz": self.clock_mhz,
            "interval_cycles": self.interval_cycles,
            "throughput_fps": self.throughput_fps,
            "slowest": self.slowest,
            "memory": asdict(self.memory),
            **({"device": self.device.value} if self.device else {}),
            **resource_document(self.resources),
            "layers": [layer.to_document() for layer in self.layers],
        }

    def __str__(self) -> str:
        counts = () if self.device is None else RESOURCE_HEADINGS[: self._counts]
        headings = (*HEADINGS, *counts, FIFO_HEADING)
        rows = [headings, *(cells(layer, self._counts) for layer in self.layers)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            " ".join(cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False))
            + "".join(f" {cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True))
            for row in rows
        ]
        return "\n".join([*(line.rstrip() for line in lines), "", self.summary])

    @property
    def _counts(self) -> int:
        """Counts that are shown: that of SPRAMs only if there are any."""
        has_sprams = self.resources is not None and self.resources.sprams
        return len(RESOURCE_HEADINGS) - (0 if has_sprams else 1)

    @property
    def summary(self) -> str:
        """The rate in one line; what it takes in another one."""
        rate = (
            f"{self.interval_cycles} cycles a frame (layer {self.slowest}): "
            f"{self.throughput_fps:,.0f} frames/s at {self.clock_mhz:g} MHz; "
            f"{self.memory.total_bits:,} bits of memory"
        )
        if self.resources is None:
            return rate
        counts = zip(resource_counts(self.resources), RESOURCE_HEADINGS, strict=True)
        listed = ", ".join(f"{count:,} {name}" for count, name in counts if count)
        return f"{rate}\nabout {listed or 'nothing'} on {self.device} (estimated)"


HEADINGS = ("layer", "kind", "pe", "simd", "lanes", "cycles", "weights", "thresholds", "buffers")


FIFO_HEADING = "beats"
"""Heading of the depths of FIFOs."""

RESOURCE_HEADINGS = ("LUT", "FF", "BRAM", "DSP", "SPRAM")


def resource_counts(resources: Resources) -> tuple[int, ...]:
    """The counts under :data:`RESOURCE_HEADINGS`."""
    return (
        round(resources.luts),
        round(resources.flip_flops),
        round(resources.block_rams),
        round(resources.dsps),
        round(resources.sprams),
    )


def resource_document(resources: Resources | None) -> dict[str, dict[str, int]]:
    """The counts as an entry of a JSON object, if there are any."""
    if resources is None:
        return {}
    names = ("luts", "flip_flops", "block_rams", "dsps", "sprams")
    return {"resources": dict(zip(names, resource_counts(resources), strict=True))}


def cells(layer: LayerReport, shown: int) -> tuple[str, ...]:
    """A row of the printed report, with so many counts of resources; zeros are left out."""
    counts: Sequence[int | None] = (
        layer.pe,
        layer.simd,
        layer.lanes,
        layer.cycles,
        layer.memory.weight_bits,
        layer.memory.threshold_bits,
        layer.memory.buffer_bits,
        *(() if layer.resources is None else resource_counts(layer.resources)[:shown]),
    )
    numbers = (f"{count:,}" if count else "" for count in counts)
    return (layer.name, layer.kind, *numbers, fifo_cell(layer))


def fifo_cell(layer: LayerReport) -> str:
    """Depth of a FIFO, and what it is kept in where that is known."""
    if layer.depth_beats is None:
        return ""
    kept = f" in {layer.storage}" if layer.storage else ""
    return f"{layer.depth_beats:,}{kept}"


def design_report(
    dataflow: Dataflow, clock_mhz: float, device: Device | None = None
) -> DesignReport:
    """The report on ``dataflow`` at a clock of ``clock_mhz``, with resources of ``device``."""
    layers = tuple(layer_report(layer, dataflow, device) for layer in layers_of(dataflow))
    interval = frame_interval(dataflow)
    slowest = next(layer.name for layer in layers if layer.cycles == interval)
    resources = None if device is None else design_resources(dataflow, device)
    return DesignReport(layers, interval, slowest, clock_mhz, device, resources)


def layer_report(layer: Layer, dataflow: Dataflow, device: Device | None = None) -> LayerReport:
    """The report on one layer."""
    inputs, result = dataflow.input_types(layer), dataflow.types[layer.name]
    folding = layer.folding if isinstance(layer, FoldedLayer) else None
    fifo = layer if isinstance(layer, Fifo) else None
    return LayerReport(
        name=layer.name,
        kind=layer.mnemonic,
        pe=folding.pe if folding else None,
        simd=folding.simd if folding and not isinstance(layer, Thresholding) else None,
        lanes=result.lanes,
        cycles=layer_timing(layer, inputs).ii_frame,
        memory=layer_memory(layer, inputs),
        resources=None if device is None else layer_resources(layer, inputs, device),
        depth_beats=fifo.depth_beats if fifo else None,
        storage=fifo_storage(fifo, inputs[0], device) if fifo and device else None,
    )
