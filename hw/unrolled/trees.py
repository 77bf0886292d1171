# SPDX-License-Identifier: Apache-2.0
"""The sum of one neuron's bits."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence

from xnorflow.hw.unrolled.bit_graph import ZERO, BitGraph, Literal, is_inverted

__all__ = ["Summing", "sum_by_adders", "sum_by_counters"]

Bits = Mapping[int, Sequence[Literal]]
"""By exponents."""

Summing = Callable[[BitGraph, Bits], list[Literal]]
"""Adds up bits; gives the sum's bits from exponent 0 on."""

Number = tuple[list[Literal], int]
"""Bits, and the greatest value."""

MOST_ROWS = 2
"""Bits of one exponent that are left to an adder."""


def sum_by_adders(graph: BitGraph, columns: Bits) -> list[Literal]:
    """A tree of adders, each of which takes a bit as its carry; for carry chains.

    The bits of an exponent are summed, and what the sum has beyond one bit is a number among
    those of the next exponent.
    """
    total: list[Literal] = []
    number: Number = ([], 0)
    last = max(columns, default=-1)
    while len(total) <= last or number[0]:
        bits, most = column_sum(graph, columns.get(len(total), ()), number)
        total.append(bits[0] if bits else ZERO)
        number = bits[1:], most >> 1
    return total


def column_sum(graph: BitGraph, lanes: Sequence[Literal], number: Number) -> Number:
    """The sum of ``lanes`` and of ``number``.

    Carries are bits that come late, and that need not be complemented: LUTs do that at the leaves.
    """
    order = sorted(lanes, key=lambda each: (graph.level(each), not is_inverted(each)))
    numbers = [number] if number[0] else []
    leaves = 0
    while 3 * leaves + max(0, leaves + len(numbers) - 1) < len(order):
        leaves += 1
    for first in range(0, min(3 * leaves, len(order)), 3):
        numbers.append(leaf(graph, order[first : min(first + 3, 3 * leaves)]))
    return add_all(graph, numbers, order[3 * leaves :])


def leaf(graph: BitGraph, lanes: Sequence[Literal]) -> Number:
    """The sum of up to three bits."""
    if len(lanes) == 1:
        return list(lanes), 1
    sums = graph.full_add(*lanes, *[ZERO] * (3 - len(lanes)))
    return list(sums), len(lanes)


def add_all(graph: BitGraph, numbers: Sequence[Number], carries: Sequence[Literal]) -> Number:
    """The sum of all ``numbers`` and ``carries``, of which there are fewer."""
    ticket = itertools.count()

    def entry(number: Number) -> tuple[int, int, int, Number]:
        level = max(map(graph.level, number[0]))
        return level, len(number[0]), next(ticket), number

    heap = [entry(number) for number in numbers]
    heapq.heapify(heap)
    pending = list(reversed(carries))
    while len(heap) > 1:
        first, second = heapq.heappop(heap)[-1], heapq.heappop(heap)[-1]
        carry = pending.pop() if pending else ZERO
        heapq.heappush(heap, entry(add(graph, first, second, carry)))
    return heap[0][-1] if heap else ([], 0)


def add(graph: BitGraph, a: Number, b: Number, carry: Literal) -> Number:
    """The sum of two numbers and a carry, as wide as its greatest value."""
    width_bits = max(len(a[0]), len(b[0]))
    left, right = ([*bits, *[ZERO] * (width_bits - len(bits))] for bits, _ in (a, b))
    most = a[1] + b[1] + (carry != ZERO)
    return graph.add(left, right, carry)[: most.bit_length()], most


def sum_by_counters(graph: BitGraph, columns: Bits) -> list[Literal]:
    """Counters of seven bits, then of three, and an adder for what is left; for xc7."""
    heap = [
        sorted(columns.get(e, ()), key=graph.level) for e in range(max(columns, default=-1) + 1)
    ]
    while max(map(len, heap), default=0) > MOST_ROWS:
        heap = counted(graph, heap)
    while heap and not heap[-1]:
        heap.pop()
    low = next((e for e, bits in enumerate(heap) if len(bits) > 1), len(heap))
    total = [bits[0] if bits else ZERO for bits in heap[:low]]
    if low == len(heap):
        return total
    # An adder's LUTs complement one of the operands; the carry chain takes the other as it is.
    pairs = [sorted((*bits, ZERO, ZERO)[:2], key=is_inverted) for bits in heap[low:]]
    first, second = zip(*pairs, strict=True)
    return total + graph.add(first, second, ZERO)


def counted(graph: BitGraph, heap: Sequence[Sequence[Literal]]) -> list[list[Literal]]:
    """``heap`` behind a level of counters."""
    size = 7 if max(map(len, heap)) > 5 else 3
    after: list[list[Literal]] = [[] for _ in range(len(heap) + 2)]
    for exponent, column in enumerate(heap):
        # Complemented bits with each other: then the counter's outputs are complemented instead.
        bits = sorted(column, key=is_inverted)
        while len(bits) >= size - (size == 7):
            group, bits = bits[:size], bits[size:]
            for above, found in enumerate(count(graph, group, size)):
                after[exponent + above].append(found)
        after[exponent] += bits
    while not after[-1]:
        after.pop()
    return [sorted(bits, key=graph.level) for bits in after]


def count(graph: BitGraph, bits: Sequence[Literal], size: int) -> Sequence[Literal]:
    """The number of ones among ``bits``."""
    if size == 3:
        return graph.full_add(*bits)
    return graph.count_seven([*bits, *[ZERO] * (size - len(bits))])
