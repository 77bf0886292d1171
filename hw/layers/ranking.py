# SPDX-License-Identifier: Apache-2.0
"""Merging of ranked lists: what a top-k selection is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Value

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


def merge_ranked(first: Sequence[Ranked], second: Sequence[Ranked], k: int) -> list[Ranked]:
    """The ``k`` best of two ranked lists (fewer where there are fewer), ranked, in no time.

    Where scores are equal ``first`` comes before ``second``. All places of ``second`` must be
    taken.
    """
    # better[i][j]: second[j] stands before first[i].
    better = [[~a.present | (b.score > a.score) for b in second] for a in first]
    return [_place(first, second, better, rank) for rank in range(min(k, len(first) + len(second)))]


def _place(
    first: Sequence[Ranked], second: Sequence[Ranked], better: list[list[Value]], rank: int
) -> Ranked:
    """The element that has exactly ``rank`` others before it."""
    chosen: list[tuple[Value, Ranked]] = []
    for i, a in enumerate(first):
        if 0 <= (j := rank - i) <= len(second):
            behind = better[i][j - 1] if j > 0 else Const(1, 1)
            before = ~better[i][j] if j < len(second) else Const(1, 1)
            chosen.append((behind & before, a))
    for j, b in enumerate(second):
        if 0 <= (i := rank - j) <= len(first):
            behind = ~better[i - 1][j] if i > 0 else Const(1, 1)
            before = better[i][j] if i < len(first) else Const(1, 1)
            chosen.append((behind & before, b))
    return _select(chosen)


def _select(chosen: list[tuple[Value, Ranked]]) -> Ranked:
    """The element whose condition holds; exactly one does."""
    sample = chosen[0][1]
    word: Value = Const(0, 1)
    for condition, entry in chosen:
        packed = Cat(entry.score, entry.index, entry.present)
        word = word | (packed & condition.replicate(len(packed)))
    score, rest = word[: len(sample.score)], word[len(sample.score) :]
    return Ranked(score.as_signed() if sample.score.shape().signed else score, rest[:-1], rest[-1])
