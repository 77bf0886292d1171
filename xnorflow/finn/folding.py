# SPDX-License-Identifier: Apache-2.0
"""Our folding as FINN's: the names that FINN gives its layers, and its keys for each.

Facts about FINN are from its sources (``transformation/fpgadataflow/specialize_layers.py``,
``set_folding.py``, ``custom_op/fpgadataflow``) and were compared with what it does.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from xnorflow.hw.passes.rewrite import consumer, layers_of
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    Dataflow,
    Fork,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PadUnit,
    PoolKind,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    StreamInput,
    ThermometerUnit,
    Thresholding,
    WidthConverter,
    divisors,
    smallest_type,
)

__all__ = ["FinnFolding", "FinnLayer", "finn_folding"]

MOST_STEPS = 1024
"""Vitis HLS takes an MVAU of at most so many beats for a vector (``SIMD >= MW / 1024``)."""

WIDEST_STREAM_BITS = 8191
"""Widest ``ap_uint`` of Vitis HLS; a wider stream of weights is refused."""

WINDOWS = "ConvolutionInputGenerator_rtl"
"""FINN's sliding-window unit."""

RTL_BITS = 4
"""FINN takes its RTL for MVAUs whose inputs and weights have so many bits each, or more."""


@dataclass(frozen=True, slots=True)
class FinnLayer:
    """A layer of FINN and its folding.

    Parameters
    ----------
    name
        As FINN names it: ``MVAU_hls_0``.
    layer
        Name of our layer that does the same.
    keys
        Its folding under FINN's keys.
    """

    name: str
    layer: str
    keys: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FinnFolding:
    """Folding of a design for FINN.

    Parameters
    ----------
    layers
        In the order of the graph.
    changes
        Where FINN has another folding than the design, a sentence each.
    """

    layers: tuple[FinnLayer, ...]
    changes: tuple[str, ...]

    def to_json(self) -> str:
        """The content of FINN's folding file."""
        rows: dict[str, dict[str, Any]] = {"Defaults": {}}
        rows |= {layer.name: dict(layer.keys) for layer in self.layers}
        lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


@dataclass(frozen=True, slots=True)
class Translated:
    """A layer of FINN before it has its number: its kind, its keys, and what changed."""

    kind: str
    keys: dict[str, Any]
    changes: tuple[str, ...] = ()


def finn_folding(dataflow: Dataflow) -> FinnFolding:
    """The folding of ``dataflow`` for FINN.

    Parameters
    ----------
    dataflow
        A folded graph as :class:`~xnorflow.hw.passes.Fold` gives it: without FIFOs.
    """
    counts: Counter[str] = Counter()
    layers: list[FinnLayer] = []
    changes: list[str] = []
    for layer in layers_of(dataflow):
        if isinstance(layer, StreamInput | WidthConverter):
            continue
        translate = TRANSLATIONS.get(type(layer))
        if translate is None:
            changes.append(
                f"layer {layer.name!r} ({layer.mnemonic}) keeps the folding that FINN gives it"
            )
            continue
        for translated in translate(layer, dataflow):
            name = f"{translated.kind}_{counts[translated.kind]}"
            counts[translated.kind] += 1
            layers.append(FinnLayer(name, layer.name, translated.keys))
            changes += (f"layer {layer.name!r}: {change}" for change in translated.changes)
    return FinnFolding(tuple(layers), tuple(changes))


