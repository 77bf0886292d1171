# SPDX-License-Identifier: Apache-2.0
"""Thresholds that no sum, or every sum, reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.layers.search_table import search_stages
from xnorflow.hw.passes.channel_ranges import ChannelRange, channel_ranges
from xnorflow.hw.passes.reduced_network import ReducedNetwork
from xnorflow.ir import Node, TensorType, Threshold, ThresholdTable

__all__ = ["TrimThresholds", "trimmed"]

Wide = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrimThresholds:
    """Remove what threshold tables have beyond the values that can come.

    Thresholds out of reach move as near as they may. Levels that no row can reach are removed, and
    so are levels that every row always reaches, where that takes a stage off the search: the base
    moves then, which costs an adder. Rows that have become equal become one.
    """

    name: ClassVar[str] = "trim-thresholds"

    def apply(self, reduced: ReducedNetwork) -> ReducedNetwork:
        """``reduced`` with smaller tables."""
        ranges = channel_ranges(reduced.network)
        nodes: dict[str, Node[TensorType]] = {}
        for node in reduced.network.nodes:
            if isinstance(node, Threshold):
                table = trimmed(node.table, ranges[node.inputs[0]])
                if not same(table, node.table):
                    nodes[node.name] = replace(node, table=table)
        return reduced.with_nodes(nodes) if nodes else reduced


def trimmed(table: ThresholdTable, source: ChannelRange) -> ThresholdTable:
    """``table`` for values in ``source``: the same results, from no more rows and levels."""
    down = table.descending[:, None]
    low, high = source.low[:, None], source.high[:, None]
    if table.rows == 1:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    # The last threshold below, and the first one above, all that can come.
    floor, ceiling = low - down, high + ~down
    below, above = table.values <= floor, table.values >= ceiling
    never = count_all(np.where(down, below, above))
    always = count_all(np.where(down, above, below))
    never, always = levels_to_remove(table.levels, never, always)
    first = np.where(table.descending, never, always)
    left = first[:, None] + np.arange(table.levels - never - always)
    below, above = np.take_along_axis(below, left, axis=1), np.take_along_axis(above, left, axis=1)
    values = np.take_along_axis(table.values, left, axis=1)
    values = within_reach(values, below, above, floor, ceiling)
    rows = slice(0, 1) if is_one_row(values, table.descending) else slice(None)
    return ThresholdTable(
        values[rows],
        table.descending[rows],
        table.base + table.output_type.step * always,
        table.output_type,
    )


def within_reach(values: Wide, below: Flags, above: Flags, floor: Wide, ceiling: Wide) -> Wide:
    """``values`` with those out of reach as near as they may be.

    All rows get the same ones, so that rows of different ranges can become equal; and no other
    than what some row needs, so that thresholds take no more bits.
    """
    reached = values[~below & ~above]
    floors = np.broadcast_to(floor, values.shape)[below]
    ceilings = np.broadcast_to(ceiling, values.shape)[above]
    least = np.concatenate([reached, floors, ceilings]).min() if len(floors) else 0
    most = np.concatenate([reached, floors, ceilings]).max() if len(ceilings) else 0
    return np.where(below, least, np.where(above, most, values))


def count_all(found: Flags) -> int:
    """Levels for which ``found`` holds in every row."""
    return int(found.sum(axis=1).min())


def levels_to_remove(levels: int, never: int, always: int) -> tuple[int, int]:
    """How many of the levels that are never, and always, reached go: at least one level remains.

    Examples
    --------
    >>> levels_to_remove(3, 0, 1), levels_to_remove(3, 0, 2), levels_to_remove(15, 0, 9)
    ((0, 0), (0, 2), (0, 8))
    >>> levels_to_remove(3, 1, 2), levels_to_remove(1, 0, 1), levels_to_remove(3, 3, 0)
    ((1, 1), (0, 0), (2, 0))
    """
    never = min(never, levels - 1)
    always = min(always, levels - 1 - never)
    most = (1 << search_stages(levels - never - always)) - 1  # that a search as long can tell apart
    return never, max(0, levels - never - most)


def is_one_row(values: Wide, descending: Flags) -> bool:
    """Whether all rows are equal."""
    return bool((values == values[0]).all() and (descending == descending[0]).all())


def same(first: ThresholdTable, second: ThresholdTable) -> bool:
    """Whether two tables are equal."""
    return (
        first.base == second.base
        and np.array_equal(first.values, second.values)
        and np.array_equal(first.descending, second.descending)
    )
