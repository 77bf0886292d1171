# SPDX-License-Identifier: Apache-2.0
"""The foldings that a layer may take to keep a frame interval, and roughly what they cost.

Register bits, by this rough count:

- a PE of an MVAU: two accumulators (one adds up, one is being compared), one without activation;
- a stream of n lanes: three beats (a FIFO of two, and a register at its end);
- windows of several taps a beat: what a beat holds, and, unless all taps come at once, a copy of
  the line buffer for each tap, a bit of which counts as :data:`MEMORY_BIT_SHARE` of a register;
- a converter: its control, two beats at its output, and one beat of the wider side where one
  side's lanes divide the other's, else two of both, which stand for the multiplexers it needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

from xnorflow.hw.passes.folding import lanes_into, window_unit
from xnorflow.ir import (
    MVAU,
    VVAU,
    ConcatUnit,
    Dataflow,
    Folding,
    LabelSelect,
    Layer,
    PadUnit,
    PoolUnit,
    StreamType,
    ThermometerUnit,
    Thresholding,
    UpsampleUnit,
    accumulator_range,
    divisors,
    smallest_type,
)

__all__ = ["Choice", "choices_of", "converter_bits", "fullest_folding", "least_divisor"]

CONVERTER_CONTROL_BITS = 16
"""Counters and flags of a width converter, about."""

MEMORY_BIT_SHARE = 1 / 16
"""Cost of a bit of line buffer in bits of registers, about: a LUT holds 16 to 64 of them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A folding that a layer may take.

    Parameters
    ----------
    folding
        The folding.
    lanes_in, lanes_out
        Lanes of the streams that it takes and gives.
    element_bits
        Bits of an element that it takes.
    register_bits
        Estimate of its registers.
    """

    folding: Folding
    lanes_in: int
    lanes_out: int
    element_bits: int
    register_bits: int


def choices_of(layer: Layer, dataflow: Dataflow, interval_cycles: int) -> list[Choice]:
    """The foldings of ``layer`` with the least ``pe * simd`` that meet the interval.

    Parameters
    ----------
    layer
        A layer that is folded, but no input.
    dataflow
        The graph, least folded.
    interval_cycles
        Cycles between frames; no less than the fully parallel layer takes.
    """
    fitting = [
        folding
        for folding in foldings(layer, dataflow)
        if cycles(layer, folding, dataflow) <= interval_cycles
    ]
    least = min(folding.pe * folding.simd for folding in fitting)
    return [
        choice_of(layer, folding, dataflow)
        for folding in fitting
        if folding.pe * folding.simd == least
    ]


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


def cycles(layer: Layer, folding: Folding, dataflow: Dataflow) -> int:
    """Cycles a frame of ``layer`` and of the units that make padding and windows for it."""
    source, result = dataflow.input_types(layer)[0], dataflow.types[layer.name]
    lanes = lanes_into(layer, folding, dataflow)
    windows = window_unit(layer, dataflow)
    image = dataflow.types[windows.inputs[0]] if windows else source
    match layer:
        case MVAU() | VVAU() | PoolUnit():
            outer, inner = extent(layer, dataflow)
            own = result.vectors * (outer // folding.pe) * (inner // folding.simd)
        case UpsampleUnit() | ConcatUnit() | PadUnit():
            own = result.size // lanes
        case _:
            own = 0
    return max(own, image.size // lanes)


def choice_of(layer: Layer, folding: Folding, dataflow: Dataflow) -> Choice:
    """``folding`` of ``layer`` with its estimate."""
    source = dataflow.input_types(layer)[0]
    lanes = lanes_into(layer, folding, dataflow)
    out = lanes * len(layer.levels) if isinstance(layer, ThermometerUnit) else folding.pe
    bits = 3 * lanes * source.element.width_bits * len(layer.inputs)
    bits += accumulator_bits(layer, folding, source) + window_bits(layer, folding, dataflow)
    return Choice(folding, lanes, out, source.element.width_bits, bits)


def accumulator_bits(layer: Layer, folding: Folding, source: StreamType) -> int:
    """Accumulators of an MVAU or VVAU."""
    if not isinstance(layer, MVAU | VVAU):
        return 0
    width = smallest_type(*accumulator_range(layer.weights, source.element)).width_bits
    return folding.pe * width * (1 if layer.table is None else 2)


def window_bits(layer: Layer, folding: Folding, dataflow: Dataflow) -> int:
    """What several taps a beat cost before ``layer``."""
    windows = window_unit(layer, dataflow)
    if windows is None:
        return 0
    lanes = lanes_into(layer, folding, dataflow)
    taps = folding.simd // lanes if isinstance(layer, MVAU) else folding.simd
    element_bits = dataflow.types[windows.name].element.width_bits
    copies = 0 if taps == windows.window.taps else taps - 1
    memory_bits = copies * windows.depth_pixels * windows.shape[2] * element_bits
    return (taps - 1) * lanes * element_bits + math.ceil(memory_bits * MEMORY_BIT_SHARE)


def converter_bits(lanes_in: int, lanes_out: int, element_bits: int) -> int:
    """Estimate of the registers of a width converter."""
    if lanes_in == lanes_out:
        return 0
    wide, narrow = max(lanes_in, lanes_out), min(lanes_in, lanes_out)
    collected = wide if wide % narrow == 0 else 2 * (wide + narrow)
    return CONVERTER_CONTROL_BITS + element_bits * (collected + 2 * lanes_out)