def mvau(layer: MVAU, dataflow: Dataflow) -> Iterator[Translated]:
    """An MVAU: ``PE`` divides ``MH`` and ``SIMD`` divides ``MW``, as here."""
    kind = "MVAU_rtl" if is_rtl(layer, dataflow) else "MVAU_hls"
    pe, simd = layer.folding.pe, layer.folding.simd
    changes = []
    if kind == "MVAU_hls" and layer.mw // simd > MOST_STEPS:
        least = next(d for d in divisors(layer.mw) if layer.mw // d <= MOST_STEPS)
        changes.append(f"SIMD is {least}, not {simd}: Vitis HLS wants SIMD >= MW / {MOST_STEPS}")
        simd = least
    keys: dict[str, Any] = {"PE": pe, "SIMD": simd}
    bits = pe * simd * layer.weight_type.width_bits
    if kind == "MVAU_hls" and bits > WIDEST_STREAM_BITS:
        keys["mem_mode"] = "internal_embedded"
        changes.append(
            f"weights are inside the unit (mem_mode internal_embedded): {bits} bits a cycle are "
            f"more than the {WIDEST_STREAM_BITS} of a stream"
        )
    elif layer.folding.ram_style is not RamStyle.AUTO:
        keys["ram_style"] = layer.folding.ram_style.value
    yield Translated(kind, keys, tuple(changes))
    yield from signs(layer, pe)


def signs(layer: MVAU | VVAU, pe: int) -> Iterator[Translated]:
    """The layers that FINN needs for thresholds of a neuron that counts down."""
    if layer.table is not None and layer.table.descending.any():
        change = "FINN multiplies by -1 and has thresholds in layers of their own: some count down"
        yield Translated("ElementwiseMul_hls", {"PE": pe}, (change,))
        yield Translated("Thresholding_rtl", {"PE": pe})


def is_rtl(layer: MVAU, dataflow: Dataflow) -> bool:
    """Whether FINN has RTL for ``layer`` on Zynq-7000: wide signed weights, and no thresholds.

    Weights have the narrowest type that holds them; there, none of them may be its least value.
    """
    low, high = int(layer.weights.min()), int(layer.weights.max())
    weights, inputs = smallest_type(low, high), dataflow.input_types(layer)[0].element
    narrow = min(inputs.width_bits, weights.width_bits)
    return layer.table is None and narrow >= RTL_BITS and weights.signed and low > weights.min


def vvau(layer: VVAU, dataflow: Dataflow) -> Iterator[Translated]:
    """A VVAU: ``PE`` divides channels; ``SIMD``, of the window, only where all channels come."""
    pe, simd, changes = window_folding(layer)
    keys: dict[str, Any] = {"PE": pe, "SIMD": simd}
    if layer.folding.ram_style is not RamStyle.AUTO:
        keys["ram_style"] = layer.folding.ram_style.value
    yield Translated("VVAU_hls", keys, changes)
    yield from signs(layer, pe)


def pool(layer: PoolUnit, dataflow: Dataflow) -> Iterator[Translated]:
    """A pool: ``PE`` divides channels; there is no ``SIMD``."""
    pe, _, changes = window_folding(layer)
    yield Translated("Pool_hls", {"PE": pe}, changes)


def window_folding(layer: VVAU | PoolUnit) -> tuple[int, int, tuple[str, ...]]:
    """``PE`` and ``SIMD`` of a layer that reads windows of single channels, and what changed.

    FINN takes several pixels of a window at a time in a VVAU that has all channels in parallel,
    else one; then more channels make up for it.
    """
    pe, simd = layer.folding.pe, layer.folding.simd
    if simd == 1 or (isinstance(layer, VVAU) and pe == layer.channels):
        return pe, simd, ()
    wider = next((d for d in divisors(layer.channels) if d >= pe * simd), layer.channels)
    change = f"PE is {wider} and SIMD 1, not {pe} and {simd}: FINN takes windows pixel by pixel"
    return wider, 1, (change,)


def global_pool(layer: GlobalPoolUnit, dataflow: Dataflow) -> Iterator[Translated]:
    """A pool over the whole image: an accumulator, or for a maximum windows and a pool."""
    lanes = dataflow.input_types(layer)[0].lanes
    if layer.kind is PoolKind.SUM:
        yield Translated("GlobalAccPool_hls", {"PE": lanes})
    else:
        yield Translated(WINDOWS, {"SIMD": lanes, "parallel_window": 0})
        yield Translated("Pool_hls", {"PE": lanes})


def thresholding(layer: Thresholding, dataflow: Dataflow) -> Iterator[Translated]:
    """Thresholds: ``PE`` divides channels."""
    yield Translated("Thresholding_rtl", {"PE": layer.folding.pe})


def label_select(layer: LabelSelect, dataflow: Dataflow) -> Iterator[Translated]:
    """A label select: ``PE`` divides classes."""
    yield Translated("LabelSelect_hls", {"PE": dataflow.input_types(layer)[0].lanes})


def thermometer(layer: ThermometerUnit, dataflow: Dataflow) -> Iterator[Translated]:
    """A thermometer, which is a product for FINN: all levels of as many channels as here."""
    stream = dataflow.input_types(layer)[0]
    keys = {"PE": stream.lanes * len(layer.levels), "SIMD": stream.channels}
    yield Translated("MVAU_hls", keys)


def add(layer: AddUnit, dataflow: Dataflow) -> Iterator[Translated]:
    """A sum of branches: ``PE`` divides channels."""
    yield Translated("ElementwiseAdd_hls", {"PE": dataflow.input_types(layer)[0].lanes})


def fork(layer: Fork, dataflow: Dataflow) -> Iterator[Translated]:
    """A stream for several readers: ``PE`` divides channels."""
    yield Translated("DuplicateStreams_hls", {"PE": dataflow.types[layer.name].lanes})


def padding(layer: PadUnit, dataflow: Dataflow) -> Iterator[Translated]:
    """Padding: ``SIMD`` divides channels."""
    yield Translated("FMPadding_rtl", {"SIMD": channels_of(layer, dataflow)})


def channels_of(layer: PadUnit | SlidingWindow, dataflow: Dataflow) -> int:
    """Channels of one pixel in a beat of what ``layer`` gives."""
    return math.gcd(dataflow.types[layer.name].lanes, layer.shape[2])


def windows(layer: SlidingWindow, dataflow: Dataflow) -> Iterator[Translated]:
    """Windows: ``SIMD`` divides channels; a beat is of all pixels of a window, or of one."""
    reader, _ = consumer(layer, 0, dataflow)
    if isinstance(reader, MVAU):
        yield windows_of_mvau(layer, reader, dataflow)
    elif isinstance(reader, VVAU | PoolUnit):
        pe, simd, _ = window_folding(reader)
        yield Translated(WINDOWS, {"SIMD": pe, "parallel_window": int(simd > 1)})


def windows_of_mvau(layer: SlidingWindow, reader: MVAU, dataflow: Dataflow) -> Translated:
    """As many channels of a pixel as our windows have, or more where ours have several pixels."""
    channels, taps, most = channels_of(layer, dataflow), layer.taps_per_beat, layer.shape[2]
    if taps == layer.window.taps and channels == most:
        return Translated(WINDOWS, {"SIMD": channels, "parallel_window": 1})
    enough = most * layer.window.taps / (reader.sf * reader.nf)
    simd = channels
    if taps > 1:
        simd = next((d for d in divisors(most) if d >= max(channels, enough)), most)
    changes: tuple[str, ...] = ()
    if simd < enough:
        changes = (f"FINN gives one pixel a cycle, not {taps}, so {reader.name!r} has to wait",)
    return Translated(WINDOWS, {"SIMD": simd, "parallel_window": 0}, changes)


TRANSLATIONS: Mapping[type[Layer], Callable[[Any, Dataflow], Iterator[Translated]]] = (
    MappingProxyType(
        {
            MVAU: mvau,
            VVAU: vvau,
            PoolUnit: pool,
            GlobalPoolUnit: global_pool,
            Thresholding: thresholding,
            LabelSelect: label_select,
            ThermometerUnit: thermometer,
            AddUnit: add,
            Fork: fork,
            PadUnit: padding,
            SlidingWindow: windows,
        }
    )
)
"""What translates each kind of layer; all others have the folding that FINN gives them."""
