# SPDX-License-Identifier: Apache-2.0
"""Makes one value of the values that come one after the other: their sum, or the largest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.delay_lines import DelayLines
from xnorflow.hw.streams import WrapCounter
from xnorflow.ir import PoolKind

__all__ = ["ACCUMULATE_CYCLES", "Accumulator"]

ACCUMULATE_CYCLES = 1
"""The register that accumulates."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of values in their total.

    Parameters
    ----------
    first, last
        Whether they are the first, and the last.
    step
        Statements, for a clocked domain, that go on to the next place.
    """

    first: Value
    last: Value
    step: list[Any]


class Accumulator(wiring.Component):
    """``totals`` are the sums (or the maxima) of ``length`` valid ``values``, lane by lane.

    With several groups, which come in turn, each has a total of its own; those of the other
    groups wait in delay lines. Sums are modulo ``2**shape.width``: a total that fits is right,
    whatever happened on the way.

    **Timing.** ``totals`` holds a total in the cycle after ``complete``. Everything stands still
    where the clock is not enabled.

    Parameters
    ----------
    value_shape
        Shape of a value.
    shape
        Shape of a total.
    lanes
        Totals in parallel (``pe``).
    length
        Values that a total is made of (``sf``); None if ``last`` says where a total ends.
    kind
        Sum or largest value.
    groups
        Totals that are made in turn.
    carries
        Whether each value comes with a bit that is added to it; only for sums.

    Members
    -------
    valid : In(1)
        Whether ``values`` are there.
    values : In(lanes x value_shape)
    carries : In(lanes)
        The bits. Only with ``carries``.
    last : In(1)
        Whether ``values`` are the last of a total, of every group. Only without a ``length``.
    complete : Out(1)
        Whether ``values`` are the last of a total.
    totals : Out(lanes x shape)
    """

    def __init__(
        self,
        value_shape: Shape,
        shape: Shape,
        lanes: int,
        length: int | None,
        *,
        kind: PoolKind = PoolKind.SUM,
        groups: int = 1,
        carries: bool = False,
    ) -> None:
        super().__init__(
            {
                "valid": In(1),
                "values": In(data.ArrayLayout(value_shape, lanes)),
                "complete": Out(1),
                "totals": Out(data.ArrayLayout(shape, lanes)),
                **({"carries": In(lanes)} if carries else {}),
                **({"last": In(1)} if length is None else {}),
            }
        )
        self._shape = shape
        self._lanes = lanes
        self._length = length
        self._kind = kind
        self._groups = groups
        self._has_carries = carries

    def elaborate(self, platform: object) -> Module:
        """Build the registers."""
        m = Module()
        place, group = self._place(), WrapCounter(self._groups, "group")
        m.d.comb += self.complete.eq(self.valid & place.last)
        totals = [
            Signal(self._shape, name=f"total_{lane}", reset_less=True)
            for lane in range(self._lanes)
        ]
        m.d.comb += [self.totals[lane].eq(total) for lane, total in enumerate(totals)]
        waiting = self._build_waiting(m, totals)
        with m.If(self.valid):
            m.d.sync += group.step()
            with m.If(group.last):
                m.d.sync += place.step
            for lane, total in enumerate(totals):
                m.d.sync += total.eq(self._next(place.first, waiting[lane], lane))
        return m

    def _place(self) -> Place:
        """Where in a total the values are."""
        if self._length is not None:
            beat = WrapCounter(self._length, "beat")
            return Place(beat.value == 0, beat.last, beat.step())
        first = Signal(init=1)
        return Place(first, self.last, [first.eq(self.last)])

    def _build_waiting(self, m: Module, totals: list[Signal]) -> list[Value]:
        """The totals of the group whose turn it is."""
        if self._groups == 1 or self._length == 1:
            return list(totals)
        m.submodules.waiting = lines = DelayLines(self._shape, self._lanes, self._groups - 1)
        m.d.comb += [lines.step.eq(self.valid), lines.i.eq(self.totals)]
        return [lines.o[lane] for lane in range(self._lanes)]

    def _next(self, first: Value, total: Value, lane: int) -> Value:
        """The total of a lane with its value."""
        value: Value = self.values[lane]
        if self._kind is PoolKind.MAX and self._length != 1:
            return Mux(first | (value > total), value, total)
        if self._length == 1:
            return value + self.carries[lane] if self._has_carries else value
        before = Mux(first, Const(0, self._shape), total)
        if not self._has_carries:
            return before + value
        # One chain of adders that starts with the carry.
        return (Cat(self.carries[lane], before) + Cat(Const(1, 1), value))[1:]
