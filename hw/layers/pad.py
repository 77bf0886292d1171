# SPDX-License-Identifier: Apache-2.0
"""Padding unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.streams import WrapCounter
from xnorflow.ir import PadUnit as PadUnitNode

__all__ = ["PadUnit"]


class PadUnit(StreamUnit):
    """Gives the rows and columns of a padded image; takes a beat where it is one of the image.

    A frame starts when its first beat is offered, so that nothing comes of a frame that does not
    come. From then on padding is given as fast as it is taken.

    **Timing.** A beat of the padded image in every cycle in which no beat of the image is
    missing, frames without a gap. A beat of the image takes ``SKID_CYCLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    _node: PadUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build the counters, the choice and the output buffer."""
        m = Module()
        output = self._build_output(m)
        top, left, *_ = self._node.padding
        height, width, _ = self._node.shape
        rows, columns, _ = self._node.padded_shape
        row, column = Place(rows, top, height, "row"), Place(columns, left, width, "column")
        channel = WrapCounter(self._source.beats_per_vector, "channel")
        inside, begun = Signal(), Signal()
        m.d.comb += [
            inside.eq(row.inside & column.inside),
            output.i.valid.eq(self.i.valid | (begun & ~inside)),
            output.i.payload.as_value().eq(Mux(inside, self._pixel(), self._padding())),
            self.i.ready.eq(inside & output.i.ready),
        ]
        with m.If(output.i.valid & output.i.ready):
            m.d.sync += [*channel.step(), begun.eq(1)]
            with m.If(channel.last):
                m.d.sync += column.step()
                with m.If(column.last):
                    m.d.sync += [*row.step(), begun.eq(~row.last)]
        return m

    def _pixel(self) -> Value:
        """A beat of the image in the type of the output."""
        beat = self.i.payload.as_value()
        if self._result.element == self._source.element:
            return Cat(beat, Const(0, self._result.zero_flags))
        return Cat(*(Cat(1, ~bit) for bit in beat))

    def _padding(self) -> Const:
        """A beat of the padding."""
        lanes, width_bits = self._result.lanes, self._result.element.width_bits
        if self._node.flags:
            return Const(1 << (lanes * width_bits), self._result.width_bits)
        code = int(self._result.element.encode(np.array(self._node.value)))
        return Const(sum(code << (width_bits * i) for i in range(lanes)), self._result.width_bits)


class Place:
    """Counts along an axis and tells where the image is. It lives in the module that steps it.

    Parameters
    ----------
    size
        Length of the axis with its padding.
    before
        Padding before the image.
    length
        Length of the image.
    name
        Name of the axis.

    Attributes
    ----------
    inside
        Whether this place is in the image: a register.
    last
        Whether this is the last place of the axis.
    """

    def __init__(self, size: int, before: int, length: int, name: str) -> None:
        self._place = WrapCounter(size, name)
        self._edges = (before - 1) % size, (before + length - 1) % size
        padded = size > length
        self.inside: Value = (
            Signal(init=before == 0, name=f"inside_{name}s") if padded else Const(1)
        )
        self.last = self._place.last

    def step(self) -> list[Any]:
        """Statements, for a clocked domain, that go on to the next place."""
        if isinstance(self.inside, Const):
            return self._place.step()
        before, end = (self._place.value == edge for edge in self._edges)
        return [*self._place.step(), self.inside.eq(Mux(before, 1, self.inside & ~end))]
