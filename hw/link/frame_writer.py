# SPDX-License-Identifier: Apache-2.0
"""Bodies of frames as the bytes on a line."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.crc import SerialCrc
from xnorflow.hw.link.protocol import CHECK_BYTES, ESCAPE, ESCAPE_MASK, FLAG

__all__ = ["Escaper", "FrameWriter"]


class FrameWriter(wiring.Component):
    """Puts a body between flags, appends its check, escapes what needs it.

    **Timing.** A byte of the line waits for the transfer of the one before it; transfers must be 9
    cycles apart, as the CRC takes so long.

    Parameters
    ----------
    key
        For the check of frames that are ``keyed``, 32 bits.
    escaped
        Bytes of a body that are escaped: a line may have others than flags and escapes.

    Members
    -------
    i : In(stream of octet, last)
        A body without its check.
    keyed : In(1)
        Whether its check is combined with the key; looked at while its first byte waits.
    o : Out(stream of 8 bits)
        To the line.
    """

    def __init__(self, key: int, escaped: tuple[int, ...] = (FLAG, ESCAPE)) -> None:
        body = data.StructLayout({"octet": 8, "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(body)),
                "keyed": In(1),
                "o": Out(stream.Signature(8)),
            }
        )
        self._key = key
        self._escaped = escaped

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        m.submodules.crc = crc = SerialCrc()
        m.submodules.escaper = escaper = Escaper(self._escaped)
        place, keyed = Signal(range(CHECK_BYTES)), Signal()
        key = Array(Const(self._key >> (8 * n) & 0xFF, 8) for n in range(CHECK_BYTES))
        wiring.connect(m, escaper.o, wiring.flipped(self.o))
        taken, body_taken = Signal(), Signal()
        octet, last, waits = self._wait(m, body_taken)
        m.d.comb += [taken.eq(escaper.i.valid & escaper.i.ready), crc.data.eq(octet)]
        with m.FSM():
            with m.State("OPEN"):
                m.d.comb += [
                    escaper.i.payload.is_flag.eq(1),
                    escaper.i.valid.eq(waits),
                    crc.clear.eq(1),
                ]
                m.d.sync += keyed.eq(self.keyed)
                with m.If(taken):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [
                    escaper.i.payload.octet.eq(octet),
                    escaper.i.valid.eq(waits),
                    body_taken.eq(taken),
                    crc.valid.eq(taken),
                ]
                with m.If(taken & last):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += [
                    escaper.i.payload.octet.eq(~crc.register[:8] ^ Mux(keyed, key[place], 0)),
                    escaper.i.valid.eq(1),
                    crc.data.eq(crc.register[:8]),
                    crc.valid.eq(taken),
                ]
                with m.If(taken):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == CHECK_BYTES - 1):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [escaper.i.payload.is_flag.eq(1), escaper.i.valid.eq(1)]
                with m.If(taken):
                    m.next = "OPEN"
        return m

    def _wait(self, m: Module, taken: Signal) -> tuple[Signal, Signal, Signal]:
        """A register for the byte of the body that comes next, and whether there is one."""
        octet, last, waits = Signal(8, reset_less=True), Signal(reset_less=True), Signal()
        m.d.comb += self.i.ready.eq(~waits)
        with m.If(self.i.valid & ~waits):
            m.d.sync += [
                octet.eq(self.i.payload.octet),
                last.eq(self.i.payload.last),
                waits.eq(1),
            ]
        with m.Elif(taken):
            m.d.sync += waits.eq(0)
        return octet, last, waits


class Escaper(wiring.Component):
    """Bytes of bodies, and flags, as the bytes on the line.

    Parameters
    ----------
    escaped
        Bytes of a body that are escaped.

    Members
    -------
    i : In(stream of octet, is_flag)
        With ``is_flag`` the octet does not matter.
    o : Out(stream of 8 bits)
    """

    def __init__(self, escaped: tuple[int, ...]) -> None:
        item = data.StructLayout({"octet": 8, "is_flag": 1})
        super().__init__({"i": In(stream.Signature(item)), "o": Out(stream.Signature(8))})
        self._escaped = escaped

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        octet = self.i.payload.octet
        is_escaped = [octet == value for value in self._escaped]
        special, escaping, escape_first = Signal(), Signal(), Signal()
        m.d.comb += [
            special.eq(reduce(or_, is_escaped) & ~self.i.payload.is_flag),
            escape_first.eq(special & ~escaping),
            self.o.payload.eq(Mux(special, octet ^ ESCAPE_MASK, octet)),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & ~escape_first),
        ]
        with m.If(escape_first):
            m.d.comb += self.o.payload.eq(ESCAPE)
        with m.If(self.i.payload.is_flag):
            m.d.comb += self.o.payload.eq(FLAG)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaping.eq(escape_first)
        return m
