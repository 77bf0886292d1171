# SPDX-License-Identifier: Apache-2.0
"""The cheapest folding that meets a frame interval.

Every folding of every layer has a cost on an FPGA family, and so has every width converter
(:mod:`~xnorflow.hw.passes.folding_choices`). The plan is the one with the least sum over layers and
converters, of all in which every layer keeps the interval. Along a chain of layers it is found
exactly, but for choices that are far from the cheapest; where a network forks, chain after chain is
chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from xnorflow.errors import FoldingError
from xnorflow.hw.families import Device
from xnorflow.hw.passes.folding import FoldingPlan, is_folded
from xnorflow.hw.passes.folding_choices import (
    Choice,
    FoldingCosts,
    Prices,
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
    DataType,
    Folding,
    LabelSelect,
    Network,
    divisors,
)

__all__ = [
    "DEFAULT_DEVICE",
    "FoldingSearch",
    "default_plan",
    "interval_for_target",
    "plan_for_interval",
    "plan_for_target",
]

DEFAULT_DEVICE = Device.ECP5
"""Family whose costs count where none is named."""

MAX_CHOICES = 48
"""Cheapest foldings of a layer that are tried with those of its neighbours."""

DEFAULT_INTERVAL_CYCLES = 1024
"""Frame interval of the default plan for a small network."""

DEFAULT_OPERATIONS = 1024
"""Operations a cycle that the default plan does not exceed by much in a large network."""


def default_plan(
    network: Network,
    device: Device = DEFAULT_DEVICE,
    *,
    dense: bool = False,
    cells: bool = False,
) -> FoldingPlan:
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
    interval = max(interval, least_interval(dataflow)[0])
    return plan_for_interval(network, interval, device, dense=dense, cells=cells)


def plan_for_target(
    network: Network,
    target_fps: float,
    clock_mhz: float,
    device: Device = DEFAULT_DEVICE,
    *,
    dense: bool = False,
    cells: bool = False,
) -> FoldingPlan:
    """The cheapest plan that gives ``target_fps`` frames a second at ``clock_mhz``.

    Raises
    ------
    FoldingError
        If a target is not positive, or even the fully parallel network is too slow; says which
        layer bounds it, and the best reachable rate.
    """
    interval = interval_for_target(network, target_fps, clock_mhz)
    return plan_for_interval(network, interval, device, dense=dense, cells=cells)


def interval_for_target(network: Network, target_fps: float, clock_mhz: float) -> int:
    """Cycles between frames for ``target_fps`` frames a second at ``clock_mhz``.

    Raises
    ------
    FoldingError
        As :func:`plan_for_target`.
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
    return interval


def least_interval(dataflow: Dataflow) -> tuple[int, str]:
    """Frame interval with every layer fully parallel, and the first layer that needs it."""
    source, *layers = (layer for layer in layers_of(dataflow) if is_folded(layer))
    needs = {source.name: dataflow.types[source.name].vectors} | {
        layer.name: cycles(layer, fullest_folding(layer, dataflow), dataflow) for layer in layers
    }
    slowest = max(needs, key=needs.__getitem__)
    return needs[slowest], slowest


def plan_for_interval(
    network: Network,
    interval_cycles: int,
    device: Device = DEFAULT_DEVICE,
    *,
    dense: bool = False,
    cells: bool = False,
) -> FoldingPlan:
    """The cheapest plan with a frame interval of at most ``interval_cycles``.

    With ``dense`` it is one for :func:`~xnorflow.hw.passes.compile_network` with ``dense``, with
    ``cells`` for the same with ``device``.

    Raises
    ------
    FoldingError
        If a layer takes longer even when fully parallel.
    """
    return FoldingSearch(network, device, dense=dense, cells=cells).plan(interval_cycles)


