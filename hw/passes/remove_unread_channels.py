# SPDX-License-Identifier: Apache-2.0
"""Neurons that nothing reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.passes.reduced_network import ReducedNetwork, dense_products, tap_weights

__all__ = ["RemoveUnreadChannels"]


@dataclass(frozen=True, slots=True)
class RemoveUnreadChannels:
    """Remove channels that meet weights of 0 alone, with all that makes them.

    What only they read is unread then, and so on, towards the input.
    """

    name: ClassVar[str] = "remove-unread"

    def apply(self, reduced: ReducedNetwork) -> ReducedNetwork:
        """``reduced`` without channels that nothing reads."""
        while (gone := reduced.removable(unread_groups(reduced))).any():
            reduced = reduced.without(gone, self.name)
        return reduced


def unread_groups(reduced: ReducedNetwork) -> NDArray[np.bool_]:
    """The free groups all of whose columns are 0."""
    unread = reduced.groups.free
    for node in dense_products(reduced.network):
        columns = tap_weights(node).any(axis=(0, 1))
        unread[reduced.groups.edges[node.inputs[0]][columns]] = False
    return unread
