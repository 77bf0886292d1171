# SPDX-License-Identifier: Apache-2.0
"""The cheapest folding that meets a frame interval.

What a layer costs is foremost ``pe * simd``, its operations a cycle, and the layers are
independent in that. Which of the foldings with the least product a layer takes is decided for
all layers together: those with the fewest bits of registers, of the layers and of the converters
between them (:mod:`~xnorflow.hw.passes.folding_choices`). So SIMD is preferred over PE until input
beats get wide, which bounds the width of streams, and neighbours come out with equal or simply
related lanes. Along a chain of layers the choice is the best one; where a network forks, chain
after chain is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from xnorflow.errors import FoldingError
from xnorflow.hw.passes.folding import FoldingPlan, is_folded
from xnorflow.hw.passes.folding_choices import (
    Choice,
    choices_of,
    converter_bits,
    cycles,
    fullest_folding,
    least_divisor,
)
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.rewrite import folded_readers, layers_of
from xnorflow.ir import (
    MVAU,
    VVAU,
    Dataflow,
    Folding,
    LabelSelect,
    Layer,
    Network,
)

__all__ = ["default_plan", "plan_for_interval", "plan_for_target"]

DEFAULT_INTERVAL_CYCLES = 1024
"""Frame interval of the default plan for a small network."""

DEFAULT_OPERATIONS = 1024
"""Operations a cycle that the default plan does not exceed by much in a large network."""


def default_plan(network: Network) -> FoldingPlan:
    """A balanced plan of moderate size, for a start.

    The frame interval is :data:`DEFAULT_INTERVAL_CYCLES`, or what :data:`DEFAULT_OPERATIONS`
    operations a cycle need if that is more.
    """
    dataflow = Fuse().apply(network)
    operations = sum(
        layer.weights.size * dataflow.types[layer.name].vectors
        for layer in layers_of(dataflow)
        if isinstance(layer, MVAU | VVAU)
    )
    interval = max(DEFAULT_INTERVAL_CYCLES, -(-operations // DEFAULT_OPERATIONS))
    return plan_for_interval(network, max(interval, least_interval(dataflow)[0]))


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
    source, *layers = (layer for layer in layers_of(dataflow) if is_folded(layer))
    needs = {source.name: dataflow.types[source.name].vectors} | {
        layer.name: cycles(layer, fullest_folding(layer, dataflow), dataflow) for layer in layers
    }
    slowest = max(needs, key=needs.__getitem__)
    return needs[slowest], slowest


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
    links = links_of(dataflow)
    choices = {
        name: choices_of(cast(Layer, dataflow.node(name)), dataflow, interval_cycles)
        for name in links
    }
    picked: dict[str, Choice] = {}
    for chain in chains_of(links):
        picked |= cheapest_chain(chain, choices, links, picked)
    return with_ends(picked, dataflow, interval_cycles)


Links = dict[str, tuple[str, ...]]
"""Of each layer whose folding is to be chosen, in topological order, the ones that feed it."""


def links_of(dataflow: Dataflow) -> Links:
    """Who feeds whom, past everything that takes the lanes that come."""
    layers = [layer for layer in layers_of(dataflow)[1:] if is_folded(layer)]
    chosen = [layer.name for layer in layers if not isinstance(layer, LabelSelect)]
    links: Links = dict.fromkeys(chosen, ())
    for maker in chosen:
        for reader in folded_readers(maker, dataflow):
            if reader in links:
                links[reader] = (*links[reader], maker)
    return links


def chains_of(links: Links) -> list[list[str]]:
    """All layers in chains: each one goes on with the first reader that is in none yet."""
    chains: list[list[str]] = []
    placed: set[str] = set()
    for start in links:
        if start in placed:
            continue
        chain = [start]
        placed.add(start)
        while following := [n for n in links if chain[-1] in links[n] and n not in placed]:
            chain.append(following[0])
            placed.add(following[0])
        chains.append(chain)
    return chains


@dataclass(frozen=True, slots=True)
class Path:
    """A choice for each layer of the first part of a chain, and what they cost."""

    cost_bits: int
    choices: Mapping[str, Choice]


def cheapest_chain(
    chain: list[str],
    choices: Mapping[str, list[Choice]],
    links: Links,
    picked: Mapping[str, Choice],
) -> dict[str, Choice]:
    """The choices for ``chain`` with the fewest register bits over layers and converters.

    Parameters
    ----------
    chain
        Layers, each of which feeds the next.
    choices
        What there is to choose from for each layer.
    links
        Who feeds whom.
    picked
        What is chosen already, of other chains.
    """
    paths = [Path(0, {})]
    for name in chain:
        paths = [
            min(
                (extended(path, name, option, links, picked) for path in paths),
                key=lambda path: path.cost_bits,
            )
            for option in choices[name]
        ]
    return dict(min(paths, key=lambda path: path.cost_bits).choices)


def extended(
    path: Path, name: str, option: Choice, links: Links, picked: Mapping[str, Choice]
) -> Path:
    """``path`` with one more layer."""
    known = {**picked, **path.choices}
    bits = path.cost_bits + option.register_bits + joints(name, option, links, known)
    return Path(bits, {**path.choices, name: option})


def joints(name: str, option: Choice, links: Links, known: Mapping[str, Choice]) -> int:
    """Bits of the converters between ``name``, folded by ``option``, and its known neighbours."""
    bits = sum(
        converter_bits(known[maker].lanes_out, option.lanes_in, option.element_bits)
        for maker in links[name]
        if maker in known
    )
    return bits + sum(
        converter_bits(option.lanes_out, choice.lanes_in, choice.element_bits)
        for reader, choice in known.items()
        if name in links[reader]
    )


def with_ends(
    picked: Mapping[str, Choice], dataflow: Dataflow, interval_cycles: int
) -> FoldingPlan:
    """The whole plan: the input has the lanes of a reader, a label select takes what comes."""
    source, *layers = (layer for layer in layers_of(dataflow) if is_folded(layer))
    stream = dataflow.types[source.name]
    readers = folded_readers(source.name, dataflow)
    wanted = [picked[name].lanes_in for name in readers if name in picked]
    lanes = next(
        (lanes for lanes in wanted if stream.channels % lanes == 0),
        least_divisor(stream.channels, interval_cycles // stream.vectors),
    )
    plan = {source.name: Folding(pe=lanes)}
    given = {source.name: lanes} | {name: choice.lanes_out for name, choice in picked.items()}
    for layer in layers:
        if layer.name in picked:
            plan[layer.name] = picked[layer.name].folding
        else:
            makers = [name for name in given if layer.name in folded_readers(name, dataflow)]
            plan[layer.name] = Folding(pe=given[makers[0]])
    return FoldingPlan(plan)
