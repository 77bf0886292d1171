# SPDX-License-Identifier: Apache-2.0
"""Thermometer unit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount import code_value
from xnorflow.hw.streams import SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import StreamType
from xnorflow.ir import ThermometerUnit as ThermometerUnitNode

__all__ = ["ThermometerUnit"]


class ThermometerUnit(wiring.Component):
    """Each lane as ``T`` bits: bit ``lane * T + j`` says whether it reaches ``levels[j]``.

    **Timing.** Latency ``SKID_CYCLES``; a beat a cycle.

    Parameters
    ----------
    node
        The layer.
    source
        Type of the stream that it reads.

    Members
    -------
    i : In(stream)
    o : Out(stream of ``T`` times as many lanes)

    Raises
    ------
    GraphError
        If the layer cannot read such a stream.
    """

    def __init__(self, node: ThermometerUnitNode, source: StreamType) -> None:
        self._result = node.infer((source,))
        super().__init__({"i": In(beat_signature(source)), "o": Out(beat_signature(self._result))})
        self._levels: list[int] = node.levels.tolist()
        self._element = source.element

    def elaborate(self, platform: object) -> Module:
        """Build comparisons with constants, and the output buffer."""
        m = Module()
        m.submodules.output = output = SkidBuffer(beat_layout(self._result))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        values = [code_value(code, self._element) for code in self.i.payload]
        bits = Cat(value >= level for value in values for level in self._levels)
        m.d.comb += [
            output.i.payload.as_value().eq(bits),
            output.i.valid.eq(self.i.valid),
            self.i.ready.eq(output.i.ready),
        ]
        return m