class FoldingSearch:
    """Finds plans for one network on one family; keeps what it has computed.

    Parameters
    ----------
    network
        The network.
    device
        The family whose costs count.
    prices
        What counts how much.
    dense
        Whether no layer skips tiles of zeros.
    cells
        Whether layers are built of the family's cells.
    """

    def __init__(
        self,
        network: Network,
        device: Device = DEFAULT_DEVICE,
        prices: Prices | None = None,
        *,
        dense: bool = False,
        cells: bool = False,
    ) -> None:
        self._dataflow = Fuse().apply(network)
        self._links = links_of(self._dataflow)
        self._costs = FoldingCosts(self._dataflow, device, prices or Prices(), dense, cells)

    @property
    def intervals(self) -> list[int]:
        """All frame intervals that some plan has, the least first."""
        least, _ = least_interval(self._dataflow)
        source = self._dataflow.types[self._dataflow.input.name]
        cycles = {source.vectors * beats for beats in divisors(source.channels)}
        cycles |= {choice.cycles for name in self._links for choice in self._costs.choices(name)}
        return sorted(interval for interval in cycles if interval >= least)

    def plan(self, interval_cycles: int) -> FoldingPlan:
        """The cheapest plan with a frame interval of at most ``interval_cycles``.

        Raises
        ------
        FoldingError
            If a layer takes longer even when fully parallel.
        """
        least, slowest = least_interval(self._dataflow)
        if interval_cycles < least:
            raise FoldingError(
                f"a frame interval must be at least {least} cycle(s), which layer {slowest!r} "
                f"takes fully parallel, not {interval_cycles}"
            )
        choices = {name: self._fitting(name, interval_cycles) for name in self._links}
        picked: dict[str, Choice] = {}
        for chain in chains_of(self._links):
            picked |= cheapest_chain(chain, choices, self._links, picked, self._costs.joint)
        return with_ends(picked, self._dataflow, interval_cycles)

    def _fitting(self, name: str, interval_cycles: int) -> list[Choice]:
        """The cheapest foldings of a layer that keep the interval."""
        choices = (c for c in self._costs.choices(name) if c.cycles <= interval_cycles)
        return list(islice(choices, MAX_CHOICES))


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


Joint = Callable[[int, int, DataType], float]
"""Cost of a converter from so many lanes to so many, of elements of a type."""


@dataclass(frozen=True, slots=True)
class Path:
    """A choice for each layer of the first part of a chain, and what they cost."""

    cost: float
    choices: Mapping[str, Choice]


def cheapest_chain(
    chain: list[str],
    choices: Mapping[str, list[Choice]],
    links: Links,
    picked: Mapping[str, Choice],
    joint: Joint,
) -> dict[str, Choice]:
    """The choices for ``chain`` that cost least, with the converters between.

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
    joint
        Cost of converters.
    """
    paths = [Path(0.0, {})]
    for name in chain:
        outside = {option: joints(name, option, links, picked, joint) for option in choices[name]}
        paths = [
            min(
                (extended(path, name, option, links, joint, outside[option]) for path in paths),
                key=lambda path: path.cost,
            )
            for option in choices[name]
        ]
    return dict(min(paths, key=lambda path: path.cost).choices)


def extended(
    path: Path, name: str, option: Choice, links: Links, joint: Joint, outside: float
) -> Path:
    """``path`` with one more layer, whose converters to other chains cost ``outside``."""
    inside = joints(name, option, links, path.choices, joint)
    return Path(path.cost + option.cost + outside + inside, {**path.choices, name: option})


def joints(
    name: str, option: Choice, links: Links, known: Mapping[str, Choice], joint: Joint
) -> float:
    """Cost of the converters between ``name``, folded by ``option``, and its known neighbours."""
    before = (
        joint(known[maker].lanes_out, option.lanes_in, option.element)
        for maker in links[name]
        if maker in known
    )
    behind = (
        joint(option.lanes_out, choice.lanes_in, choice.element)
        for reader, choice in known.items()
        if name in links[reader]
    )
    return sum(before) + sum(behind)


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
