# SPDX-License-Identifier: Apache-2.0
"""Nested loops that walk along a buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from numpy.typing import NDArray

from xnorflow.hw.popcount import range_shape
from xnorflow.hw.streams import WrapCounter

__all__ = ["Loop", "LoopNest"]

Changes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A loop, and what each of its rounds adds to the positions that are followed.

    Parameters
    ----------
    name
        Name of its counter.
    offsets
        Shape ``(rounds, positions)``.
    """

    name: str
    offsets: NDArray[np.int64]

    @property
    def changes(self) -> Changes:
        """From each round to the next: shape ``(rounds - 1, positions)``."""
        changes: Changes = np.diff(self.offsets, axis=0)
        return changes

    @property
    def travel(self) -> Changes:
        """From the first round to the last: shape ``(positions,)``."""
        travel: Changes = self.offsets[-1] - self.offsets[0]
        return travel


class LoopNest:
    """Nested loops, and how far each position moves with the next step.

    A position is the sum of the offsets of all loops. When the outermost loop ends, everything
    starts again ``period`` further on.

    Not a component: it lives in the module that steps it. Its counters are a step ahead, so that
    all that depends on them comes out of registers.

    Parameters
    ----------
    loops
        Outermost first.
    period
        By how much every position has moved after all rounds.
    """

    def __init__(self, loops: Sequence[Loop], period: int) -> None:
        self._loops = tuple(loops)
        self._changes = tuple(self._changes_of_each_loop(period))
        turns = [i for i, loop in enumerate(loops) if len(loop.offsets) > 1]
        self._first_turn = max(turns, default=None)
        self._counters = [
            WrapCounter(len(loop.offsets), loop.name, init=int(i == self._first_turn))
            for i, loop in enumerate(loops)
        ]

    def _changes_of_each_loop(self, period: int) -> Iterator[Changes]:
        """What a step changes where it is this loop's turn, by its round; last, the period."""
        back = np.zeros(self._loops[0].offsets.shape[1], np.int64)
        changes: list[Changes] = []
        for loop in reversed(self._loops):
            changes.append(loop.changes - back)
            back = back + loop.travel
        yield from reversed(changes)
        yield (period - back)[None]

    def first_positions(self) -> list[int]:
        """Where every position starts."""
        first: list[int] = np.sum([loop.offsets[0] for loop in self._loops], axis=0).tolist()
        return first

    def largest_change(self, position: int) -> int:
        """How far ``position`` moves at most, at least 0."""
        return max(0, *(int(c[:, position].max()) for c in self._changes if len(c)))

    def change(
        self, m: Module, step: Value, position: int, form: Callable[[Changes], Changes], name: str
    ) -> Signal:
        """How far ``position`` moves with the next step, in the ``form`` that its user wants.

        Parameters
        ----------
        m, step
            Module and condition of the step.
        position
            Number of the position.
        form
            What is made of the distances when the hardware is made.
        name
            Name of the register.
        """
        tables = [form(changes[:, position]) for changes in self._changes]
        entries = np.concatenate(tables)
        shape = range_shape(int(entries.min()), int(entries.max()))
        following: Value = Const(int(tables[-1][0]), shape)
        for counter, table in zip(self._counters, tables[:-1], strict=True):
            if len(table):
                following = Mux(counter.last, following, lookup(table, counter.value, shape))
        first = tables[-1 if self._first_turn is None else self._first_turn][0]
        change = Signal(shape, init=int(first), name=name)
        with m.If(step):
            m.d.sync += change.eq(following)
        return change

    def ends(self, m: Module, step: Value, *names: str) -> Signal:
        """Whether the loops called ``names`` are all in their last round."""
        named = [
            counter
            for loop, counter in zip(self._loops, self._counters, strict=True)
            if loop.name in names
        ]
        ends = Signal(init=all(counter.length == 1 for counter in named))
        with m.If(step):
            m.d.sync += ends.eq(Cat(*(counter.last for counter in named)).all())
        return ends

    def build_step(self, m: Module, step: Value) -> None:
        """Go on to the next round of the innermost loop when ``step``."""
        turn = step
        for counter in reversed(self._counters):
            with m.If(turn):
                m.d.sync += counter.step()
            turn = turn & counter.last


def lookup(table: Changes, index: Value, shape: Shape) -> Value:
    """``table[index]``: a constant where all are the same."""
    values = [Const(int(value), shape) for value in table]
    if np.all(table == table[0]):
        return values[0]
    entry: Value = Array(values)[index]
    return entry
