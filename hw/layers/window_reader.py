# SPDX-License-Identifier: Apache-2.0
"""Windows out of a line buffer, some of their pixels a beat."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from xnorflow.hw.layers.line_buffer import WRITE_CYCLES, LineBuffer
from xnorflow.hw.layers.window_schedule import WindowSchedule

__all__ = ["READER_CYCLES", "WindowReader"]

READER_CYCLES = WRITE_CYCLES + 1
"""From a beat's arrival to ``valid``: the line buffer, and the register behind its memories."""


class WindowReader(wiring.Component):
    """Reads each window's groups of taps from a :class:`LineBuffer`.

    **Timing.** A beat a cycle, as soon as its last pixel has come; the first one
    :data:`READER_CYCLES` after that.

    Parameters
    ----------
    payload_shape
        Shape of a beat of the image.
    schedule
        What to read.
    depth_beats
        Beats that the line buffer holds.

    Members
    -------
    i : In(stream)
    advance : In(1)
        Whether the pipeline moves on.
    valid : Out(1)
        Whether ``taps`` are some of a window. It holds until the pipeline moves on.
    taps : Out(taps_per_beat x payload_shape)
    """

    def __init__(
        self, payload_shape: ShapeLike, schedule: WindowSchedule, depth_beats: int
    ) -> None:
        self._payload_shape = Shape.cast(payload_shape)
        self._schedule = schedule
        self._depth_beats = depth_beats
        taps = data.ArrayLayout(self._payload_shape, schedule.taps_per_beat)
        super().__init__(
            {
                "i": In(stream.Signature(self._payload_shape)),
                "advance": In(1),
                "valid": Out(1),
                "taps": Out(taps),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the line buffer and the loops over its places."""
        m = Module()
        loops = self._schedule.loops()
        *first, _ = loops.first_positions()
        last, kept = len(first) - 1, len(first)
        m.submodules.line_buffer = buffer = LineBuffer(
            self._payload_shape,
            self._depth_beats,
            first,
            max(loops.largest_change(last), loops.largest_change(kept)),
        )
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        read = buffer.read
        m.d.comb += [
            buffer.advance.eq(self.advance),
            buffer.surplus_change.eq(loops.change(m, read, last, np.negative, "surplus_change")),
            buffer.fill_change.eq(loops.change(m, read, kept, np.negative, "fill_change")),
            self.taps.eq(buffer.beats),
            *(
                buffer.steps[copy].eq(loops.change(m, read, copy, self._around, f"step_{copy}"))
                for copy in range(len(first))
            ),
        ]
        loops.build_step(m, read)
        valid = Signal()
        with m.If(self.advance):
            m.d.sync += valid.eq(buffer.read)
        m.d.comb += self.valid.eq(valid)
        return m

    def _around(self, distances: NDArray[np.int64]) -> NDArray[np.int64]:
        """``distances`` modulo the depth."""
        return distances % self._depth_beats
