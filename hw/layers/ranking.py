# SPDX-License-Identifier: Apache-2.0
"""Merging of ranked lists: what a top-k selection is made of."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from amaranth.hdl import Cat, Const, Module, Signal, Value

__all__ = ["Ranked", "merge_ranked"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """An element of a list that descends by score.

    Parameters
    ----------
    score
        Signed or unsigned.
    index
        What to tell of the element.
    present
        Whether the place is taken; the free places are at the end of a list.
    """

    score: Value
    index: Value
    present: Value

    def packed(self) -> Value:
        """All three as one value, to select or to assign."""
        return Cat(self.score, self.index, self.present)


def merge_ranked(
    m: Module, first: Sequence[Ranked], second: Sequence[Ranked], k: int, name: str
) -> list[Ranked]:
    """The ``k`` best of two ranked lists (fewer where there are fewer), ranked, in no time.

    Where scores are equal ``first`` comes before ``second``. All places of ``second`` must be
    taken. Every element finds its rank by comparison with all of the other list.

    Parameters
    ----------
    m
        Module to which the logic is added.
    name
        Prefix of the signals.
    """
    # better[i][j]: second[j] stands before first[i].
    better = [Signal(len(second), name=f"{name}_better_{i}") for i in range(len(first))]
    for row, a in zip(better, first, strict=True):
        m.d.comb += row.eq(Cat(~a.present | (b.score > a.score) for b in second))
    merged = []
    for rank in range(min(k, len(first) + len(second))):
        place = _like(first[0], f"{name}_{rank}")
        m.d.comb += place.packed().eq(_select(_candidates(first, second, better, rank)))
        merged.append(place)
    return merged


def _like(entry: Ranked, name: str) -> Ranked:
    return Ranked(
        Signal(entry.score.shape(), name=f"{name}_score"),
        Signal(len(entry.index), name=f"{name}_index"),
        Signal(name=f"{name}_present"),
    )


def _candidates(
    first: Sequence[Ranked], second: Sequence[Ranked], better: Sequence[Value], rank: int
) -> list[tuple[Value, Ranked]]:
    """Elements that may have ``rank`` others before them, each with the condition that it has."""
    candidates: list[tuple[Value, Ranked]] = []
    for i, a in enumerate(first):
        if 0 <= (j := rank - i) <= len(second):
            behind = better[i][j - 1] if j > 0 else Const(1, 1)
            before = ~better[i][j] if j < len(second) else Const(1, 1)
            candidates.append((behind & before, a))
    for j, b in enumerate(second):
        if 0 <= (i := rank - j) <= len(first):
            behind = ~better[i - 1][j] if i > 0 else Const(1, 1)
            before = better[i][j] if i < len(first) else Const(1, 1)
            candidates.append((behind & before, b))
    return candidates


def _select(candidates: Sequence[tuple[Value, Ranked]]) -> Value:
    """The element whose condition holds; exactly one does."""
    masked = [
        entry.packed() & condition.replicate(len(entry.packed())) for condition, entry in candidates
    ]
    return reduce(operator.or_, masked)
