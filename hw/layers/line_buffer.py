# SPDX-License-Identifier: Apache-2.0
"""Circular memory of the last beats of an image, read at several places at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from amaranth.hdl import Cat, Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount import range_shape
from xnorflow.hw.streams import WrapCounter

__all__ = ["NO_COLLISIONS", "WRITE_CYCLES", "LineBuffer"]

NO_COLLISIONS: Mapping[str, str] = MappingProxyType({"no_rw_check": "1"})
"""Attribute of memories in which no read meets a write to its place in the same cycle.

Block RAMs of iCE40 and ECP5 do not say what such a read gives. Without the attribute Yosys
puts a register and a multiplexer for each bit beside them.
"""

WRITE_CYCLES = 1
"""Cycles from an accepted beat to the first cycle in which it can be read."""


class LineBuffer(wiring.Component):
    """Holds ``depth_beats`` beats, in one copy for each place that is read at the same time.

    Positions count the beats of the whole stream; a beat lies at its position modulo the depth.
    The user says with each read how far the places of the next read are from those of this one,
    and how many beats nobody needs any more. These may be beats that have not come yet.

    A read takes place when the beat of the *last* copy has come, which is the highest position of
    all. A beat is taken when its place is free. Both are the signs of counts, which change by
    what has come and by what a read says: always less, so that it is given as a negative number.

    **Timing.** A beat in and a read in every cycle. A beat can be read
    :data:`WRITE_CYCLES` cycles after it was accepted; in the place that a read frees a beat can
    be taken in the next cycle. ``beats`` holds what was read from the next cycle to the next read.

    Parameters
    ----------
    payload_shape
        Shape of a beat.
    depth_beats
        Beats that the buffer holds.
    first
        Position of the first read in each copy.
    farthest
        How far a read of the last copy is from the one before, or how many beats it frees,
        at most.

    Members
    -------
    i : In(stream)
    advance : In(1)
        Whether a read may take place.
    steps : In(copies x position modulo the depth)
        From this read to the next, for each copy.
    surplus_change : In(signed)
        Minus the distance from this read of the last copy to the next.
    fill_change : In(signed)
        Minus the number of beats that are not needed after this read.
    read : Out(1)
        Whether a read takes place; never without ``advance``.
    beats : Out(copies x payload_shape)
    """

    def __init__(
        self,
        payload_shape: ShapeLike,
        depth_beats: int,
        first: Sequence[int],
        farthest: int,
    ) -> None:
        self._payload_shape = Shape.cast(payload_shape)
        self._depth = depth_beats
        self._first = tuple(first)
        self._farthest = farthest
        super().__init__(
            {
                "i": In(stream.Signature(self._payload_shape)),
                "advance": In(1),
                "steps": In(data.ArrayLayout(range_shape(0, depth_beats - 1), len(first))),
                "surplus_change": In(range_shape(-farthest, depth_beats)),
                "fill_change": In(range_shape(-farthest, 0)),
                "read": Out(1),
                "beats": Out(data.ArrayLayout(self._payload_shape, len(first))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the copies and the two counts."""
        m = Module()
        accept = Signal()
        write_address = WrapCounter(self._depth, "write_address")
        with m.If(accept):
            m.d.sync += write_address.step()
        for copy in range(len(self._first)):
            self._build_copy(m, copy, accept, write_address.value)

        reach = max(self._depth, self._farthest)
        surplus = Signal(range_shape(-reach, self._depth), init=-1 - self._first[-1])
        fill = Signal(range_shape(-self._depth - self._farthest, 0), init=-self._depth)
        m.d.comb += [
            self.read.eq(self.advance & ~surplus[-1]),
            self.i.ready.eq(fill[-1]),
            accept.eq(self.i.valid & self.i.ready),
        ]
        self._build_count(m, surplus, self.surplus_change, accept)
        self._build_count(m, fill, self.fill_change, accept)
        return m

    def _build_count(self, m: Module, count: Signal, change: Value, accept: Signal) -> None:
        """Let ``count`` go up with a beat and down with a read, by one adder with a carry-in."""
        change_now = Signal(count.shape(), name=f"{count.name}_change_now")
        m.d.comb += change_now.eq(Mux(self.read, change, 0))
        m.d.sync += count.eq((Cat(accept, count) + Cat(1, change_now))[1:])

    def _build_copy(self, m: Module, copy: int, accept: Signal, write_address: Value) -> None:
        memory = Memory(shape=self._payload_shape, depth=self._depth, init=[], attrs=NO_COLLISIONS)
        m.submodules[f"pixels_{copy}"] = memory
        write, read = memory.write_port(), memory.read_port()
        start = self._first[copy] % self._depth
        address = Signal(range(self._depth), name=f"read_address_{copy}", init=start)
        m.d.comb += [
            write.addr.eq(write_address),
            write.data.eq(self.i.payload),
            write.en.eq(accept),
            read.addr.eq(address),
            read.en.eq(self.read),
            self.beats[copy].eq(read.data),
        ]
        with m.If(self.read):
            m.d.sync += address.eq(self._wrapped(address + self.steps[copy]))

    def _wrapped(self, position: Value) -> Value:
        if self._depth & (self._depth - 1) == 0:
            return position
        return Mux(position >= self._depth, position - self._depth, position)
