# SPDX-License-Identifier: Apache-2.0
"""Adding unit."""

from __future__ import annotations

from amaranth.hdl import Module

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.popcount import code_value
from xnorflow.ir import AddUnit as AddUnitNode

__all__ = ["AddUnit"]


class AddUnit(StreamUnit):
    """``(a << shifts[0]) + (b << shifts[1])``, lane by lane.

    The beats of both inputs are taken in step, when both are there. So the valid of one is the
    ready of the other, without a register; a design has FIFOs before, which cut this path.

    **Timing.** Latency ``SKID_CYCLES`` from the later one of the two; a beat a cycle.

    Members
    -------
    i_0, i_1 : In(stream)
    o : Out(stream)
    """

    _node: AddUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build adders and output buffer."""
        m = Module()
        output = self._build_output(m)
        m.d.comb += [
            output.i.valid.eq(self.i_0.valid & self.i_1.valid),
            self.i_0.ready.eq(output.i.ready & self.i_1.valid),
            self.i_1.ready.eq(output.i.ready & self.i_0.valid),
        ]
        for lane, codes in enumerate(zip(self.i_0.payload, self.i_1.payload, strict=True)):
            a, b = (
                code_value(code, source.element) << shift
                for code, source, shift in zip(codes, self._sources, self._node.shifts, strict=True)
            )
            m.d.comb += output.i.payload[lane].eq(a + b)
        return m
