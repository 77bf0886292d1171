# SPDX-License-Identifier: Apache-2.0
"""Neurons that compute the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.passes.channel_groups import ChannelGroups
from xnorflow.hw.passes.reduced_network import (
    ReducedNetwork,
    dense_products,
    tap_weights,
    with_tap_weights,
)
from xnorflow.ir import Conv, Depthwise, MatMul, Network, Node, TensorType, Threshold

__all__ = ["MergeEqualChannels"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MergeEqualChannels:
    """Let one of two neurons of equal weights and thresholds stand for both.

    Whoever reads both gets the sum of the two weights for the one that remains, which has the lower
    number; that must be a value of the reader's weight type, for each of its weights. So it never
    happens in front of BIPOLAR weights.
    """

    name: ClassVar[str] = "merge-equal"

    def apply(self, reduced: ReducedNetwork) -> ReducedNetwork:
        """``reduced`` with merged channels."""
        groups = reduced.groups
        columns = Columns.of(reduced.network, groups)
        gone = np.zeros(len(groups.kinds), bool)
        gone[merge(equal_groups(reduced.network, groups), columns, reduced.may_go)] = True
        if not gone.any():
            return reduced
        return reduced.with_nodes(columns.nodes()).without(gone, self.name)


@dataclass(slots=True)
class Columns:
    """Weights that columns of equal channels are added up in.

    Parameters
    ----------
    products
        The products that read them, by name.
    weights
        Their weights, in the form of :func:`~xnorflow.hw.passes.reduced_network.tap_weights`.
    places
        Channels of each group on the edge that a product reads, by its name.
    """

    products: dict[str, MatMul | Conv] = field(default_factory=dict)
    weights: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    places: dict[str, dict[int, Numbers]] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network, groups: ChannelGroups) -> Columns:
        """The columns of all products of ``network``."""
        columns = cls()
        for node in dense_products(network):
            columns.products[node.name] = node
            columns.weights[node.name] = tap_weights(node).astype(np.int64)
            columns.places[node.name] = places_of(groups.edges[node.inputs[0]])
        return columns

    def add(self, group: int, other: int) -> bool:
        """Add the columns of ``other`` to those of ``group``, if all sums are weights."""
        sums: dict[str, NDArray[np.int64]] = {}
        for name, places in self.places.items():
            if group in places:
                weights = self.weights[name]
                total = weights[:, :, places[group]] + weights[:, :, places[other]]
                if not self.products[name].weight_type.contains(total):
                    return False
                sums[name] = total
        for name, total in sums.items():
            self.weights[name][:, :, self.places[name][group]] = total
        return True

    def nodes(self) -> dict[str, Node[TensorType]]:
        """The products with their weights now."""
        return {
            name: with_tap_weights(node, self.weights[name].astype(np.int8))
            for name, node in self.products.items()
        }


def places_of(numbers: Numbers) -> dict[int, Numbers]:
    """Where each number stands, ascending."""
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))


def equal_groups(network: Network, groups: ChannelGroups) -> list[list[int]]:
    """Free groups whose channels have the same values on all edges: several, ascending, each."""
    free = groups.free
    made: dict[int, list[tuple[int, int]]] = {
        number: [] for number in np.flatnonzero(free).tolist()
    }
    for place, node in enumerate(network.nodes):
        numbers = groups.edges[node.name]
        constants = equal_rows(node, len(numbers))
        for number, constant in zip(numbers.tolist(), constants.tolist(), strict=True):
            if free[number]:
                made[number].append((place, constant))
    classes: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for number, key in made.items():
        classes.setdefault(tuple(key), []).append(number)
    return [members for members in classes.values() if len(members) > 1]


def equal_rows(node: Node[TensorType], channels: int) -> Numbers:
    """A number for each channel of ``node``, equal where its constants are."""
    rows: NDArray[np.int64] | NDArray[np.int8] | None = None
    if isinstance(node, MatMul):
        rows = node.weights
    elif isinstance(node, Conv | Depthwise):
        rows = node.matrix
    elif isinstance(node, Threshold) and node.table.rows > 1:
        rows = np.column_stack([node.table.values, node.table.descending])
    if rows is None:
        return np.zeros(channels, np.int64)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def merge(classes: list[list[int]], columns: Columns, may_go: NDArray[np.bool_]) -> list[int]:
    """Merge what can be merged in ``columns``, highest numbers first; gives those that go."""
    gone: list[int] = []
    for members in classes:
        for place in range(len(members) - 1, 0, -1):
            group, lower = members[place], members[:place]
            if may_go[group] and any(columns.add(other, group) for other in lower):
                gone.append(group)
    return gone
