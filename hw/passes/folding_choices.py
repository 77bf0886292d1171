# SPDX-License-Identifier: Apache-2.0
"""The foldings that a layer may take, and what each one costs on an FPGA family.

The cost is an estimate in LUTs (:mod:`xnorflow.hw.estimate.resources`): those of the layer itself,
of the units that make padding and windows for it, and of the FIFOs before it. Between neighbours
whose lanes differ a width converter comes on top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import cast

from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.resources import Resources, layer_resources, rough_resources
from xnorflow.hw.families import Device
from xnorflow.hw.layers.weight_memory import is_loaded
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.passes.fold import folded
from xnorflow.hw.passes.folding import FoldedLayer, lanes_into, window_unit
from xnorflow.hw.passes.insert_fifos import LEAST_FIFO_DEPTH
from xnorflow.hw.passes.rewrite import is_feeder
from xnorflow.hw.passes.skip_tiles import has_zeros, skipping
from xnorflow.hw.passes.unroll import unrolled
from xnorflow.hw.passes.use_cells import in_cells
from xnorflow.ir import (
    MVAU,
    VVAU,
    ConcatUnit,
    Dataflow,
    DataType,
    Fifo,
    Folding,
    LabelSelect,
    Layer,
    PadUnit,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    SparseMVAU,
    StreamType,
    ThermometerUnit,
    Thresholding,
    UnrolledMVAU,
    UpsampleUnit,
    WidthConverter,
    divisors,
)

__all__ = ["Choice", "FoldingCosts", "Prices", "fullest_folding", "least_divisor"]

BLOCK_RAM_SHARE: Mapping[Device, int] = MappingProxyType(
    {Device.ICE40: 240, Device.ECP5: 430, Device.GOWIN: 330, Device.XC7: 210}
)
"""LUTs for each block RAM on HX8K, LFE5U-25F, GW1NR-9 and XC7A35T (there for 18 Kbit)."""

LUTS_PER_DSP = 400
"""What a DSP block counts, in LUTs; an 8-bit multiplier takes about a third."""

LUTS_PER_FLIP_FLOP = 0.125
"""What a flip-flop counts: most find a place behind a LUT that is taken anyway."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What counts how much in the search for the cheapest design, in LUTs.

    Parameters
    ----------
    block_ram
        Of a block RAM.
    spram
        Of an SPRAM; None where there is none, and all weights are elsewhere.
    """

    block_ram: float = 20.0
    spram: float | None = None

    @classmethod
    def scarce_memory(cls, device: Device) -> Prices:
        """A block RAM counts as many LUTs as ``device`` has for each."""
        return cls(block_ram=BLOCK_RAM_SHARE[device])

    def cost(self, resources: Resources) -> float:
        """``resources`` in LUTs."""
        return (
            resources.luts
            + LUTS_PER_FLIP_FLOP * resources.flip_flops
            + self.block_ram * resources.block_rams
            + LUTS_PER_DSP * resources.dsps
            + (self.spram or 0.0) * resources.sprams
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A folding that a layer may take.

    Parameters
    ----------
    folding
        The folding.
    lanes_in, lanes_out
        Lanes of the streams that it takes and gives.
    element
        Type of an element that it takes.
    cycles
        Cycles a frame.
    cost
        In LUTs, without converters.
    """

    folding: Folding
    lanes_in: int
    lanes_out: int
    element: DataType
    cycles: int
    cost: float


@dataclass(slots=True)
class FoldingCosts:
    """Costs on one family of all foldings of all layers; each is computed once.

    Parameters
    ----------
    dataflow
        The graph, least folded.
    device
        The family.
    prices
        What counts how much.
    dense
        Whether no layer skips tiles of zeros.
    cells
        Whether layers are built of the family's cells.
    """

    dataflow: Dataflow
    device: Device
    prices: Prices = field(default_factory=Prices)
    dense: bool = False
    cells: bool = False
    _choices: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    _joints: dict[tuple[DataType, int, int], float] = field(default_factory=dict)

    def choices(self, name: str) -> tuple[Choice, ...]:
        """All foldings of the layer called ``name``, which is no input, the cheapest first."""
        if name not in self._choices:
            layer = cast(Layer, self.dataflow.node(name))
            choices = (self._choice(layer, f) for f in foldings(layer, self.dataflow))
            self._choices[name] = tuple(sorted(choices, key=lambda choice: choice.cost))
        return self._choices[name]

    def joint(self, lanes_out: int, lanes_in: int, element: DataType) -> float:
        """Cost of a width converter, 0 where none is needed."""
        if lanes_out == lanes_in:
            return 0.0
        key = (element, lanes_out, lanes_in)
        if key not in self._joints:
            source = StreamType(element, math.lcm(lanes_out, lanes_in), lanes_out)
            converter = WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=lanes_in)
            self._joints[key] = self._cost(converter, source)
        return self._joints[key]

    def _choice(self, layer: Layer, folding: Folding) -> Choice:
        lanes = lanes_into(layer, folding, self.dataflow)
        out = lanes * len(layer.levels) if isinstance(layer, ThermometerUnit) else folding.pe
        feeding, sources = self._feeding(layer, folding, lanes)
        node = self._folded(layer, folding, sources)
        sparse = isinstance(node, SparseMVAU)
        vector_cycles = layer_timing(node, sources).ii_vector if sparse else None
        return Choice(
            folding,
            lanes,
            out,
            self.dataflow.input_types(layer)[0].element,
            cycles(layer, folding, self.dataflow, vector_cycles),
            feeding + min(self._cost(place, *sources) for place in self._places(node)),
        )

    def _places(self, node: Layer) -> list[Layer]:
        """``node``, and the same with its weights in SPRAM if they may be there."""
        if self.prices.spram is None or not isinstance(node, MVAU | VVAU):
            return [node]
        folding = replace(node.folding, ram_style=RamStyle.SPRAM)
        loaded = replace(node, folding=folding)
        return [node, loaded] if is_loaded(loaded) else [node]

    def _folded(self, layer: Layer, folding: Folding, sources: tuple[StreamType, ...]) -> Layer:
        """``layer`` as the passes make it."""
        node = self._skipping(layer, folding, sources)
        node = unrolled(node, sources, self.device if self.cells else None)
        return in_cells(node, sources, self.device) if self.cells else node

    def _skipping(self, layer: Layer, folding: Folding, sources: tuple[StreamType, ...]) -> Layer:
        """``layer`` folded; only where zeros are skipped does their place matter."""
        if not isinstance(layer, FoldedLayer):
            return layer
        if self.dense or not has_zeros(layer):
            return replace(layer, folding=folding)
        return skipping(folded(layer, folding, self.dataflow), sources)

    def _feeding(
        self, layer: Layer, folding: Folding, lanes: int
    ) -> tuple[float, tuple[StreamType, ...]]:
        """Cost of all that stands between ``layer`` and its converters; what ``layer`` reads."""
        cost, sources = 0.0, []
        for edge in layer.inputs:
            feeders = feeders_of(edge, self.dataflow)
            first = feeders[0] if feeders else layer
            stream = self.dataflow.input_types(first)[0 if feeders else layer.inputs.index(edge)]
            stream = with_lanes(stream, lanes)
            fifo = Fifo(name="fifo", inputs=("x",), edge="x", depth_beats=LEAST_FIFO_DEPTH)
            cost += self._cost(fifo, stream)
            for feeder in feeders:
                if isinstance(feeder, SlidingWindow):
                    feeder = folded_windows(feeder, layer, folding, lanes)
                cost += self._cost(feeder, stream)
                stream = feeder.infer((stream,))
            sources.append(stream)
        return cost, tuple(sources)

    def _cost(self, node: Layer, *sources: StreamType) -> float:
        if isinstance(node, UnrolledMVAU):
            return self.prices.cost(rough_resources(node, sources[0], self.device))
        return self.prices.cost(layer_resources(node, sources, self.device))


