# SPDX-License-Identifier: Apache-2.0
"""Bodies of frames out of the bytes from a line."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.crc import SerialCrc
from xnorflow.hw.link.protocol import ESCAPE, ESCAPE_MASK, FLAG

__all__ = ["FrameReader"]


class FrameReader(wiring.Component):
    """Takes flags and escapes out, and computes the CRC of what is left.

    **Timing.** ``valid`` and ``ends`` in the cycle of the byte; the register takes 8 cycles more,
    so bytes must be 9 cycles apart.

    Members
    -------
    data : In(8)
        From the line.
    arrives : In(1)
        Whether there is a byte.
    error : In(1)
        Whether one came that was none.
    octet : Out(8)
        Byte of a body.
    valid : Out(1)
        Whether there is one.
    ends : Out(1)
        Whether a body has ended: a flag after other bytes, or errors.
    spoiled : Out(1)
        Whether the body held an error, or an escape with nothing to escape.
    register : Out(32)
        CRC of the body with its check (see :func:`~xnorflow.hw.link.protocol.residue`).
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "data": In(8),
                "arrives": In(1),
                "error": In(1),
                "octet": Out(8),
                "valid": Out(1),
                "ends": Out(1),
                "spoiled": Out(1),
                "register": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        m.submodules.crc = crc = SerialCrc()
        is_flag, is_escape = Signal(), Signal()
        begun, wrong, escaped = Signal(), Signal(init=1), Signal()
        m.d.comb += [
            is_flag.eq(self.arrives & (self.data == FLAG)),
            is_escape.eq(self.arrives & (self.data == ESCAPE)),
            self.octet.eq(self.data),
            self.octet[ESCAPE_MASK.bit_length() - 1].eq(
                self.data[ESCAPE_MASK.bit_length() - 1] ^ escaped
            ),
            self.valid.eq(self.arrives & ~is_flag & ~is_escape),
            self.ends.eq(is_flag & begun),
            self.spoiled.eq(wrong | escaped),
            crc.data.eq(self.octet),
            crc.valid.eq(self.valid),
            crc.clear.eq(is_flag),
            self.register.eq(crc.register),
        ]
        with m.If(is_flag):
            m.d.sync += [begun.eq(0), wrong.eq(0), escaped.eq(0)]
        with m.Elif(self.arrives):
            m.d.sync += [
                begun.eq(1),
                escaped.eq(is_escape),
                wrong.eq(wrong | (is_escape & escaped)),
            ]
        with m.If(self.error):
            m.d.sync += [begun.eq(1), wrong.eq(1)]
        return m
