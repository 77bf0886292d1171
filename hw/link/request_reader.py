# SPDX-License-Identifier: Apache-2.0
"""Requests of the host out of bodies of frames."""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.frame_reader import FrameReader
from xnorflow.hw.link.protocol import CHECK_BYTES, FrameType, residue

__all__ = ["RequestReader"]


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

    **Timing.** Each output but ``number`` is high for one cycle; ``number`` and ``is_image``
    stay until the next frame begins.

    Parameters
    ----------
    image_bytes
        Length of an image.
    key
        Key of the design, 32 bits.

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
        Whether the frame has an image; else it asks who is there.
    good : Out(1)
        A whole frame ends.
    damaged : Out(1)
        Something ends that was no whole frame.
    """

    def __init__(self, image_bytes: int, key: int) -> None:
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
            }
        )
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
        return m

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
                m.d.sync += [
                    part.eq(Part.SEQUENCE),
                    check_place.eq(0),
                    self.is_image.eq(octet == FrameType.INFER),
                    wrong.eq((octet != FrameType.INFER) & (octet != FrameType.IDENTIFY)),
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