def feeders_of(edge: str, dataflow: Dataflow) -> list[Layer]:
    """The units that make padding and windows on the way that ends with ``edge``, in order."""
    layer = cast(Layer, dataflow.node(edge))
    feeders: list[Layer] = []
    while is_feeder(layer):
        feeders.insert(0, layer)
        layer = cast(Layer, dataflow.node(layer.inputs[0]))
    return feeders


def with_lanes(stream: StreamType, lanes: int) -> StreamType:
    """``stream`` in beats of ``lanes``; as one vector, where its own have no such beats."""
    if stream.channels % lanes == 0:
        return replace(stream, lanes=lanes)
    return replace(stream, channels=stream.size, vectors=1, lanes=lanes)


def folded_windows(
    windows: SlidingWindow, layer: Layer, folding: Folding, lanes: int
) -> SlidingWindow:
    """``windows`` as :class:`~xnorflow.hw.passes.fold.Fold` makes them for ``layer``."""
    taps = folding.simd // lanes if isinstance(layer, MVAU) else folding.simd
    order = WindowSchedule(
        windows.shape[:2], windows.window, windows.shape[2] // lanes, taps, windows.depthwise
    )
    return replace(windows, taps_per_beat=taps, depth_pixels=order.gapless_depth_pixels)


def foldings(layer: Layer, dataflow: Dataflow) -> list[Folding]:
    """All foldings of ``layer``."""
    outer, inner = extent(layer, dataflow)
    return [Folding(pe, simd) for pe in divisors(outer) for simd in divisors(inner)]


def extent(layer: Layer, dataflow: Dataflow) -> tuple[int, int]:
    """Largest ``pe`` and ``simd`` of ``layer``."""
    match layer:
        case MVAU():
            return layer.mh, layer.mw
        case VVAU() | PoolUnit():
            return layer.channels, layer.taps
        case Thresholding():
            return layer.channels, 1
        case LabelSelect():
            return dataflow.input_types(layer)[0].size, 1
        case _:
            return reduce(math.gcd, (s.channels for s in dataflow.input_types(layer))), 1


def fullest_folding(layer: Layer, dataflow: Dataflow) -> Folding:
    """The folding of ``layer`` with nothing one after the other but vectors."""
    return max(foldings(layer, dataflow), key=lambda folding: folding.pe * folding.simd)


def least_divisor(channels: int, cycles: int) -> int:
    """Fewest lanes in which ``channels`` pass within ``cycles``."""
    return next(lanes for lanes in divisors(channels) if channels // lanes <= cycles)


def cycles(
    layer: Layer, folding: Folding, dataflow: Dataflow, vector_cycles: int | None = None
) -> int:
    """Cycles a frame of ``layer`` and of the units that make padding and windows for it.

    Parameters
    ----------
    vector_cycles
        Cycles that ``layer`` takes for a vector, if they do not follow from its folding alone.
    """
    source, result = dataflow.input_types(layer)[0], dataflow.types[layer.name]
    lanes = lanes_into(layer, folding, dataflow)
    windows = window_unit(layer, dataflow)
    image = dataflow.types[windows.inputs[0]] if windows else source
    match layer:
        case MVAU() | VVAU() | PoolUnit():
            outer, inner = extent(layer, dataflow)
            own = result.vectors * (
                vector_cycles or (outer // folding.pe) * (inner // folding.simd)
            )
        case UpsampleUnit() | ConcatUnit() | PadUnit():
            own = result.size // lanes
        case _:
            own = 0
    return max(own, image.size // lanes)
