# SPDX-License-Identifier: Apache-2.0
"""Sliding-window unit (SWU)."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.window_chain import WindowChain
from xnorflow.hw.layers.window_reader import WindowReader
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.streams import SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import SlidingWindow as SlidingWindowNode
from xnorflow.ir import StreamType

__all__ = ["SlidingWindow"]


class SlidingWindow(wiring.Component):
    """Takes an image pixel by pixel; gives the windows over it, ``taps_per_beat`` pixels a beat.

    Where all taps go out together it is a :class:`WindowChain`, else a :class:`WindowReader`.

    **Timing.** The windows of a frame follow those of the one before without a gap; see
    :func:`xnorflow.hw.estimate.cycles.sliding_window_timing`.

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

    Raises
    ------
    GraphError
        If the layer cannot read such a stream.
    """

    def __init__(self, node: SlidingWindowNode, source: StreamType) -> None:
        self._result = node.infer((source,))
        super().__init__({"i": In(beat_signature(source)), "o": Out(beat_signature(self._result))})
        self._node = node
        self._source = source

    def elaborate(self, platform: object) -> Module:
        """Build the windows and the output buffer."""
        m = Module()
        m.submodules.output = output = SkidBuffer(beat_layout(self._result))
        wiring.connect(m, output.o, wiring.flipped(self.o))
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
