# SPDX-License-Identifier: Apache-2.0
"""First-in first-out buffer."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import SKID_CYCLES, SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import Fifo as FifoNode
from xnorflow.ir import StreamType

__all__ = ["MEMORY_CYCLES", "Fifo", "fifo_cycles"]

MEMORY_CYCLES = 2
"""Through an empty memory with synchronous read."""


def fifo_cycles(depth_beats: int) -> int:
    """Cycles from an accepted beat to its appearance at the output of an empty buffer."""
    return SKID_CYCLES if depth_beats == 2 else MEMORY_CYCLES


class Fifo(wiring.Component):
    """Holds up to ``depth_beats`` beats.

    Two beats are two registers; more are a memory, of block RAM where it is large, with an output
    register.

    **Timing.** A beat a cycle at any depth; ``latency_first = fifo_cycles(depth_beats)``.

    Parameters
    ----------
    node
        The layer.
    source
        Type of the stream that it reads.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, node: FifoNode, source: StreamType) -> None:
        super().__init__({"i": In(beat_signature(source)), "o": Out(beat_signature(source))})
        self._depth_beats = node.depth_beats
        self._source = source

    def elaborate(self, platform: object) -> Module:
        """Build the buffer."""
        m = Module()
        if self._depth_beats == 2:
            m.submodules.registers = registers = SkidBuffer(beat_layout(self._source))
            wiring.connect(m, wiring.flipped(self.i), registers.i)
            wiring.connect(m, registers.o, wiring.flipped(self.o))
            return m
        fifo = SyncFIFOBuffered(width=self._source.width_bits, depth=self._depth_beats)
        m.submodules.beats = fifo
        m.d.comb += [
            fifo.w_data.eq(self.i.payload.as_value()),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.as_value().eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        return m
