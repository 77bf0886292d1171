# SPDX-License-Identifier: Apache-2.0
"""The cheapest folding that meets a frame interval.

What a layer costs is foremost ``pe * simd``, its operations a cycle, and the layers are
independent in that. Which of the foldings with the least product a layer takes is decided for
all layers together: the one with the fewest bits of registers, by this rough count:

- a PE of an MVAU: two accumulators (one adds up, one is being compared), one without activation;
- a stream of n lanes: three beats (a FIFO of two, and a register at its end);
- a converter: its control, two beats at its output, and one beat of the wider side where one
  side's lanes divide the other's, else two of both, which stand for the multiplexers it needs.

So SIMD is preferred over PE until input beats get wide, which bounds the width of streams, and
neighbours come out with equal or simply related lanes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xnorflow.errors import FoldingError
from xnorflow.hw.passes.folding import FoldingPlan
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import (
    MVAU,
    Dataflow,
    Folding,
    Layer,
    Network,
    StreamType,
    Thresholding,
    accumulator_range,
    divisors,
    smallest_type,
)

__all__ = ["default_plan", "plan_for_interval", "plan_for_target"]

DEFAULT_INTERVAL_CYCLES = 1024
"""Frame interval of the default plan for a small network."""

DEFAULT_OPERATIONS = 1024
"""Operations a cycle that the default plan does not exceed by much in a large network."""

CONVERTER_CONTROL_BITS = 16
"""Counters and flags of a width converter, about."""


def default_plan(network: Network) -> FoldingPlan:
    """A balanced plan of moderate size, for a start.

    The frame interval is :data:`DEFAULT_INTERVAL_CYCLES`, or what :data:`DEFAULT_OPERATIONS`
    operations a cycle need if that is more.
    """
    layers = layers_of(Fuse().apply(network))
    operations = sum(layer.mh * layer.mw for layer in layers if isinstance(layer, MVAU))
    interval = max(DEFAULT_INTERVAL_CYCLES, -(-operations // DEFAULT_OPERATIONS))
    return plan_for_interval(network, max(interval, least_interval(Fuse().apply(network))[0]))


def plan_for_target(network: Network, target_fps: float, clock_mhz: float) -> FoldingPlan:
    """The cheapest plan that gives ``target_fps`` frames a second at ``clock_mhz``.

    Raises
    ------
    FoldingError
        If a target is not positive, or even the fully parallel network is too slow; says which
        layer bounds it, and the best reachable rate.
    """
    for name, value in (("target_fps", target_fps), ("clock_mhz", clock_mhz)):
        if not (value > 0 and math.isfinite(value)):
            raise FoldingError(f"{name} must be positive, not {value:g}")
    interval = int(clock_mhz * 1e6 / target_fps * (1 + 1e-12))
    least, slowest = least_interval(Fuse().apply(network))
    if interval < least:
        raise FoldingError(
            f"{target_fps:g} frames/s at {clock_mhz:g} MHz is out of reach: fully parallel, layer "
            f"{slowest!r} takes {least} cycle(s) a frame; the best reachable is "
            f"{clock_mhz * 1e6 / least:g} frames/s"
        )
    return plan_for_interval(network, interval)


def least_interval(dataflow: Dataflow) -> tuple[int, str]:
    """Frame interval with every layer fully parallel, and the first layer that needs it."""
    vectors = {name: stream.vectors for name, stream in dataflow.types.items()}
    slowest = max(vectors, key=vectors.__getitem__)
    return vectors[slowest], slowest


def plan_for_interval(network: Network, interval_cycles: int) -> FoldingPlan:
    """The cheapest plan with a frame interval of at most ``interval_cycles``.

    Raises
    ------
    FoldingError
        If a layer takes longer even when fully parallel.
    """
    dataflow = Fuse().apply(network)
    least, slowest = least_interval(dataflow)
    if interval_cycles < least:
        raise FoldingError(
            f"a frame interval must be at least {least} cycle(s), which layer {slowest!r} takes "
            f"fully parallel, not {interval_cycles}"
        )
    source, *layers = layers_of(dataflow)
    folded = [layer for layer in layers if isinstance(layer, MVAU | Thresholding)]
    choices = [choices_of(layer, dataflow, interval_cycles) for layer in folded]
    picked = cheapest_chain(choices)
    plan = {layer.name: choice.folding for layer, choice in zip(folded, picked, strict=True)}
    stream = dataflow.types[source.name]
    lanes = picked[0].lanes_in if picked else least_divisor(stream.channels, interval_cycles)
    return with_ends(plan, lanes, dataflow)


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
    """The foldings of ``layer`` with the least ``pe * simd`` that meet the interval."""
    (source,) = dataflow.input_types(layer)
    cycles = interval_cycles // source.vectors
    if isinstance(layer, Thresholding):
        lanes = least_divisor(layer.channels, cycles)
        bits = source.element.width_bits
        return [Choice(Folding(lanes), lanes, lanes, bits, 3 * lanes * bits)]
    assert isinstance(layer, MVAU)
    pairs = least_pairs(layer.mh, layer.mw, cycles)
    return [mvau_choice(layer, source, pe, simd) for pe, simd in pairs]


def least_divisor(channels: int, cycles: int) -> int:
    """Fewest lanes in which ``channels`` pass within ``cycles``."""
    return next(lanes for lanes in divisors(channels) if channels // lanes <= cycles)


def least_pairs(mh: int, mw: int, cycles: int) -> list[tuple[int, int]]:
    """All ``(pe, simd)`` of the least product with ``(mh / pe) * (mw / simd) <= cycles``.

    Examples
    --------
    >>> least_pairs(mh=12, mw=12, cycles=36)
    [(1, 4), (2, 2), (4, 1)]
    """
    fitting = [
        (pe, simd)
        for pe in divisors(mh)
        for simd in divisors(mw)
        if (mh // pe) * (mw // simd) <= cycles
    ]
    least = min(pe * simd for pe, simd in fitting)
    return [(pe, simd) for pe, simd in fitting if pe * simd == least]


def mvau_choice(layer: MVAU, source: StreamType, pe: int, simd: int) -> Choice:
    """The choice of ``pe`` and ``simd`` for an MVAU, with its estimate."""
    accumulator = smallest_type(*accumulator_range(layer.weights, source.element)).width_bits
    element_bits = source.element.width_bits
    accumulators = pe * accumulator * (1 if layer.table is None else 2)
    return Choice(Folding(pe, simd), simd, pe, element_bits, accumulators + 3 * simd * element_bits)


def converter_bits(lanes_in: int, lanes_out: int, element_bits: int) -> int:
    """Estimate of the registers of a width converter."""
    if lanes_in == lanes_out:
        return 0
    wide, narrow = max(lanes_in, lanes_out), min(lanes_in, lanes_out)
    collected = wide if wide % narrow == 0 else 2 * (wide + narrow)
    return CONVERTER_CONTROL_BITS + element_bits * (collected + 2 * lanes_out)


def cheapest_chain(choices: list[list[Choice]]) -> list[Choice]:
    """One choice for each layer, with the fewest register bits over layers and converters."""
    paths: list[tuple[int, list[Choice]]] = [(0, [])]
    for options in choices:
        paths = [min((extended(path, option) for path in paths), key=cost) for option in options]
    return min(paths, key=cost)[1]


def extended(path: tuple[int, list[Choice]], option: Choice) -> tuple[int, list[Choice]]:
    """``path`` with one more layer."""
    bits, chain = path
    if chain:
        bits += converter_bits(chain[-1].lanes_out, option.lanes_in, option.element_bits)
    return bits + option.register_bits, [*chain, option]


def cost(path: tuple[int, list[Choice]]) -> int:
    """Register bits of ``path``."""
    return path[0]


def with_ends(plan: dict[str, Folding], lanes: int, dataflow: Dataflow) -> FoldingPlan:
    """``plan`` with the input in ``lanes`` lanes, and a label select that takes what comes."""
    whole: dict[str, Folding] = {}
    for layer in layers_of(dataflow):
        whole[layer.name] = plan.get(layer.name, Folding(pe=lanes))
        lanes = whole[layer.name].pe
    return FoldingPlan(whole)
