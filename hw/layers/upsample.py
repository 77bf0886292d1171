# SPDX-License-Identifier: Apache-2.0
"""Upsampling unit."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Mux, Signal

from xnorflow.hw.layers.line_buffer import WRITE_CYCLES, LineBuffer
from xnorflow.hw.layers.loop_nest import Loop, LoopNest
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.ir import StreamType
from xnorflow.ir import UpsampleUnit as UpsampleUnitNode

__all__ = ["UPSAMPLE_CYCLES", "UpsampleUnit", "upsample_depth_beats"]

UPSAMPLE_CYCLES = WRITE_CYCLES + 1
"""The line buffer, and the register behind its memory."""


def upsample_depth_beats(node: UpsampleUnitNode, source: StreamType) -> int:
    """Fewest beats of a line buffer with which a beat goes out in every cycle.

    What comes again is kept whole: a row, or a pixel where only columns are repeated. The last
    time each beat makes room as it goes. Two beats are what is read and what comes.
    """
    rows, columns = node.factor
    kept = source.beats_per_vector if columns > 1 else 1
    if rows > 1:
        kept = node.shape[1] * source.beats_per_vector
    return max(kept, 1 + WRITE_CYCLES)


class UpsampleUnit(StreamUnit):
    """Reads each pixel of a row, and each row, out of a :class:`LineBuffer` as often as asked for.

    **Timing.** ``ii_vector`` is the beats of a pixel; a beat goes out in every cycle;
    ``latency_first = UPSAMPLE_CYCLES + SKID_CYCLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    _node: UpsampleUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build line buffer, loops and output buffer."""
        m = Module()
        output = self._build_output(m)
        depth = upsample_depth_beats(self._node, self._source)
        m.submodules.line_buffer = buffer = LineBuffer(self._source.width_bits, depth, [0], 1)
        loops, read = self._loops(), buffer.read
        done = loops.ends(m, read, "row_again", "column_again")
        m.d.comb += [
            buffer.i.payload.eq(self.i.payload.as_value()),
            buffer.i.valid.eq(self.i.valid),
            self.i.ready.eq(buffer.i.ready),
            buffer.advance.eq(output.i.ready),
            buffer.steps[0].eq(loops.change(m, read, 0, lambda d: d % depth, "step")),
            buffer.surplus_change.eq(loops.change(m, read, 0, np.negative, "surplus_change")),
            buffer.fill_change.eq(Mux(done, -1, 0)),
        ]
        loops.build_step(m, read)
        valid = Signal()
        with m.If(buffer.advance):
            m.d.sync += valid.eq(read)
        m.d.comb += [
            output.i.valid.eq(valid),
            output.i.payload.as_value().eq(buffer.beats[0]),
        ]
        return m

    def _loops(self) -> LoopNest:
        """Rows, each several times, of pixels, each several times; all beats of a pixel."""
        (height, width, _), (rows, columns) = self._node.shape, self._node.factor
        pixel = self._source.beats_per_vector
        rounds = {
            "row": (height, width * pixel),
            "row_again": (rows, 0),
            "column": (width, pixel),
            "column_again": (columns, 0),
            "channel": (pixel, 1),
        }
        return LoopNest(
            [Loop(name, np.arange(n)[:, None] * step) for name, (n, step) in rounds.items()],
            self._source.beats_per_frame,
        )
