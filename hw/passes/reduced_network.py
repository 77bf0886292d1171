# SPDX-License-Identifier: Apache-2.0
"""A network with fewer channels than the one that it was made from, and which they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.passes.channel_groups import ChannelGroups, channel_groups
from xnorflow.ir import Conv, Depthwise, MatMul, Network, Node, TensorType, Threshold

__all__ = ["ReducedNetwork", "dense_products", "tap_weights", "with_tap_weights"]

Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class ReducedNetwork:
    """What the passes on networks take and give.

    On every edge the channels that are left have the values of those of ``original``, whatever the
    image; but for sums that one Threshold alone reads, which may be shifted together with their
    thresholds: the hardware has no stream of them.

    Parameters
    ----------
    original
        The network to begin with.
    network
        What is left of it: all nodes, by their names.
    groups
        Groups of its channels, by the numbers of those of ``original``.
    may_go
        Which groups may be removed.
    kept
        The channels of ``original`` that are left, ascending, of each edge that lost any.
    gone
        Channels removed, by pass and by the MatMul or Conv that made them.
    """

    original: Network
    network: Network
    groups: ChannelGroups
    may_go: NDArray[np.bool_]
    kept: Mapping[str, NDArray[np.int64]]
    gone: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, network: Network) -> ReducedNetwork:
        """``network`` itself, from which all free groups may go."""
        groups = channel_groups(network)
        return cls(network, network, groups, groups.free, {}, {})

    def with_nodes(self, nodes: Mapping[str, Node[TensorType]]) -> ReducedNetwork:
        """The same channels, with other ``nodes`` of the same names."""
        changed = tuple(nodes.get(node.name, node) for node in self.network.nodes)
        return replace(self, network=Network(changed))

    def removable(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The groups of ``wanted`` that may be removed; of no layer all go."""
        return self.groups.sparing_kinds(wanted & self.may_go)

    def without(self, gone: NDArray[np.bool_], step: str) -> ReducedNetwork:
        """The network less the channels of the groups that are ``gone``.

        Parameters
        ----------
        step
            Name of the pass that removes them.
        """
        masks = {edge: ~gone[numbers] for edge, numbers in self.groups.edges.items()}
        kept = dict(self.kept)
        for edge, mask in masks.items():
            if not mask.all():
                kept[edge] = kept.get(edge, np.arange(len(mask)))[mask]
        counts = dict(self.gone)
        for node in dense_products(self.network):
            removed = int(np.count_nonzero(~masks[node.name]))
            if removed:
                counts[step, node.name] = counts.get((step, node.name), 0) + removed
        nodes = tuple(node_without(node, masks) for node in self.network.nodes)
        groups = self.groups.without(gone)
        return replace(self, network=Network(nodes), groups=groups, kept=kept, gone=counts)


def node_without(node: Node[TensorType], masks: Masks) -> Node[TensorType]:
    """``node`` for the channels that the masks of its edges leave."""
    left = masks[node.name]
    if isinstance(node, MatMul | Conv):
        read = masks[node.inputs[0]]
        if left.all() and read.all():
            return node
        return with_tap_weights(node, tap_weights(node)[left][:, :, read])
    if left.all():
        return node
    if isinstance(node, Depthwise):
        return replace(node, weights=node.weights[left])
    if isinstance(node, Threshold) and node.table.rows > 1:
        table = node.table
        rows = replace(table, values=table.values[left], descending=table.descending[left])
        return replace(node, table=rows)
    return node


def dense_products(network: Network) -> list[MatMul | Conv]:
    """The nodes that make new channels of all that they read."""
    return [node for node in network.nodes if isinstance(node, MatMul | Conv)]


def tap_weights(node: MatMul | Conv) -> NDArray[np.int8]:
    """Weights as ``(mh, taps, channels)``; a MatMul has one tap."""
    if isinstance(node, MatMul):
        return node.weights[:, None]
    return node.weights.reshape(node.mh, node.window.taps, -1)


def with_tap_weights(node: MatMul | Conv, weights: NDArray[np.int8]) -> MatMul | Conv:
    """``node`` with other weights, in the form of :func:`tap_weights`."""
    if isinstance(node, MatMul):
        return replace(node, weights=weights[:, 0])
    kernel = node.window.kernel
    return replace(node, weights=weights.reshape(len(weights), *kernel, weights.shape[2]))
