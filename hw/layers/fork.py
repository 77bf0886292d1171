# SPDX-License-Identifier: Apache-2.0
"""Fork: one stream for several readers."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import beat_signature
from xnorflow.ir import Fork as ForkNode
from xnorflow.ir import StreamType

__all__ = ["FORK_CYCLES", "Fork"]

FORK_CYCLES = 0
"""No register stands in the way of a beat."""


class Fork(wiring.Component):
    """Each beat for all readers; each takes it when it likes, the next one comes after the last.

    A reader sees the beat until it has taken it. Nothing but one flag for each way is stored:
    payload and valid go through, and ready comes back, without a register. A design has FIFOs
    before and behind, which cut these paths.

    **Timing.** Latency :data:`FORK_CYCLES`; a beat a cycle.

    Parameters
    ----------
    node
        The layer.
    source
        Type of the stream that it reads.

    Members
    -------
    i : In(stream)
    o_0, o_1, ... : Out(stream)
        One for each way.
    """

    def __init__(self, node: ForkNode, source: StreamType) -> None:
        result = node.infer((source,))
        ways = {f"o_{way}": Out(beat_signature(result)) for way in range(node.ways)}
        super().__init__({"i": In(beat_signature(source)), **ways})
        self._outputs = [getattr(self, name) for name in ways]

    def elaborate(self, platform: object) -> Module:
        """Build the flags."""
        m = Module()
        ways = len(self._outputs)
        done, taken = Signal(ways), Signal(ways)
        for way, output in enumerate(self._outputs):
            m.d.comb += [
                output.payload.eq(self.i.payload),
                output.valid.eq(self.i.valid & ~done[way]),
            ]
        m.d.comb += [
            taken.eq(done | Cat(output.ready for output in self._outputs)),
            self.i.ready.eq(taken.all()),
        ]
        with m.If(self.i.valid):
            m.d.sync += done.eq(taken & ~self.i.ready.replicate(ways))
        return m
