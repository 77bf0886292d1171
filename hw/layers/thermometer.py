# SPDX-License-Identifier: Apache-2.0
"""Thermometer unit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.popcount import code_value
from xnorflow.ir import ThermometerUnit as ThermometerUnitNode

__all__ = ["ThermometerUnit"]


class ThermometerUnit(StreamUnit):
    """Each lane as ``T`` bits: bit ``lane * T + j`` says whether it reaches ``levels[j]``.

    **Timing.** Latency ``SKID_CYCLES``; a beat a cycle.

    Members
    -------
    i : In(stream)
    o : Out(stream of ``T`` times as many lanes)
    """

    _node: ThermometerUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build comparisons with constants, and the output buffer."""
        m = Module()
        output = self._build_output(m)
        values = [code_value(code, self._source.element) for code in self.i.payload]
        bits = Cat(value >= level for value in values for level in self._node.levels.tolist())
        m.d.comb += [
            output.i.payload.as_value().eq(bits),
            output.i.valid.eq(self.i.valid),
            self.i.ready.eq(output.i.ready),
        ]
        return m
