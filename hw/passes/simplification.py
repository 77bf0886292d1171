# SPDX-License-Identifier: Apache-2.0
"""Passes on the whole network that leave out what no output depends on, and their order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Protocol

import numpy as np

from xnorflow.errors import ConfigError
from xnorflow.hw.passes.merge_equal_channels import MergeEqualChannels
from xnorflow.hw.passes.reduced_network import ReducedNetwork
from xnorflow.hw.passes.remove_constant_channels import RemoveConstantChannels
from xnorflow.hw.passes.remove_unread_channels import RemoveUnreadChannels
from xnorflow.hw.passes.trim_thresholds import TrimThresholds
from xnorflow.ir import Network, Threshold

__all__ = ["NetworkPass", "Removal", "Simplification", "removals", "simplify"]


Size = tuple[int, int]
"""Channels and thresholds of a network; the first count for more."""


class Simplification(StrEnum):
    """The passes by name, in the order in which they run."""

    TRIM_THRESHOLDS = TrimThresholds.name
    REMOVE_CONSTANT = RemoveConstantChannels.name
    REMOVE_UNREAD = RemoveUnreadChannels.name
    MERGE_EQUAL = MergeEqualChannels.name

    @classmethod
    def named(cls, names: Collection[str]) -> frozenset[Simplification]:
        """The passes called ``names``.

        Raises
        ------
        ConfigError
            If one of them is not there.
        """
        if unknown := sorted(name for name in names if name not in list(cls)):
            raise ConfigError(
                f"no simplification is called {unknown[0]!r} (known: {', '.join(cls)})"
            )
        return frozenset(cls(name) for name in names)


class NetworkPass(Protocol):
    """A step between two valid networks of the same nodes and outputs.

    What it changes has fewer channels; or as many, and no more thresholds.
    """

    name: ClassVar[str]

    def apply(self, reduced: ReducedNetwork) -> ReducedNetwork:
        """The network after the step; ``reduced`` itself where there is nothing to do."""
        ...


PASSES: Mapping[Simplification, NetworkPass] = {
    Simplification.TRIM_THRESHOLDS: TrimThresholds(),
    Simplification.REMOVE_CONSTANT: RemoveConstantChannels(),
    Simplification.REMOVE_UNREAD: RemoveUnreadChannels(),
    Simplification.MERGE_EQUAL: MergeEqualChannels(),
}


def simplify(network: Network, without: Collection[Simplification] = ()) -> ReducedNetwork:
    """``network`` without what its outputs do not depend on.

    The passes run in turn until none of them finds anything. Together they remove as many channels
    as leave layers foldable (:data:`~xnorflow.hw.passes.channel_groups.MOST_ALIKE`); of those that
    could go, the first ones remain.

    Parameters
    ----------
    network
        What to compute; :class:`~xnorflow.hw.passes.SelectOutput` chooses its output.
    without
        Passes to leave out.

    Raises
    ------
    RuntimeError
        If a pass would go on for ever.
    """
    steps = [step for name, step in PASSES.items() if name not in without]
    whole = ReducedNetwork.of(network)
    while True:
        reduced = to_the_end(whole, steps)
        gone = whole.groups.free & ~reduced.groups.free
        may_go = whole.groups.in_units(gone)
        if np.array_equal(may_go, gone):
            return reduced
        if np.count_nonzero(may_go) >= np.count_nonzero(whole.may_go):
            raise RuntimeError("what may be removed must become less, or simplification never ends")
        # What remains reads what may have been unread: again, with fewer that may go.
        whole = replace(whole, may_go=may_go)


def to_the_end(reduced: ReducedNetwork, steps: list[NetworkPass]) -> ReducedNetwork:
    """``reduced`` after all ``steps``, in turn, until none of them finds anything."""
    before, found = None, set[tuple[str, Size]]()
    while reduced is not before:
        before = reduced
        for step in steps:
            reduced = applied(step, reduced, found)
    return reduced


def applied(
    step: NetworkPass, reduced: ReducedNetwork, found: set[tuple[str, Size]]
) -> ReducedNetwork:
    """``reduced`` after ``step``, which may find something in networks of a size only once.

    No pass lets a network grow, and sizes are finite, so this comes to an end.

    Parameters
    ----------
    found
        Passes that found something, and the sizes of the networks in which they did.
    """
    after = step.apply(reduced)
    if after is reduced:
        return reduced
    size = size_of(reduced.network)
    if (step.name, size) in found or size_of(after.network) > size:
        raise RuntimeError(
            f"the pass {step.name} must leave less of {size[0]} channels and {size[1]} thresholds, "
            "or simplification never ends"
        )
    found.add((step.name, size))
    return after


def size_of(network: Network) -> Size:
    """Channels of all edges and, where they are equal, thresholds."""
    tables = (node.table for node in network.nodes if isinstance(node, Threshold))
    channels = sum(tensor.channels for tensor in network.types.values())
    return channels, sum(table.values.size for table in tables)


@dataclass(frozen=True, slots=True)
class Removal:
    """What a pass removed of a node.

    Parameters
    ----------
    step
        The pass.
    node
        The node.
    what
        Channels, or levels or rows of a threshold table.
    removed, total
        How many, and of how many.
    """

    step: Simplification
    node: str
    what: str
    removed: int
    total: int

    def __str__(self) -> str:
        return f"{self.removed:,} of {self.total:,} {self.what} of {self.node}"


def removals(reduced: ReducedNetwork) -> tuple[Removal, ...]:
    """All that was removed, pass by pass, in the order of the graph."""
    types = reduced.original.types
    order = {name: place for place, name in enumerate(types)}
    channels = [
        Removal(Simplification(step), node, "channels", count, types[node].channels)
        for (step, node), count in reduced.gone.items()
    ]
    steps = list(Simplification)
    found = sorted(channels, key=lambda r: (steps.index(r.step), order[r.node]))
    return (*trimmed_tables(reduced), *found)


def trimmed_tables(reduced: ReducedNetwork) -> list[Removal]:
    """Levels and rows that tables have no longer; nothing but one pass removes any."""
    found: list[Removal] = []
    for before in reduced.original.nodes:
        if not isinstance(before, Threshold):
            continue
        after = reduced.network.node(before.name)
        assert isinstance(after, Threshold), "passes keep all nodes"
        step, old, new = Simplification.TRIM_THRESHOLDS, before.table, after.table
        if new.levels < old.levels:
            levels = old.levels - new.levels
            found.append(Removal(step, before.name, "levels", levels, old.levels))
        if new.rows == 1 < min(old.rows, reduced.network.types[before.name].channels):
            found.append(Removal(step, before.name, "rows", old.rows - 1, old.rows))
    return found
