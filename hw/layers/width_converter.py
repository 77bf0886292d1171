# SPDX-License-Identifier: Apache-2.0
"""Stream width converter (DWC)."""

from __future__ import annotations

import math

from amaranth.hdl import Module, Mux, Signal

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.ir import StreamType
from xnorflow.ir import WidthConverter as WidthConverterNode

__all__ = ["COLLECT_CYCLES", "WidthConverter"]

COLLECT_CYCLES = 1
"""The register between the arrival of a lane and the output buffer."""


class WidthConverter(StreamUnit):
    """The same elements in the same order, another number a beat.

    One structure for widening, narrowing and everything between. With ``g`` the greatest common
    divisor of both numbers of lanes, an input beat has ``a`` groups of ``g`` lanes, an output beat
    ``b``. A shift register of ``a + b - 1`` groups takes a beat behind the groups that wait, and
    gives its lowest ``b``: just enough never to stop. (With ``b = 1`` it is a shift register
    that is loaded when empty; with ``a = 1`` it has a place for each beat that it collects.)

    **Timing.** ``ii_vector`` is the larger one of the beats that come and go for each vector;
    ``latency_first = ceil(b / a) - 1 + COLLECT_CYCLES + SKID_CYCLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, node: WidthConverterNode, source: StreamType) -> None:
        super().__init__(node, source)
        group_lanes = math.gcd(source.lanes, self._result.lanes)
        self._group_bits = group_lanes * source.element.width_bits
        self._taken = source.lanes // group_lanes
        self._given = self._result.lanes // group_lanes

    def elaborate(self, platform: object) -> Module:
        """Build shift register, count of groups and output buffer."""
        m = Module()
        output = self._build_output(m)
        capacity = self._taken + self._given - 1
        groups = Signal(capacity * self._group_bits, reset_less=True)
        waiting = Signal(range(capacity + 1))
        kept = Signal(range(capacity + 1))
        give = Signal()
        m.d.comb += [
            output.i.valid.eq(waiting >= self._given),
            output.i.payload.as_value().eq(groups[: self._given * self._group_bits]),
            give.eq(output.i.valid & output.i.ready),
            kept.eq(Mux(give, waiting - self._given, waiting)),
            self.i.ready.eq(kept < self._given),
        ]
        m.d.sync += waiting.eq(kept)
        with m.If(give):
            m.d.sync += groups.eq(groups >> (self._given * self._group_bits))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += waiting.eq(kept + self._taken)
            self._build_arrival(m, groups, kept)
        return m

    def _build_arrival(self, m: Module, groups: Signal, kept: Signal) -> None:
        """Put the beat behind the groups that are kept."""
        beat = self.i.payload.as_value()
        with m.Switch(kept):
            for first in range(self._given):
                with m.Case(first):
                    start = first * self._group_bits
                    m.d.sync += groups[start : start + len(beat)].eq(beat)
