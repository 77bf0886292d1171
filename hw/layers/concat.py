# SPDX-License-Identifier: Apache-2.0
"""Concatenating unit."""

from __future__ import annotations

import operator
from functools import reduce

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import SkidBuffer, WrapCounter, beat_layout, beat_signature
from xnorflow.ir import ConcatUnit as ConcatUnitNode
from xnorflow.ir import StreamType

__all__ = ["ConcatUnit"]


class ConcatUnit(wiring.Component):
    """Vector by vector: all beats of the first stream, then of the next.

    A ring of bits says whose turn it is; each input counts its own beats.

    **Timing.** Latency ``SKID_CYCLES``; a beat a cycle.

    Parameters
    ----------
    node
        The layer.
    sources
        Types of the streams that it reads.

    Members
    -------
    i_0, i_1, ... : In(stream)
    o : Out(stream)

    Raises
    ------
    GraphError
        If the layer cannot read such streams.
    """

    def __init__(self, node: ConcatUnitNode, *sources: StreamType) -> None:
        self._result = node.infer(sources)
        self._sources = sources
        inputs = {f"i_{port}": In(beat_signature(source)) for port, source in enumerate(sources)}
        super().__init__({**inputs, "o": Out(beat_signature(self._result))})
        self._inputs = [getattr(self, name) for name in inputs]

    def elaborate(self, platform: object) -> Module:
        """Build the ring, the choice and the output buffer."""
        m = Module()
        m.submodules.output = output = SkidBuffer(beat_layout(self._result))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        count = len(self._sources)
        turn, offered, last = Signal(count, init=1), Signal(count), Signal(count)
        payloads: list[Value] = []
        for port, (source, taken) in enumerate(zip(self._sources, self._inputs, strict=True)):
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
