# SPDX-License-Identifier: Apache-2.0
"""The image that comes, and the one that the accelerator takes, in one memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import WrapCounter

__all__ = ["ImageBuffer"]


class ImageBuffer(wiring.Component):
    """A memory of one image, byte by byte, into which the next may come while one is taken.

    With ``loads`` there are chunks of weights too, which leave it byte by byte by another way.

    A byte is kept only where the accelerator has taken what was there; otherwise ``overrun``
    says that the image that comes is not whole, and the one that is taken stays as it is.

    **Timing.** The first beat comes with ``full & go``; then a byte a cycle.

    Parameters
    ----------
    image_bytes
        Bytes of an image.
    beat_bytes
        Bytes of a beat; divides ``image_bytes``.
    loads
        Whether there are chunks.

    Members
    -------
    octet : In(8)
        Byte of the image that comes.
    write : In(1)
        Whether there is one; at most ``image_bytes`` times after ``rewind``.
    rewind : In(1)
        Start with the first byte again.
    last : Out(1)
        Whether the next byte is the last.
    overrun : Out(1)
        Whether a byte was lost since ``rewind``.
    commit : In(1)
        The image is whole and good; not while ``full``.
    full : Out(1)
        Whether there is a good image of which the accelerator has not taken all.
    go : In(1)
        Whether the accelerator may have it; stays high until it is taken.
    o : Out(stream of 8 * beat_bytes)
        To the accelerator.
    is_chunk : In(1)
    chunk_octet : Out(8)
    chunk_valid : Out(1)
        Whether what is there is a chunk; its next byte, and whether there is one in this cycle.
        Only with ``loads``.
    """

    def __init__(self, image_bytes: int, beat_bytes: int, *, loads: bool = False) -> None:
        of_chunks = {"is_chunk": In(1), "chunk_octet": Out(8), "chunk_valid": Out(1)}
        super().__init__(
            {
                "octet": In(8),
                "write": In(1),
                "rewind": In(1),
                "last": Out(1),
                "overrun": Out(1),
                "commit": In(1),
                "full": Out(1),
                "go": In(1),
                "o": Out(stream.Signature(8 * beat_bytes)),
                **(of_chunks if loads else {}),
            }
        )
        self._loads = loads
        self._image_bytes = image_bytes
        self._beat_bytes = beat_bytes

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=self._image_bytes, init=[])
        to_read = Signal(range(self._image_bytes))
        self._write_side(m, memory, to_read)
        self._read_side(m, memory, to_read)
        return m

    def _write_side(self, m: Module, memory: Memory, to_read: Signal) -> None:
        port = memory.write_port()
        to_write = Signal(range(self._image_bytes))
        free = Signal()
        m.d.comb += [
            free.eq(~self.full | (to_write < to_read)),
            self.last.eq(to_write == self._image_bytes - 1),
            port.addr.eq(to_write),
            port.data.eq(self.octet),
            port.en.eq(self.write & free),
        ]
        with m.If(self.rewind):
            m.d.sync += [to_write.eq(0), self.overrun.eq(0)]
        with m.Elif(self.write):
            m.d.sync += [to_write.eq(to_write + 1), self.overrun.eq(self.overrun | ~free)]

    def _read_side(self, m: Module, memory: Memory, to_read: Signal) -> None:
        port = memory.read_port()
        feeding, take, ends = Signal(), Signal(), Signal()
        following = Mux(ends, 0, (to_read + 1)[: len(to_read)])
        m.d.comb += [
            feeding.eq(self.full & self.go),
            ends.eq(to_read == self._image_bytes - 1),
            # The memory answers a cycle later: it is asked for what to_read will be then.
            port.addr.eq(Mux(take, following, to_read)),
        ]
        self._gather(m, port.data, feeding, take)
        m.d.sync += to_read.eq(port.addr)
        with m.If(take & ends):
            m.d.sync += self.full.eq(0)
        with m.If(self.commit):
            m.d.sync += self.full.eq(1)

    def _gather(self, m: Module, octet: Value, feeding: Signal, take: Signal) -> None:
        """Bytes as beats: all but the last of a beat wait in a register."""
        place = WrapCounter(self._beat_bytes, "place")
        if self._loads:
            m.d.comb += [
                self.chunk_octet.eq(octet),
                self.chunk_valid.eq(feeding & self.is_chunk),
                self.o.valid.eq(feeding & place.last & ~self.is_chunk),
                take.eq(feeding & (~place.last | self.o.ready | self.is_chunk)),
            ]
        else:
            m.d.comb += [
                self.o.valid.eq(feeding & place.last),
                take.eq(feeding & (~place.last | self.o.ready)),
            ]
        if self._beat_bytes == 1:
            m.d.comb += self.o.payload.eq(octet)
            return
        waiting = Signal(8 * (self._beat_bytes - 1), reset_less=True)
        m.d.comb += self.o.payload.eq(Cat(waiting, octet))
        with m.If(take):
            m.d.sync += [waiting.eq(Cat(waiting, octet)[8:]), *place.step()]
