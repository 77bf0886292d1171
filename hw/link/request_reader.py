# SPDX-License-Identifier: Apache-2.0
"""Requests of the host out of bodies of frames."""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.frame_reader import FrameReader
from xnorflow.hw.link.protocol import CHECK_BYTES, CHUNK_NUMBER_BYTES, FrameType, residue

__all__ = ["RequestReader"]

LOAD = FrameType.LOAD


class Part(IntEnum):
    """The part of a frame that comes next."""

    TYPE = 0
    SEQUENCE = 1
    LENGTH_LOW = 2
    LENGTH_HIGH = 3
    IMAGE = 4
    CHECK = 5
    WHOLE = 6


class RequestReader(wiring.Component):
    """Checks frames byte by byte: type, length, and the CRC at the end.

    A chunk of weights is an image to it, in all but its type.

    **Timing.** Each output is high for one cycle, but for ``number``, ``is_image``, ``is_chunk``
    and ``chunk``, which stay until the next frame begins.

    Parameters
    ----------
    image_bytes
        Length of an image.
    key
        Key of the design, 32 bits.
    loads
        Whether there are chunks of weights.

    Members
    -------
    data : In(8)
    arrives : In(1)
    error : In(1)
        As of :class:`~xnorflow.hw.link.frame_reader.FrameReader`.
    octet : Out(8)
    write : Out(1)
        Byte of an image that may turn out to be damaged.
    begins : Out(1)
        A frame begins.
    image_ends : In(1)
        Whether the next byte of the image is the last.
    number : Out(8)
    is_image : Out(1)
        Whether the frame has an image, or a chunk; else it asks who is there.
    is_chunk : Out(1)
    chunk : Out(16)
        Whether it has a chunk, and the number in it. Only with ``loads``.
    good : Out(1)
        A whole frame ends.
    damaged : Out(1)
        Something ends that was no whole frame.
    """

    def __init__(self, image_bytes: int, key: int, *, loads: bool = False) -> None:
        of_chunks = {"is_chunk": Out(1), "chunk": Out(8 * CHUNK_NUMBER_BYTES)}
        super().__init__(
            {
                "data": In(8),
                "arrives": In(1),
                "error": In(1),
                "octet": Out(8),
                "write": Out(1),
                "begins": Out(1),
                "image_ends": In(1),
                "number": Out(8),
                "is_image": Out(1),
                "good": Out(1),
                "damaged": Out(1),
                **(of_chunks if loads else {}),
            }
        )
        self._loads = loads
        self._image_bytes = image_bytes
        self._key = key

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        m.submodules.frames = frames = FrameReader()
        whole, wrong = Signal(), Signal()
        m.d.comb += [
            frames.data.eq(self.data),
            frames.arrives.eq(self.arrives),
            frames.error.eq(self.error),
            self.octet.eq(frames.octet),
            self.good.eq(frames.ends & whole & ~wrong & ~frames.spoiled & self._is_right(frames)),
            self.damaged.eq(frames.ends & ~self.good),
        ]
        self._walk(m, frames, whole, wrong)
        if self._loads:
            self._read_number(m)
        return m

    def _read_number(self, m: Module) -> None:
        """The number at the start of a chunk, which may turn out to be an image."""
        left = Signal(range(CHUNK_NUMBER_BYTES + 1))
        with m.If(self.begins):
            m.d.sync += [left.eq(CHUNK_NUMBER_BYTES), self.is_chunk.eq(self.octet == LOAD)]
        with m.Elif(self.write & (left != 0)):
            m.d.sync += [left.eq(left - 1), self.chunk.eq(Cat(self.chunk[8:], self.octet))]

    def _is_right(self, frames: FrameReader) -> Value:
        """Whether the CRC is that of a whole frame."""
        return frames.register == Mux(self.is_image, residue(self._key), residue(0))

    def _walk(self, m: Module, frames: FrameReader, whole: Signal, wrong: Signal) -> None:
        """Follow the parts of a frame; ``wrong`` where a field is none that can be."""
        octet, valid = frames.octet, frames.valid
        part, check_place = Signal(range(len(Part))), Signal(range(CHECK_BYTES))
        low, high = (Const(self._image_bytes >> shift & 0xFF, 8) for shift in (0, 8))
        m.d.comb += [
            self.begins.eq(valid & (part == Part.TYPE)),
            self.write.eq(valid & (part == Part.IMAGE)),
            whole.eq(part == Part.WHOLE),
        ]
        with m.If(frames.ends):
            m.d.sync += part.eq(Part.TYPE)
        with m.Elif(valid), m.Switch(part):
            with m.Case(Part.TYPE):
                is_image: Value = octet == FrameType.INFER
                is_none: Value = (octet != FrameType.INFER) & (octet != FrameType.IDENTIFY)
                if self._loads:
                    is_image |= octet == LOAD
                    is_none &= octet != LOAD
                m.d.sync += [
                    part.eq(Part.SEQUENCE),
                    check_place.eq(0),
                    self.is_image.eq(is_image),
                    wrong.eq(is_none),
                ]
            with m.Case(Part.SEQUENCE):
                m.d.sync += [part.eq(Part.LENGTH_LOW), self.number.eq(octet)]
            with m.Case(Part.LENGTH_LOW):
                m.d.sync += [
                    part.eq(Part.LENGTH_HIGH),
                    wrong.eq(wrong | (octet != Mux(self.is_image, low, 0))),
                ]
            with m.Case(Part.LENGTH_HIGH):
                m.d.sync += [
                    part.eq(Mux(self.is_image, Part.IMAGE, Part.CHECK)),
                    wrong.eq(wrong | (octet != Mux(self.is_image, high, 0))),
                ]
            with m.Case(Part.IMAGE), m.If(self.image_ends):
                m.d.sync += part.eq(Part.CHECK)
            with m.Case(Part.CHECK):
                m.d.sync += check_place.eq(check_place + 1)
                with m.If(check_place == CHECK_BYTES - 1):
                    m.d.sync += part.eq(Part.WHOLE)
            with m.Case(Part.WHOLE):
                m.d.sync += wrong.eq(1)
