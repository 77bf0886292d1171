# SPDX-License-Identifier: Apache-2.0
"""Bytes from and to the controller of an SPI: mode 0, 8 bits, most significant bit first."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["FILLER", "MIN_CYCLES_PER_BIT", "SpiPeripheral", "max_sck_hz"]

DATA_BITS = 8

FILLER = 0xFF
"""What the device sends where it has nothing to say, also in the middle of a frame. It means
nothing; in a frame it is escaped. It is also what comes of a line that nobody drives."""

MIN_CYCLES_PER_BIT = 4
"""Fewest clock cycles of a period of SCK. CIPO follows after up to three; the fourth is for the
pads and the controller's setup time."""


def max_sck_hz(clock_hz: float) -> float:
    """The highest SCK for a device with this clock.

    Examples
    --------
    >>> max_sck_hz(24e6)
    6000000.0
    """
    return clock_hz / MIN_CYCLES_PER_BIT


class SpiPeripheral(wiring.Component):
    """The device's end of an SPI, clocked by the design's clock like everything else.

    Bytes go both ways at once, as the controller will. A byte of the device is on its way from the
    end of the one before; where there was none by then :data:`FILLER` goes out. It is done with its
    eighth rising edge: if chip select is released before, it comes again, whole, in the next
    transfer, and what came of the controller's byte is dropped. So whole bytes are neither lost nor
    doubled, whenever chip select comes and goes.

    **Timing.** A period of SCK takes :data:`MIN_CYCLES_PER_BIT` cycles or more, each of its levels
    more than one, and chip select changes more than a cycle away from a rising edge. COPI is
    looked at up to a cycle after the rising edge. CIPO changes two to three cycles after it, not
    at the falling edge: the controller has had its bit by then, and gets the next one earlier.
    ``valid`` is high for one cycle, two to three after the eighth edge. CIPO is always driven.

    Members
    -------
    sck : In(1)
        Clock of the controller; low at rest.
    cs_n : In(1)
        Chip select, active low.
    copi : In(1)
        From the controller.
    cipo : Out(1)
        To the controller.
    data : Out(8)
    valid : Out(1)
    i : In(stream of 8 bits)
        To the controller. Ready once a byte.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "sck": In(1),
                "cs_n": In(1, init=1),
                "copi": In(1),
                "cipo": Out(1),
                "data": Out(8),
                "valid": Out(1),
                "i": In(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        sck, cs_n, copi = Signal(), Signal(init=1), Signal()
        m.submodules.sck_synchroniser = FFSynchronizer(self.sck, sck)
        m.submodules.cs_synchroniser = FFSynchronizer(self.cs_n, cs_n, init=1)
        m.submodules.copi_synchroniser = FFSynchronizer(self.copi, copi)
        before, rises, ends = Signal(), Signal(), Signal()
        place = Signal(range(DATA_BITS))
        sending = Signal(DATA_BITS, init=FILLER)
        m.d.comb += [
            rises.eq(sck & ~before & ~cs_n),
            ends.eq(rises & (place == DATA_BITS - 1)),
            self.cipo.eq(Array(reversed(sending))[place]),
            self.i.ready.eq(ends),
        ]
        m.d.sync += [before.eq(sck), self.valid.eq(ends)]
        with m.If(cs_n):
            m.d.sync += place.eq(0)
        with m.Elif(rises):
            m.d.sync += [place.eq(place + 1), self.data.eq(Cat(copi, self.data[:-1]))]
        with m.If(ends):
            m.d.sync += sending.eq(Mux(self.i.valid, self.i.payload, FILLER))
        return m
