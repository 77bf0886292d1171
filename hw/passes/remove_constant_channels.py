# SPDX-License-Identifier: Apache-2.0
"""Neurons that give the same whatever comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.passes.channel_groups import ChannelGroups
from xnorflow.hw.passes.channel_ranges import ChannelRange, channel_ranges, tap_patterns
from xnorflow.hw.passes.layer_rules import absorbed_threshold
from xnorflow.hw.passes.reduced_network import ReducedNetwork, dense_products, tap_weights
from xnorflow.ir import Conv, MatMul, Network, Node, TensorType, Threshold, ThresholdTable

__all__ = ["RemoveConstantChannels"]

BEYOND_ALL_SUMS = 1 << 40
"""Every sum is nearer to 0, and far from the ends of int64."""


@dataclass(frozen=True, slots=True)
class RemoveConstantChannels:
    """Remove channels that always have one value, and shift the thresholds behind instead.

    A channel goes if each MatMul or Conv that reads it can do without: if what the channel adds to
    a sum is the same wherever the window lies, and is 0 or can be taken off the thresholds of the
    one Threshold that follows. Sums that have no thresholds, such as scores, are left as they are.
    """

    name: ClassVar[str] = "remove-constant"

    def apply(self, reduced: ReducedNetwork) -> ReducedNetwork:
        """``reduced`` without constant channels."""
        readers = readers_of(reduced.network)
        gone = reduced.removable(constant_groups(readers, reduced.groups))
        if not gone.any():
            return reduced
        nodes: dict[str, Node[TensorType]] = {}
        for reader in readers:
            shift = reader.total(gone[reduced.groups.edges[reader.edge]])
            if reader.threshold is not None and shift.any():
                table = shifted(reader.threshold.table, shift)
                nodes[reader.threshold.name] = replace(reader.threshold, table=table)
        return reduced.with_nodes(nodes).without(gone, self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What the channels of an edge add to the sums of a product that reads them.

    Parameters
    ----------
    edge
        The edge.
    threshold
        The Threshold that alone reads the sums, if there is one.
    constant
        Which channels always have the same value.
    dispensable
        Which channels add something that is known, and 0 where there is no ``threshold``.
    added
        What each channel adds to each sum, where it is dispensable, shape ``(mh, channels)``.
    """

    edge: str
    threshold: Threshold | None
    constant: NDArray[np.bool_]
    dispensable: NDArray[np.bool_]
    added: NDArray[np.int64]

    def total(self, channels: NDArray[np.bool_]) -> NDArray[np.int64]:
        """What ``channels`` add to each sum, shape ``(mh,)``."""
        total: NDArray[np.int64] = self.added[:, channels].sum(axis=1)
        return total


def readers_of(network: Network) -> list[Reader]:
    """The products of ``network`` as readers."""
    ranges = channel_ranges(network)
    return [reader_of(node, network, ranges[node.inputs[0]]) for node in dense_products(network)]


def reader_of(node: MatMul | Conv, network: Network, source: ChannelRange) -> Reader:
    """``node`` as a reader of channels of the range ``source``."""
    weights = tap_weights(node)
    constant = source.constant
    patterns = patterns_of(node, network)
    # Axes: pattern of taps that lie in the image, sum, channel.
    sums = np.tensordot(patterns, weights[:, :, constant].astype(np.int64), axes=(1, 1))
    sums = sums * source.low[constant]
    threshold = absorbed_threshold(node, network)
    known = (sums == sums[0]).all(axis=(0, 1))
    if threshold is None:
        known &= ~sums.any(axis=(0, 1))
    added = np.zeros((weights.shape[0], weights.shape[2]), np.int64)
    added[:, constant] = sums[0]
    dispensable = np.count_nonzero(weights, axis=(0, 1)) == 0
    dispensable[constant] |= known
    return Reader(node.inputs[0], threshold, constant, dispensable, added)


def patterns_of(node: MatMul | Conv, network: Network) -> NDArray[np.int64]:
    """Which taps lie in the image, for all places of the window."""
    if isinstance(node, MatMul):
        return np.ones((1, 1), np.int64)
    height, width = network.types[node.inputs[0]].shape[:2]
    return tap_patterns(node.window, (height, width))


def constant_groups(readers: list[Reader], groups: ChannelGroups) -> NDArray[np.bool_]:
    """The free groups that some reader sees as constant, and that all readers can do without."""
    constant = np.zeros(len(groups.kinds), bool)
    needed = np.zeros(len(groups.kinds), bool)
    for reader in readers:
        numbers = groups.edges[reader.edge]
        constant[numbers[reader.constant]] = True
        needed[numbers[~reader.dispensable]] = True
    return groups.free & constant & ~needed


def shifted(table: ThresholdTable, shift: NDArray[np.int64]) -> ThresholdTable:
    """``table`` for sums that lack ``shift``, shape ``(channels,)``."""
    if table.rows == 1 and (shift == shift[0]).all():
        shift = shift[:1]
    # Thresholds out of reach may lie at the ends of int64.
    values = np.clip(table.values, -BEYOND_ALL_SUMS, BEYOND_ALL_SUMS) - shift[:, None]
    return replace(table, values=values, descending=np.broadcast_to(table.descending, len(values)))
