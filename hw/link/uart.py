# SPDX-License-Identifier: Apache-2.0
"""Bytes from and to an asynchronous serial line: 8 data bits, no parity, 1 stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter"]

DATA_BITS = 8


class UartReceiver(wiring.Component):
    """Bytes that come on a line.

    The line is looked at in the middle of each bit, counted from the edge of the start bit. A stop
    bit that is low gives ``error`` in place of a byte; the next start bit is then awaited after the
    line was high.

    **Timing.** ``valid`` and ``error`` are high for one cycle, after the middle of the stop bit;
    the next start bit may begin in the same one. A sender may be off by 2 % with 4 cycles a bit, by
    4 % with many.

    Parameters
    ----------
    cycles_per_bit
        Clock cycles of a bit, 4 or more.

    Members
    -------
    rx : In(1)
        The line; high at rest.
    data : Out(8)
    valid : Out(1)
    error : Out(1)
    """

    def __init__(self, cycles_per_bit: int) -> None:
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1), "error": Out(1)})
        self._cycles = cycles_per_bit

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        left = Signal(range(self._cycles))
        bits_left = Signal(range(DATA_BITS + 1))
        sample = Signal()
        m.d.comb += sample.eq(left == 0)
        m.d.sync += [left.eq(left - 1), self.valid.eq(0), self.error.eq(0)]
        with m.If(sample):
            m.d.sync += left.eq(self._cycles - 1)
        with m.FSM():
            with m.State("RECOVER"), m.If(line):
                m.next = "REST"
            with m.State("REST"):
                m.d.sync += [left.eq((self._cycles - 1) // 2 - 1), bits_left.eq(DATA_BITS)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(sample):
                with m.If(line):
                    m.next = "REST"
                with m.Else():
                    m.next = "DATA"
            with m.State("DATA"), m.If(sample):
                with m.If(bits_left == 0):
                    m.d.sync += [self.valid.eq(line), self.error.eq(~line)]
                    with m.If(line):
                        m.next = "REST"
                    with m.Else():
                        m.next = "RECOVER"
                with m.Else():
                    m.d.sync += [
                        self.data.eq(Cat(self.data[1:], line)),
                        bits_left.eq(bits_left - 1),
                    ]
        return m


class UartTransmitter(wiring.Component):
    """Bytes that go out on a line.

    **Timing.** A byte takes ``10 * cycles_per_bit`` cycles, from the one after its transfer on;
    the next is taken in the last of them.

    Parameters
    ----------
    cycles_per_bit
        Clock cycles of a bit.

    Members
    -------
    i : In(stream of 8 bits)
    tx : Out(1)
        The line; high at rest.
    """

    def __init__(self, cycles_per_bit: int) -> None:
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})
        self._cycles = cycles_per_bit

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        shift = Signal(DATA_BITS + 2, init=-1)
        left = Signal(range(self._cycles))
        bits_left = Signal(range(DATA_BITS + 2))
        bit_ends = Signal()
        m.d.comb += [
            bit_ends.eq(left == 0),
            self.tx.eq(shift[0]),
            self.i.ready.eq(bit_ends & (bits_left == 0)),
        ]
        with m.If(~bit_ends):
            m.d.sync += left.eq(left - 1)
        with m.Elif(bits_left != 0):
            m.d.sync += [
                shift.eq(Cat(shift[1:], 1)),
                bits_left.eq(bits_left - 1),
                left.eq(self._cycles - 1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [
                shift.eq(Cat(0, self.i.payload, 1)),
                bits_left.eq(DATA_BITS + 1),
                left.eq(self._cycles - 1),
            ]
        return m
