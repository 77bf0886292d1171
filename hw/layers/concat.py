# SPDX-License-Identifier: Apache-2.0
"""Concatenating unit."""

from __future__ import annotations

import operator
from functools import reduce

from amaranth.hdl import Cat, Module, Signal, Value

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.streams import WrapCounter
from xnorflow.ir import ConcatUnit as ConcatUnitNode

__all__ = ["ConcatUnit"]


class ConcatUnit(StreamUnit):
    """Vector by vector: all beats of the first stream, then of the next.

    A ring of bits says whose turn it is; each input counts its own beats.

    **Timing.** Latency ``SKID_CYCLES``; a beat a cycle.

    Members
    -------
    i_0, i_1, ... : In(stream)
    o : Out(stream)
    """

    _node: ConcatUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build the ring, the choice and the output buffer."""
        m = Module()
        output = self._build_output(m)
        count = len(self._sources)
        turn, offered, last = Signal(count, init=1), Signal(count), Signal(count)
        payloads: list[Value] = []
        for port, source in enumerate(self._sources):
            taken = getattr(self, f"i_{port}")
            beat = WrapCounter(source.beats_per_vector, f"beat_{port}")
            m.d.comb += [
                offered[port].eq(taken.valid & turn[port]),
                last[port].eq(beat.last),
                taken.ready.eq(output.i.ready & turn[port]),
            ]
            with m.If(offered[port] & output.i.ready):
                m.d.sync += beat.step()
            code = taken.payload.as_value()
            payloads.append(code & turn[port].replicate(len(code)))
        m.d.comb += [
            output.i.valid.eq(offered.any()),
            output.i.payload.as_value().eq(reduce(operator.or_, payloads)),
        ]
        with m.If((offered & last).any() & output.i.ready):
            m.d.sync += turn.eq(Cat(turn[-1], turn[:-1]))
        return m
