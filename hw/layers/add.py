# SPDX-License-Identifier: Apache-2.0
"""Adding unit."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount import code_value
from xnorflow.hw.streams import SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import AddUnit as AddUnitNode
from xnorflow.ir import StreamType

__all__ = ["AddUnit"]


class AddUnit(wiring.Component):
    """``(a << shifts[0]) + (b << shifts[1])``, lane by lane.

    The beats of both inputs are taken in step, when both are there. So the valid of one is the
    ready of the other, without a register; a design has FIFOs before, which cut this path.

    **Timing.** Latency ``SKID_CYCLES`` from the later one of the two; a beat a cycle.

    Parameters
    ----------
    node
        The layer.
    first, second
        Types of the streams that it reads.

    Members
    -------
    i_0, i_1 : In(stream)
    o : Out(stream)

    Raises
    ------
    GraphError
        If the layer cannot read such streams.
    """

    def __init__(self, node: AddUnitNode, first: StreamType, second: StreamType) -> None:
        self._result = node.infer((first, second))
        super().__init__(
            {
                "i_0": In(beat_signature(first)),
                "i_1": In(beat_signature(second)),
                "o": Out(beat_signature(self._result)),
            }
        )
        self._shifts = node.shifts
        self._elements = first.element, second.element

    def elaborate(self, platform: object) -> Module:
        """Build adders and output buffer."""
        m = Module()
        m.submodules.output = output = SkidBuffer(beat_layout(self._result))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        m.d.comb += [
            output.i.valid.eq(self.i_0.valid & self.i_1.valid),
            self.i_0.ready.eq(output.i.ready & self.i_1.valid),
            self.i_1.ready.eq(output.i.ready & self.i_0.valid),
        ]
        for lane, codes in enumerate(zip(self.i_0.payload, self.i_1.payload, strict=True)):
            a, b = (
                code_value(code, element) << shift
                for code, element, shift in zip(codes, self._elements, self._shifts, strict=True)
            )
            m.d.comb += output.i.payload[lane].eq(a + b)
        return m
