# SPDX-License-Identifier: Apache-2.0
"""Channels that can only remain or go together, through all that carries them on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Flatten,
    Input,
    MatMul,
    Network,
    Node,
    TensorType,
    Thermometer,
)

__all__ = ["MOST_ALIKE", "ChannelGroups", "channel_groups"]

MOST_ALIKE = 16
"""Largest power of two that still divides the channels of a layer if it did before.

A folding takes a divisor of the channels. Of 256 channels 251 would be left with a ``pe`` of 1 or
251; of 240 all foldings up to 16 neurons in parallel remain legal, and so do those that files ask
for. More would keep more channels that nothing needs: up to one less than this in a layer.
"""

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
"""One of each group."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelGroups:
    """The channels of a network by group; groups have numbers.

    A group begins with a neuron, a row of a MatMul or Conv. Pools, thresholds, depthwise
    convolutions and all else that works channel by channel carry it on, Flatten has it once for
    each pixel, Add joins the groups of both sides. It ends in the columns of the MatMul or Conv
    behind. Groups that are part of the network's input or output, or of what an ArgMax reads, are
    *fixed*, the others *free*. Free groups on the same edges, equally often, are of one kind.

    Parameters
    ----------
    edges
        Group of each channel, by edge, shape ``(channels,)``.
    kinds
        Kind of each group, shape ``(groups,)``, or -1 if it is fixed.
    units
        How many groups of a kind may go at a time, by kind: the layers that have them remain as
        divisible as they are (:data:`MOST_ALIKE`).
    """

    edges: Mapping[str, Numbers]
    kinds: Numbers
    units: tuple[int, ...]

    @property
    def free(self) -> Flags:
        """Which groups may go."""
        return np.greater_equal(self.kinds, 0)

    def without(self, gone: Flags) -> ChannelGroups:
        """The groups of a network that lacks those that are ``gone``; numbers stay."""
        left = {edge: numbers[~gone[numbers]] for edge, numbers in self.edges.items()}
        return ChannelGroups(left, np.where(gone, -1, self.kinds), self.units)

    def sparing_kinds(self, gone: Flags) -> Flags:
        """``gone``, but for the first group of a kind all of which would go."""
        result = gone & self.free
        for kind in range(len(self.units)):
            members = np.flatnonzero(self.kinds == kind)
            if len(members) and result[members].all():
                result[members[0]] = False
        return result

    def in_units(self, gone: Flags) -> Flags:
        """As many of ``gone`` as go in whole units, and not all of a kind: the highest numbers."""
        result = np.zeros_like(gone)
        for kind, unit in enumerate(self.units):
            members = self.kinds == kind
            asked = np.flatnonzero(gone & members)
            many = len(asked) // unit * unit
            many -= unit if many == np.count_nonzero(members) else 0
            result[asked[len(asked) - many :]] = True
        return result


def unit_of(channels: list[int], counts: list[int]) -> int:
    """How many groups go at a time, of those that have ``counts`` channels on each edge.

    Examples
    --------
    >>> unit_of([24, 24 * 49], [1, 49]), unit_of([24, 32], [1, 1])
    (8, 16)
    """
    units = [
        math.gcd(size, MOST_ALIKE) // math.gcd(size, MOST_ALIKE, count)
        for size, count in zip(channels, counts, strict=True)
        if count
    ]
    return max(units)


def channel_groups(network: Network) -> ChannelGroups:
    """The groups of the channels of ``network``."""
    builder = Builder()
    for node in network.nodes:
        builder.enter(node, network)
    builder.fixed.append(builder.edges[network.output.name])
    edges, free = builder.joined_edges()
    counts = np.stack([np.bincount(g, minlength=builder.count) for g in edges.values()])
    found, kind_of = np.unique(counts[:, free], axis=1, return_inverse=True)
    kinds = np.full(builder.count, -1)
    kinds[free] = kind_of.reshape(-1)
    channels = [network.types[edge].channels for edge in edges]
    return ChannelGroups(edges, kinds, tuple(unit_of(channels, c.tolist()) for c in found.T))


@dataclass(slots=True)
class Builder:
    """Groups in the making.

    Parameters
    ----------
    edges
        Number of each channel, by edge, before groups are joined.
    count
        Numbers so far.
    fixed
        Numbers that remain.
    joined
        Pairs of numbers that are one group.
    """

    edges: dict[str, Numbers] = field(default_factory=dict)
    count: int = 0
    fixed: list[Numbers] = field(default_factory=list)
    joined: list[tuple[Numbers, Numbers]] = field(default_factory=list)

    def enter(self, node: Node[TensorType], network: Network) -> None:
        """Give numbers to the channels of ``node``."""
        sources = [self.edges[edge] for edge in node.inputs]
        channels = network.types[node.name].channels
        if isinstance(node, Input | MatMul | Conv | ArgMax):
            numbers = np.arange(self.count, self.count + channels)
            self.count += channels
            if isinstance(node, Input | ArgMax):
                self.fixed += [numbers, *sources]
        elif isinstance(node, Flatten):
            numbers = np.tile(sources[0], channels // len(sources[0]))
        elif isinstance(node, Thermometer):
            numbers = np.repeat(sources[0], len(node.levels))
        elif isinstance(node, Concat):
            numbers = np.concatenate(sources)
        else:
            numbers = sources[0]
            if isinstance(node, Add):
                self.joined.append((sources[0], sources[1]))
        self.edges[node.name] = numbers

    def joined_edges(self) -> tuple[dict[str, Numbers], Numbers]:
        """Groups by edge, each by the least of its numbers, and those that are free."""
        least = np.arange(self.count)
        before = np.full(self.count, -1)
        while not np.array_equal(before, least):
            before = least.copy()
            for first, second in self.joined:
                lower = np.minimum(least[first], least[second])
                for numbers in (first, second, least[first], least[second]):
                    np.minimum.at(least, numbers, lower)
            least = least[least]
        edges = {edge: least[numbers] for edge, numbers in self.edges.items()}
        fixed = least[np.concatenate(self.fixed)]
        return edges, np.setdiff1d(np.concatenate(list(edges.values())), fixed)
