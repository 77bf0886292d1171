# SPDX-License-Identifier: Apache-2.0
"""Global pooling unit."""

from __future__ import annotations

from amaranth.hdl import EnableInserter, Module, Signal

from xnorflow.hw.layers.accumulator import Accumulator
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.layers.tap_tree import pool_result, pool_shape, pool_value
from xnorflow.hw.streams import delayed_bit
from xnorflow.ir import GlobalPoolUnit as GlobalPoolUnitNode

__all__ = ["GlobalPoolUnit"]


class GlobalPoolUnit(StreamUnit):
    """Largest value or sum over all vectors of a frame, channel by channel, in as many lanes.

    The totals of a vector's beats come round in delay lines, one beat after the other: there is
    no address, and so no total that is read before it is written.

    **Timing.** ``ii_vector`` and ``ii_frame`` are the beats of a frame;
    ``latency_first = beats before the last vector + ACCUMULATE_CYCLES + SKID_CYCLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    _node: GlobalPoolUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build accumulator and output buffer."""
        m = Module()
        output = self._build_output(m)
        advance = Signal()
        accumulator = self._make_accumulator()
        m.submodules.accumulator = EnableInserter(advance)(accumulator)
        complete = delayed_bit(m, accumulator.complete, 1, enable=advance, name="complete")
        m.d.comb += [
            advance.eq(output.i.ready),
            self.i.ready.eq(advance),
            accumulator.valid.eq(self.i.valid),
            output.i.valid.eq(complete),
        ]
        element, count = self._source.element, self._source.vectors
        for lane, code in enumerate(self.i.payload):
            result = pool_result(accumulator.totals[lane], self._node.kind, element, count)
            m.d.comb += [
                accumulator.values[lane].eq(pool_value(code, element)),
                output.i.payload[lane].eq(result),
            ]
        return m

    def _make_accumulator(self) -> Accumulator:
        source = self._source
        return Accumulator(
            pool_shape(self._node.kind, source.element, 1),
            pool_shape(self._node.kind, source.element, source.vectors),
            source.lanes,
            source.vectors,
            kind=self._node.kind,
            groups=source.beats_per_vector,
        )
