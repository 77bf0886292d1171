# SPDX-License-Identifier: Apache-2.0
"""Windows out of a chain of delays, all of their pixels in a beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.delay_lines import DelayLines
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.streams import WrapCounter

__all__ = ["CHAIN_CYCLES", "WindowChain"]

CHAIN_CYCLES = 1
"""From a beat's arrival to ``valid``: the register at the head of the chain."""


class WindowChain(wiring.Component):
    """Delays the image by the distances between the taps; tells when they are those of a window.

    All taps of a window and a channel group are there when the one of its last pixel comes.
    Where windows would run over the end of a row nothing is told. A window of one pixel is
    a chain without delays, which leaves out what no window needs.

    **Timing.** A beat in every cycle, :attr:`valid` :data:`CHAIN_CYCLES` after a window's last one.

    Parameters
    ----------
    payload_shape
        Shape of a beat of the image.
    schedule
        Distances of taps, places of windows.

    Members
    -------
    i : In(stream)
    advance : In(1)
        Whether the pipeline moves on.
    valid : Out(1)
        Whether ``taps`` are those of a window. It holds until the pipeline moves on.
    taps : Out(taps x payload_shape)
    """

    def __init__(self, payload_shape: ShapeLike, schedule: WindowSchedule) -> None:
        self._payload_shape = Shape.cast(payload_shape)
        self._schedule = schedule
        taps = data.ArrayLayout(self._payload_shape, schedule.window.taps)
        super().__init__(
            {
                "i": In(stream.Signature(self._payload_shape)),
                "advance": In(1),
                "valid": Out(1),
                "taps": Out(taps),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the chain and the counters of places."""
        m = Module()
        accept, valid = Signal(), Signal()
        m.d.comb += [self.i.ready.eq(self.advance), accept.eq(self.i.valid & self.advance)]
        self._build_taps(m, accept)
        complete = self._build_places(m, accept)
        with m.If(self.advance):
            m.d.sync += valid.eq(accept & complete)
        m.d.comb += self.valid.eq(valid)
        return m

    def _build_taps(self, m: Module, accept: Signal) -> None:
        newest = Signal(self._payload_shape, reset_less=True)
        with m.If(accept):
            m.d.sync += newest.eq(self.i.payload)
        m.d.comb += self.taps[self._schedule.window.taps - 1].eq(newest)
        gaps = np.diff(self._schedule.tap_offsets)
        for steps in np.unique(gaps).tolist():
            taps = np.flatnonzero(gaps == steps).tolist()
            lines = DelayLines(self._payload_shape, len(taps), steps)
            m.submodules[f"delays_{steps}"] = lines
            m.d.comb += lines.step.eq(accept)
            for line, tap in enumerate(taps):
                m.d.comb += [lines.i[line].eq(self.taps[tap + 1]), self.taps[tap].eq(lines.o[line])]

    def _build_places(self, m: Module, accept: Signal) -> Value:
        """Whether the beat that comes is the last one of a window."""
        schedule = self._schedule
        channel = WrapCounter(schedule.beats_per_pixel, "channel")
        row, column = (
            WindowEnds(size, extent, stride, name)
            for size, extent, stride, name in zip(
                schedule.shape,
                schedule.window.extent,
                schedule.window.stride,
                ("row", "column"),
                strict=True,
            )
        )
        with m.If(accept):
            m.d.sync += channel.step()
            with m.If(channel.last):
                m.d.sync += column.step()
                with m.If(column.last):
                    m.d.sync += row.step()
        return row.here & column.here


class WindowEnds:
    """Counts along an axis and tells where windows end. It lives in the module that steps it.

    Parameters
    ----------
    size
        Length of the axis.
    extent, stride
        Of the windows.
    name
        Name of the axis.

    Attributes
    ----------
    here
        Whether a window ends here.
    last
        Whether this is the last place of the axis.
    """

    def __init__(self, size: int, extent: int, stride: int, name: str) -> None:
        self._place = WrapCounter(size, name)
        self._restarts = extent - 1, stride - 1
        self._left: Value = Const(0)
        if any(self._restarts):
            self._left = Signal(range(max(extent, stride)), init=extent - 1, name=f"{name}_left")
        self.here: Value = self._left == 0
        self.last = self._place.last

    def step(self) -> list[Any]:
        """Statements, for a clocked domain, that go on to the next place."""
        if isinstance(self._left, Const):
            return self._place.step()
        first, following = self._restarts
        left = Mux(self.last, first, Mux(self.here, following, self._left - 1))
        return [*self._place.step(), self._left.eq(left)]
