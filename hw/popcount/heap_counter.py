# SPDX-License-Identifier: Apache-2.0
"""XNOR-popcounts by counters of three and seven bits, for Xilinx 7 series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal, Value

from xnorflow.hw.primitives import CounterKind, CounterRow

__all__ = [
    "MOST_ROWS",
    "HeapCounter",
    "first_heights",
    "first_pairs",
    "heap_registers",
    "next_heights",
    "next_steps",
]

MOST_ROWS = 2
"""Bits of one weight that are left to an adder."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is done to the bits of one weight.

    Parameters
    ----------
    kind
        Counters.
    counters
        How many.
    taken
        Bits that they take; less than they have inputs where the last one has an input to spare.
    """

    kind: CounterKind
    counters: int
    taken: int


def next_steps(heights: Sequence[int]) -> list[Step]:
    """Counters for so many bits of each weight: of seven bits, and of three when few are left."""
    kind = CounterKind.SEVEN if max(heights) > 5 else CounterKind.THREE
    steps = []
    for bits in heights:
        counters, rest = divmod(bits, kind.inputs)
        if kind is CounterKind.SEVEN and rest == kind.inputs - 1:
            counters, rest = counters + 1, 0
        steps.append(Step(kind, counters, bits - rest))
    return steps


def next_heights(heights: Sequence[int], steps: Sequence[Step]) -> list[int]:
    """Bits of each weight behind ``steps``."""
    after = [bits - step.taken for bits, step in zip(heights, steps, strict=True)] + [0, 0]
    for weight, step in enumerate(steps):
        for output in range(step.kind.outputs):
            after[weight + output] += step.counters
    while after and not after[-1]:
        after.pop()
    return after


def first_heights(lanes: int) -> list[int]:
    """Bits of weights 1 and 2 behind the first counters: those of triples of lanes."""
    triples = lanes // 3
    return [lanes - 2 * triples, triples] if triples else [lanes]


def first_pairs(lanes: int) -> int:
    """LUTs that see the lanes outside of triples, and one lane of each triple."""
    return (lanes - 2 * (lanes // 3) + 1) // 2


def heap_levels(lanes: int) -> int:
    """Levels of counters behind the first ones, and the adder."""
    heights, levels = first_heights(lanes), 0
    while max(heights) > MOST_ROWS:
        heights, levels = next_heights(heights, next_steps(heights)), levels + 1
    return levels + 1


def heap_registers(lanes: int, levels_per_stage: int) -> int:
    """Registers between the lanes and their number of matches.

    One follows the first counters, one each ``levels_per_stage`` levels behind that; there is none
    for 0 levels a stage.
    """
    return 1 + heap_levels(lanes) // levels_per_stage if levels_per_stage else 0


class HeapCounter:
    """Builds the counters in a module, level by level, and the adder behind them.

    The first counters see a third of the lanes alone, and two each of the others. What is left of
    each weight goes through counters of seven bits, then of three, until an adder can take it.

    Parameters
    ----------
    m
        The module; registers go to its ``sync`` domain and have no reset.
    lanes
        Number of lanes.
    levels_per_stage
        As in :func:`heap_registers`.
    """

    def __init__(self, m: Module, lanes: int, *, levels_per_stage: int) -> None:
        self._m = m
        self._lanes = lanes
        self._levels_per_stage = levels_per_stage
        self._height = 0

    def count(self, inputs: Value, stored: Value) -> Value:
        """Number of lanes whose weight and input are equal, :func:`heap_registers` later.

        Parameters
        ----------
        inputs
            A bit a lane.
        stored
            The complement of the weight's code.
        """
        columns = self._first(inputs, stored)
        if self._levels_per_stage:
            columns = self._delay(columns)
        while max(map(len, columns)) > MOST_ROWS:
            columns = self._next(columns)
            columns = self._delay_at_stage(columns)
        first, second = (Cat(bit_or_zero(column, row) for column in columns) for row in (0, 1))
        total = (first + second)[: self._lanes.bit_length()]
        self._height += 1
        return Cat(*self._delay_at_stage(list(total)))

    def _first(self, x: Value, v: Value) -> list[Value]:
        triples = self._lanes // 3
        alone = self._lanes - 2 * triples
        pairs = first_pairs(self._lanes)
        padding = Const(0, 2 * pairs - alone)
        x_alone, v_alone = (Cat(bits[2 * triples :], padding) for bits in (x, v))
        matches = self._row(
            CounterKind.MATCHES,
            [x_alone[:pairs], v_alone[:pairs], x_alone[pairs:], v_alone[pairs:]],
        )
        bits = Cat(*matches)[:alone]
        if not triples:
            return [bits]
        first, second = slice(triples), slice(triples, 2 * triples)
        sums, carries = self._row(
            CounterKind.ADD_MATCHES, [x[first], v[first], x[second], v[second], bits[first]]
        )
        return [Cat(sums, bits[triples:]), carries]

    def _next(self, columns: list[Value]) -> list[Value]:
        self._height += 1
        heights = [len(column) for column in columns]
        steps = next_steps(heights)
        found: list[list[Value]] = [[] for _ in range(len(columns) + 2)]
        for weight, (column, step) in enumerate(zip(columns, steps, strict=True)):
            if step.counters:
                inputs = self._dealt(column[: step.taken], step)
                outputs = self._row(step.kind, inputs, f"_{self._height}_{weight}")
                for above, bits in enumerate(outputs):
                    found[weight + above].append(bits)
            found[weight].append(column[step.taken :])
        return [Cat(*bits) for bits in found[: len(next_heights(heights, steps))]]

    @staticmethod
    def _dealt(bits: Value, step: Step) -> list[Value]:
        """``bits``, with zeros where they are too few, by the inputs of the counters."""
        each = step.counters
        filled = Cat(bits, Const(0, step.kind.inputs * each - step.taken))
        return [filled[number * each : (number + 1) * each] for number in range(step.kind.inputs)]

    def _row(self, kind: CounterKind, inputs: Sequence[Value], suffix: str = "") -> list[Value]:
        self._m.submodules[f"{kind}{suffix}"] = row = CounterRow(kind, len(inputs[0]))
        self._m.d.comb += [port.eq(bits) for port, bits in zip(row.inputs, inputs, strict=True)]
        return row.outputs

    def _delay_at_stage(self, columns: list[Value]) -> list[Value]:
        each = self._levels_per_stage
        return self._delay(columns) if each and self._height % each == 0 else columns

    def _delay(self, columns: list[Value]) -> list[Value]:
        delayed = []
        for weight, column in enumerate(columns):
            name = f"bits_{self._height}_{weight}"
            register = Signal(len(column), name=name, reset_less=True)
            self._m.d.sync += register.eq(column)
            delayed.append(register)
        return list(delayed)


def bit_or_zero(column: Value, row: int) -> Value:
    """Bit ``row`` of ``column``, if it has one."""
    bit: Value = column[row] if row < len(column) else Const(0, 1)
    return bit
