# SPDX-License-Identifier: Apache-2.0
"""What estimates need to know of the contents of weights and thresholds; looked at once.

Constants are told apart by identity, not by value: an array is scanned again when a graph has a
copy of it.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.popcount import range_shape
from xnorflow.ir import DataType, ThresholdTable

__all__ = [
    "StageParts",
    "flip_columns",
    "nonzero_share",
    "search_parts",
    "stage_parts",
    "sum_range",
]

KEPT = 64
"""Arrays that are remembered."""


class Constant:
    """An array, equal to itself alone."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[np.int8]) -> None:
        self.array = array

    def __hash__(self) -> int:
        return id(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and other.array is self.array


def sum_range(weights: NDArray[np.int8], element: DataType) -> tuple[int, int]:
    """As :func:`~xnorflow.ir.accumulator_range`, of arrays that come again."""
    return cached_sum_range(Constant(weights), element)


@functools.lru_cache(maxsize=KEPT)
def cached_sum_range(weights: Constant, element: DataType) -> tuple[int, int]:
    """The bounds by the sums of a row's positive and of its negative weights."""
    positive = np.maximum(weights.array, 0).sum(axis=1, dtype=np.int64)
    negative = np.minimum(weights.array, 0).sum(axis=1, dtype=np.int64)
    low = (positive * element.min + negative * element.max).min()
    high = (positive * element.max + negative * element.min).max()
    return int(low), int(high)


def nonzero_share(weights: NDArray[np.int8]) -> float:
    """How many of the weights are not 0, as a fraction."""
    return cached_nonzero_share(Constant(weights))


@functools.lru_cache(maxsize=KEPT)
def cached_nonzero_share(weights: Constant) -> float:
    """The fraction, of an array that comes again."""
    return np.count_nonzero(weights.array) / weights.array.size


@dataclass(frozen=True, slots=True)
class StageParts:
    """The thresholds of one stage of a search.

    Parameters
    ----------
    words
        Words of its memories; 1 where thresholds are constants.
    width_bits
        Bits of a threshold.
    memories
        Widths of its memories without the columns that are constant, which are none, and how many
        there are of each width.
    columns
        Different columns of all memories that are not constant.
    idle_bits
        Lowest bits of a value that do not matter for comparisons with a constant.
    """

    words: int
    width_bits: int
    memories: tuple[tuple[int, int], ...] = ()
    columns: int = 0
    idle_bits: int = 0


@functools.lru_cache(maxsize=1 << 10)
def search_table(table: ThresholdTable, low: int, high: int, matches_of: int) -> SearchTable:
    """``table`` for accumulators in ``low..high``; of ``matches_of`` inputs unless 0."""
    search = SearchTable.of(table, low, high)
    return search.for_matches(matches_of) if matches_of else search


@functools.lru_cache(maxsize=1 << 13)
def stage_parts(
    table: ThresholdTable, bounds: tuple[int, int], matches_of: int, lanes: int, folds: int
) -> tuple[StageParts, ...]:
    """All stages of the search in ``table`` by ``lanes`` lanes in ``folds`` turns."""
    return search_parts(search_table(table, *bounds, matches_of), lanes, folds)


def search_parts(search: SearchTable, lanes: int, folds: int) -> tuple[StageParts, ...]:
    """All stages of ``search`` by ``lanes`` lanes in ``folds`` turns."""
    return tuple(one_stage(search, number, lanes, folds) for number in range(search.stages))


def one_stage(search: SearchTable, number: int, lanes: int, folds: int) -> StageParts:
    """Stage ``number``: one memory of all lanes for the first, one for each lane behind it."""
    values = search.stage(number)
    width = range_shape(int(values.min()), int(values.max())).width
    words = folds << number
    if words == 1:
        threshold = int(values[0, 0])
        idle = (threshold & -threshold).bit_length() - 1 if threshold else width
        return StageParts(1, width, idle_bits=idle)
    rows = np.broadcast_to(values, (folds * lanes, values.shape[1]))
    codes = rows.reshape(folds, lanes, -1).transpose(1, 0, 2).reshape(lanes, words)
    bits = (codes[:, None, :] >> np.arange(width)[None, :, None] & 1).astype(np.uint8)
    memories = bits.reshape(1, -1, words) if number == 0 else bits
    changing = [varying(memory) for memory in memories]
    widths = Counter(len(memory) for memory in changing)
    columns = sum(len({column.tobytes() for column in memory}) for memory in changing)
    return StageParts(words, width, tuple(sorted(widths.items())), columns)


def varying(columns: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The rows of ``columns`` of which not all elements are equal, packed."""
    return np.packbits(columns[(columns != columns[:, :1]).any(axis=1)], axis=1)


@functools.lru_cache(maxsize=1 << 12)
def flip_columns(table: ThresholdTable, lanes: int, folds: int) -> int:
    """Different columns of the memory that says which channels descend; 0 where there is none."""
    flips = table.descending
    if not flips.any() or folds == 1:
        return 0
    codes = np.broadcast_to(flips, folds * lanes).reshape(folds, lanes)
    columns = varying(codes.T.astype(np.uint8))
    return len({column.tobytes() for column in columns})
