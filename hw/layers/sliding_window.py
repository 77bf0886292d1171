# SPDX-License-Identifier: Apache-2.0
"""Sliding-window unit (SWU)."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.layers.window_chain import WindowChain
from xnorflow.hw.layers.window_reader import WindowReader
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.ir import SlidingWindow as SlidingWindowNode

__all__ = ["SlidingWindow"]


class SlidingWindow(StreamUnit):
    """Takes an image pixel by pixel; gives the windows over it, ``taps_per_beat`` pixels a beat.

    Where all taps go out together it is a :class:`WindowChain`, else a :class:`WindowReader`.

    **Timing.** The windows of a frame follow those of the one before without a gap; see
    :func:`xnorflow.hw.estimate.cycles.sliding_window_timing`.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    _node: SlidingWindowNode

    def elaborate(self, platform: object) -> Module:
        """Build the windows and the output buffer."""
        m = Module()
        output = self._build_output(m)
        m.submodules.windows = windows = self._make_windows()
        m.d.comb += [
            windows.i.payload.eq(self.i.payload.as_value()),
            windows.i.valid.eq(self.i.valid),
            self.i.ready.eq(windows.i.ready),
            windows.advance.eq(output.i.ready),
            output.i.valid.eq(windows.valid),
            output.i.payload.as_value().eq(self._beat(windows)),
        ]
        return m

    def _make_windows(self) -> WindowReader | WindowChain:
        schedule = WindowSchedule.of(self._node, self._source)
        if schedule.groups == 1:
            return WindowChain(self._source.width_bits, schedule)
        depth_beats = self._node.depth_pixels * self._source.beats_per_vector
        return WindowReader(self._source.width_bits, schedule, depth_beats)

    def _beat(self, windows: WindowReader | WindowChain) -> Value:
        """The lanes of all taps, and above them their flags."""
        lanes_bits = self._source.lanes * self._source.element.width_bits
        taps = [windows.taps[tap] for tap in range(self._node.taps_per_beat)]
        return Cat(*(tap[:lanes_bits] for tap in taps), *(tap[lanes_bits:] for tap in taps))
