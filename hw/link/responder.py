# SPDX-License-Identifier: Apache-2.0
"""Answers to the host."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.identity import LinkIdentity
from xnorflow.hw.link.protocol import CHUNK_NUMBER_BYTES, HEADER_BYTES, LATENCY_BYTES, FrameType
from xnorflow.hw.streams import WrapCounter

__all__ = ["Responder", "result_layout"]

KIND_BITS = 3
"""Low bits of an answer's type, by which they differ."""

KIND_MASK = (1 << KIND_BITS) - 1


def result_layout(beat_bytes: int) -> data.StructLayout:
    """Layout of a beat from the accelerator: ``tdata`` and whether it ends a frame."""
    return data.StructLayout({"tdata": 8 * beat_bytes, "tlast": 1})


class Responder(wiring.Component):
    """Writes the bodies of answers: of the one that was asked for, and of results.

    Results go first. What was asked for last counts, but that who is there is not forgotten for
    an error; it is answered when nothing is under way.

    Parameters
    ----------
    identity
        What the device says of itself.
    beat_bytes
        Bytes of a beat of the result.
    loads
        Whether weights are loaded.

    Members
    -------
    ask : In(3)
        Kind of answer that is asked for: low bits of its
        :class:`~xnorflow.hw.link.protocol.FrameType`, or 0 for none.
    number : In(8)
        Of the request that it answers.
    quiet : In(1)
        Whether the device has no image.
    result_number : In(8)
        Of the image that the accelerator has.
    latency : In(32)
        Cycles that it took; stable from the first beat of its result on.
    result : In(stream of tdata, tlast)
        From the accelerator.
    result_sent : Out(1)
        High in the cycle in which its last beat is taken.
    o : Out(stream of octet, last)
        Bodies of answers.
    keyed : Out(1)
        Whether the answer is a result, or about weights.
    next_chunk : In(16)
        Number of the chunk of weights that is expected. Only with ``loads``.
    """

    def __init__(self, identity: LinkIdentity, beat_bytes: int, *, loads: bool = False) -> None:
        body = data.StructLayout({"octet": 8, "last": 1})
        super().__init__(
            {
                "ask": In(KIND_BITS),
                "number": In(8),
                "quiet": In(1),
                "result_number": In(8),
                "latency": In(8 * LATENCY_BYTES),
                "result": In(stream.Signature(result_layout(beat_bytes))),
                "result_sent": Out(1),
                "o": Out(stream.Signature(body)),
                "keyed": Out(1),
                **({"next_chunk": In(8 * CHUNK_NUMBER_BYTES)} if loads else {}),
            }
        )
        self._loads = loads
        self._identity = identity
        self._beat_bytes = beat_bytes
        self._chunk = Signal(8 * CHUNK_NUMBER_BYTES, name="chunk", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        kind, number, place = Signal(KIND_BITS), Signal(8), Signal(5)
        start_asked, start_result = Signal(), Signal()
        asked, asked_number = self._remember(m, start_asked)
        sent = self.o.valid & self.o.ready
        is_result = Signal()
        m.d.comb += [is_result.eq(kind == low(FrameType.RESULT)), self.keyed.eq(is_result)]
        if self._loads:
            m.d.comb += self.keyed.eq(is_result | (kind == low(FrameType.LOADED)))
            # The number must not change while it is sent.
            with m.If(start_asked):
                m.d.sync += self._chunk.eq(self.next_chunk)
        with m.FSM():
            with m.State("REST"):
                may_identify = (asked != low(FrameType.IDENTITY)) | self.quiet
                m.d.comb += [
                    start_result.eq(self.result.valid),
                    start_asked.eq(~start_result & (asked != 0) & may_identify),
                ]
                m.d.sync += [
                    place.eq(0),
                    kind.eq(Mux(start_result, low(FrameType.RESULT), asked)),
                    number.eq(Mux(start_result, self.result_number, asked_number)),
                ]
                with m.If(start_result | start_asked):
                    m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += [
                    self.o.valid.eq(1),
                    self.o.payload.octet.eq(self._head(kind, number, place)),
                    self.o.payload.last.eq(place == self._last_place(kind)),
                ]
                with m.If(sent):
                    m.d.sync += place.eq(place + 1)
                    with m.If(self.o.payload.last):
                        m.next = "REST"
                    with m.Elif(is_result & (place == HEADER_BYTES + LATENCY_BYTES - 1)):
                        m.next = "RESULT"
            with m.State("RESULT"):
                self._pass_result(m)
                with m.If(self.result_sent):
                    m.next = "REST"
        return m

    def _remember(self, m: Module, taken: Value) -> tuple[Signal, Signal]:
        """Kind and sequence number of the answer that was asked for."""
        asked, number = Signal(KIND_BITS), Signal(8)
        with m.If(taken):
            m.d.sync += asked.eq(0)
        identify = low(FrameType.IDENTITY)
        with m.If((self.ask != 0) & ((asked != identify) | (self.ask == identify))):
            m.d.sync += [asked.eq(self.ask), number.eq(self.number)]
        return asked, number

    def _head(self, kind: Value, number: Value, place: Value) -> Value:
        """Byte of an answer: all of one without a result, or what comes before it."""
        payload = self._identity.to_bytes()
        result_length = self._identity.result_bytes + LATENCY_BYTES
        is_result, is_identity = (
            kind == low(which) for which in (FrameType.RESULT, FrameType.IDENTITY)
        )
        lengths = [
            Mux(is_result, result_length >> s & 0xFF, Mux(is_identity, len(payload) >> s & 0xFF, 0))
            for s in (0, 8)
        ]
        constants = Array(Const(byte, 8) for byte in (*bytes(HEADER_BYTES), *payload))
        latency = self.latency.word_select(place[:2], 8)
        rest = Mux(is_result, latency, constants[place])
        if self._loads:
            is_loaded = kind == low(FrameType.LOADED)
            lengths[0] = Mux(is_loaded, CHUNK_NUMBER_BYTES, lengths[0])
            rest = Mux(is_loaded, self._chunk.word_select(place[0], 8), rest)
        header = Array([FrameType.IDENTITY & ~KIND_MASK | kind, number, *lengths])[place[:2]]
        return Mux(place < HEADER_BYTES, header, rest)

    def _last_place(self, kind: Value) -> Value:
        """Place of the last byte of an answer without a result."""
        whole = HEADER_BYTES + len(self._identity.to_bytes()) - 1
        is_identity = kind == low(FrameType.IDENTITY)
        is_error = kind[2] | (kind[:2] == low(FrameType.DAMAGED))
        place = Mux(is_identity, whole, Mux(is_error, HEADER_BYTES - 1, 31))
        if self._loads:
            number = HEADER_BYTES + CHUNK_NUMBER_BYTES - 1
            place = Mux(kind == low(FrameType.LOADED), number, place)
        return place

    def _pass_result(self, m: Module) -> None:
        """Pass the accelerator's beats on, low byte first."""
        place = WrapCounter(self._beat_bytes, "beat_place")
        sent = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.valid.eq(self.result.valid),
            self.o.payload.octet.eq(self.result.payload.tdata.word_select(place.value, 8)),
            self.o.payload.last.eq(self.result.payload.tlast & place.last),
            self.result.ready.eq(self.o.ready & place.last),
            self.result_sent.eq(sent & self.o.payload.last),
        ]
        with m.If(sent):
            m.d.sync += place.step()


def low(kind: FrameType) -> int:
    """The low bits of an answer's type."""
    return kind & KIND_MASK
