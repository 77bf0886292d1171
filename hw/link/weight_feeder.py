# SPDX-License-Identifier: Apache-2.0
"""Words of weights out of the bytes of a chunk."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WeightFeeder"]


class WeightFeeder(wiring.Component):
    """Leaves out the number at the start of a chunk, and makes words of what follows.

    Nothing waits: the accelerator takes a word in any cycle until it is ``loaded``. What fills up
    the last chunk comes after that, and goes nowhere.

    **Timing.** A word comes with its second byte.

    Members
    -------
    rewind : In(1)
        The next byte is the first of a chunk.
    octet : In(8)
    valid : In(1)
    loaded : In(1)
        Whether the accelerator has all its weights.
    o : Out(stream of 16 bits)
        To the accelerator.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "rewind": In(1),
                "octet": In(8),
                "valid": In(1),
                "loaded": In(1),
                "o": Out(stream.Signature(16)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        low, is_high, is_number = Signal(8, reset_less=True), Signal(), Signal(init=1)
        m.d.comb += [
            self.o.payload.eq(Cat(low, self.octet)),
            self.o.valid.eq(self.valid & is_high & ~is_number & ~self.loaded),
        ]
        with m.If(self.rewind):
            m.d.sync += [is_high.eq(0), is_number.eq(1)]
        with m.Elif(self.valid):
            m.d.sync += [
                low.eq(self.octet),
                is_high.eq(~is_high),
                is_number.eq(is_number & ~is_high),
            ]
        return m
