# SPDX-License-Identifier: Apache-2.0
"""CRC-32, a bit a cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.protocol import CRC_POLYNOMIAL

__all__ = ["SerialCrc"]


class SerialCrc(wiring.Component):
    """The register of zlib's CRC-32 over the bytes since ``clear``, before the final complement.

    A byte equal to the low byte of the register moves the register down by a byte: that is how the
    check of a frame is read out.

    **Timing.** A byte takes the 8 cycles after its ``valid``, which must be low in these.

    Members
    -------
    clear : In(1)
    data : In(8)
    valid : In(1)
    register : Out(32)
    """

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "data": In(8), "valid": In(1), "register": Out(32)})

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        waiting = Signal(8)
        bits_left = Signal(4)
        feedback = Signal()
        polynomial = Const(CRC_POLYNOMIAL, 32)
        m.d.comb += feedback.eq(waiting[0] ^ self.register[0])
        with m.If(bits_left != 0):
            m.d.sync += [
                self.register.eq((self.register >> 1) ^ Mux(feedback, polynomial, 0)),
                waiting.eq(Cat(waiting[1:], 0)),
                bits_left.eq(bits_left - 1),
            ]
        with m.If(self.valid):
            m.d.sync += [waiting.eq(self.data), bits_left.eq(8)]
        with m.If(self.clear):
            m.d.sync += self.register.eq((1 << 32) - 1)
        return m
