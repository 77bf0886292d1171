# SPDX-License-Identifier: Apache-2.0
"""Full adders that many neurons share.

Of three inputs with weights of +-1 all neurons see the same parity, up to its sign, and one of
four majorities, up to their signs. So all first full adders of any number of neurons are five
functions for each three inputs, and half of the bits that are to be counted are left. The same goes
for the parities of these parities, and so on. Where weights are 0, only neurons that see all three
inputs take part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.unrolled.bit_graph import BitGraph, Literal
from xnorflow.hw.unrolled.signed_bits import ABSENT, Columns

__all__ = ["share_full_adders"]

Slot = NDArray[np.int64]

FUNCTIONS_PER_ADDER = 1.2
"""What a full adder of one neuron costs where neurons add up for themselves, in LUTs of one output.

A full adder is two functions. Adders of several bits on carry chains take 1.4 LUTs a bit, counters
of seven bits on xc7 half a LUT of two outputs. Behind adders that are shared there are more bits of
different weights, which costs something, too."""


def share_full_adders(graph: BitGraph, columns: Columns) -> list[dict[int, list[Literal]]]:
    """Add up bits in ``graph`` wherever neurons share the adders.

    Parameters
    ----------
    graph
        Gets the adders.
    columns
        The bits of all neurons; at least one slot.

    Returns
    -------
    list of dict
        Of each neuron: by exponents, the bits that are left.
    """
    neurons = len(next(iter(columns.values()))[0])
    left: list[dict[int, list[Literal]]] = [{} for _ in range(neurons)]
    rest = {exponent: list(slots) for exponent, slots in columns.items()}
    exponent = min(rest)
    while exponent <= max(rest):
        column = Column(graph, rest.get(exponent, []))
        column.share()
        if column.carries:
            rest.setdefault(exponent + 1, []).extend(column.carries)
        for slot in column.left():
            for neuron in np.flatnonzero(slot != ABSENT).tolist():
                left[neuron].setdefault(exponent, []).append(int(slot[neuron]))
        exponent += 1
    return left


class Column:
    """The bits of one exponent.

    Parameters
    ----------
    graph
        Gets the adders.
    slots
        The bits.

    Attributes
    ----------
    carries : list of numpy.ndarray
        Slots of the next exponent.
    """

    def __init__(self, graph: BitGraph, slots: Sequence[Slot]) -> None:
        self._graph = graph
        self._open = [slot for slot in slots if (slot != ABSENT).any()]
        self._closed: list[Slot] = []
        self.carries: list[Slot] = []

    def left(self) -> list[Slot]:
        """Slots with what is left."""
        return self._closed + self._open

    def share(self) -> None:
        """Add up three slots after the other while that pays."""
        while len(self._open) >= 3:
            first, *others = self._choose()
            slots = [self._open[index] for index in (first, *others)]
            for index in sorted((first, *others), reverse=True):
                del self._open[index]
            if len(slots) < 3 or not self._add(slots):
                self._closed.append(slots[0])
                self._open += slots[1:]

    def _choose(self) -> list[int]:
        """A slot that many neurons see, and two others, if any are seen by some of the same."""
        common = np.array(self._open) != ABSENT
        chosen: list[int] = []
        while len(chosen) < 3 and common.any():
            chosen.append(int(np.argmax(common.sum(axis=1))))
            common &= common[chosen[-1]]
            common[chosen[-1]] = False
        return chosen

    def _add(self, slots: Sequence[Slot]) -> bool:
        """Add up three slots for all neurons that see them, if that pays."""
        together = np.array(slots)
        seen = (together != ABSENT).all(axis=0)
        triples, which = np.unique(together[:, seen], axis=1, return_inverse=True)
        distinct = [(int(a), int(b), int(c)) for a, b, c in triples.T]
        if self._graph.missing_gates(distinct) > FUNCTIONS_PER_ADDER * seen.sum():
            return False
        results = np.array([self._graph.full_add(*each) for each in distinct])[which.ravel()]
        for kept, found in zip((self._open, self.carries), results.T, strict=True):
            slot = np.full(len(seen), ABSENT)
            slot[seen] = found
            kept.append(slot)
        rest = np.where(seen, ABSENT, together)
        self._open += [slot for slot in rest if (slot != ABSENT).any()]
        return True
