# SPDX-License-Identifier: Apache-2.0
"""The device's end of the link: the line to the host on one side, the accelerator on the other."""

from __future__ import annotations

from typing import Any, TypeAlias

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link.baud import cycles_per_bit
from xnorflow.hw.link.frame_writer import FrameWriter
from xnorflow.hw.link.identity import LinkIdentity
from xnorflow.hw.link.image_buffer import ImageBuffer
from xnorflow.hw.link.line import Line, Spi, Uart
from xnorflow.hw.link.protocol import ESCAPE, FLAG, LATENCY_BYTES, FrameType
from xnorflow.hw.link.request_reader import RequestReader
from xnorflow.hw.link.responder import Responder, low, result_layout
from xnorflow.hw.link.spi import FILLER, SpiPeripheral
from xnorflow.hw.link.uart import UartReceiver, UartTransmitter
from xnorflow.hw.link.weight_feeder import WeightFeeder

__all__ = ["HostLink"]

AddedLine: TypeAlias = tuple[Any, tuple[int, ...], list[Any]]
"""Where bytes to the host go in, which of a body are escaped, and statements that connect pins and
what comes."""


class HostLink(wiring.Component):
    """Takes images from the host, hands whole ones to the accelerator, and sends what it gives.

    The accelerator has one image at a time, the next may come meanwhile. It knows nothing of
    requests before: one that is repeated is computed again, and every answer carries the sequence
    number of its request.

    Parameters
    ----------
    identity
        What the device says of itself.
    key
        Key of the design, 32 bits.
    line
        What is between it and the host.
    image_beat_bytes, result_beat_bytes
        Bytes of ``tdata`` at either end of the accelerator.
    chunks
        Chunks of weights to load after reset, in order, before there is any result.

    Members
    -------
    rx : In(1), tx : Out(1)
        With a UART.
    sck : In(1), cs_n : In(1), copi : In(1), cipo : Out(1)
        With SPI.
    busy : Out(1)
        Whether the accelerator has an image.
    image : Out(stream)
    result : In(stream of tdata, tlast)
    weights : Out(stream of 16 bits)
    loaded : In(1)
        Whether the accelerator has its weights. Only with ``chunks``, as the stream, which does not
        wait.

    Raises
    ------
    ConfigError
        If the clock makes no such rate within 2 %.
    """

    def __init__(
        self,
        identity: LinkIdentity,
        key: int,
        line: Line,
        image_beat_bytes: int,
        result_beat_bytes: int,
        chunks: int = 0,
    ) -> None:
        loading = {"weights": Out(stream.Signature(16)), "loaded": In(1)} if chunks else {}
        super().__init__(
            {
                **line.ports,
                "busy": Out(1),
                "image": Out(stream.Signature(8 * image_beat_bytes)),
                "result": In(stream.Signature(result_layout(result_beat_bytes))),
                **loading,
            }
        )
        self._chunks = chunks
        self._next_chunk = Signal(range(chunks + 1), name="next_chunk")
        self._identity = identity
        self._key = key
        self._line = line
        if isinstance(line, Uart):
            self._cycles_per_bit = cycles_per_bit(identity.clock_hz, line.baud)
        self._image_beat_bytes = image_beat_bytes
        self._result_beat_bytes = result_beat_bytes

    def elaborate(self, platform: object) -> Module:
        """Connect the line, the buffer and the accelerator."""
        m = Module()
        identity, loads = self._identity, self._chunks > 0
        image_bytes, beat_bytes = identity.image_bytes, self._image_beat_bytes
        m.submodules.requests = requests = RequestReader(image_bytes, self._key, loads=loads)
        m.submodules.buffer = buffer = ImageBuffer(image_bytes, beat_bytes, loads=loads)
        m.submodules.responder = responder = Responder(
            identity, self._result_beat_bytes, loads=loads
        )
        self._connect_line(m, requests, responder)
        self._connect_buffer(m, requests, buffer)
        self._connect_answers(m, requests, buffer, responder)
        self._run(m, requests, buffer, responder)
        if loads:
            self._load(m, requests, buffer, responder)
        return m

    def _connect_line(self, m: Module, requests: RequestReader, responder: Responder) -> None:
        match self._line:
            case Uart():
                to_host, escaped, statements = self._add_uart(m, requests)
            case Spi():
                to_host, escaped, statements = self._add_spi(m, requests)
        m.submodules.writer = writer = FrameWriter(self._key, escaped)
        wiring.connect(m, responder.o, writer.i)
        wiring.connect(m, writer.o, to_host)
        m.d.comb += [*statements, writer.keyed.eq(responder.keyed)]

    def _add_uart(self, m: Module, requests: RequestReader) -> AddedLine:
        m.submodules.receiver = receiver = UartReceiver(self._cycles_per_bit)
        m.submodules.transmitter = transmitter = UartTransmitter(self._cycles_per_bit)
        statements = [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            requests.data.eq(receiver.data),
            requests.arrives.eq(receiver.valid),
            requests.error.eq(receiver.error),
        ]
        return transmitter.i, (FLAG, ESCAPE), statements

    def _add_spi(self, m: Module, requests: RequestReader) -> AddedLine:
        m.submodules.spi = spi = SpiPeripheral()
        statements = [
            *(getattr(spi, pin).eq(getattr(self, pin)) for pin in ("sck", "cs_n", "copi")),
            self.cipo.eq(spi.cipo),
            requests.data.eq(spi.data),
            requests.arrives.eq(spi.valid),
        ]
        return spi.i, (FLAG, ESCAPE, FILLER), statements

    def _connect_buffer(self, m: Module, requests: RequestReader, buffer: ImageBuffer) -> None:
        wiring.connect(m, buffer.o, wiring.flipped(self.image))
        commit = requests.good & requests.is_image & ~buffer.overrun
        if self._chunks:
            commit &= self._is_wanted(requests)
        m.d.comb += [
            buffer.octet.eq(requests.octet),
            buffer.write.eq(requests.write),
            buffer.rewind.eq(requests.begins),
            buffer.commit.eq(commit),
            requests.image_ends.eq(buffer.last),
        ]

    def _is_wanted(self, requests: RequestReader) -> Value:
        """Whether an image is wanted, all weights being there; of chunks the next one is."""
        all_there = self._next_chunk == self._chunks
        is_next = ~all_there & (requests.chunk == self._next_chunk)
        return Mux(requests.is_chunk, is_next, all_there)

    def _connect_answers(
        self, m: Module, requests: RequestReader, buffer: ImageBuffer, responder: Responder
    ) -> None:
        wiring.connect(m, wiring.flipped(self.result), responder.result)
        m.d.comb += [
            responder.number.eq(requests.number),
            responder.quiet.eq(~self.busy & ~buffer.full),
        ]
        with m.If(requests.damaged):
            m.d.comb += responder.ask.eq(low(FrameType.DAMAGED))
        with m.Elif(requests.good & ~requests.is_image):
            m.d.comb += responder.ask.eq(low(FrameType.IDENTITY))
        with m.Elif(requests.good & buffer.overrun):
            m.d.comb += responder.ask.eq(low(FrameType.BUSY))
        if self._chunks:
            missing = self._next_chunk != self._chunks
            with m.Elif(requests.good & (requests.is_chunk | missing)):
                m.d.comb += responder.ask.eq(low(FrameType.LOADED))

    def _run(
        self, m: Module, requests: RequestReader, buffer: ImageBuffer, responder: Responder
    ) -> None:
        """Start an image when the accelerator is free, and count its cycles."""
        next_number, number = Signal(8), Signal(8)
        latency, feeding, begun = Signal(8 * LATENCY_BYTES), Signal(), Signal()
        start = ~self.busy & buffer.full
        go: Value = feeding
        if self._chunks:
            start &= ~buffer.is_chunk
            go = feeding | buffer.is_chunk
        begins = self.image.valid & self.image.ready
        m.d.comb += [
            buffer.go.eq(go),
            responder.result_number.eq(number),
            responder.latency.eq(latency),
        ]
        with m.If(buffer.commit):
            m.d.sync += next_number.eq(requests.number)
        with m.If(start):
            m.d.sync += [self.busy.eq(1), feeding.eq(1), begun.eq(0), number.eq(next_number)]
        with m.If(~buffer.full):
            m.d.sync += feeding.eq(0)
        with m.If(begins):
            m.d.sync += begun.eq(1)
        with m.If(~self.busy):
            m.d.sync += latency.eq(0)
        with m.Elif((begins | begun) & ~self.result.valid):
            m.d.sync += latency.eq(latency + 1)
        with m.If(responder.result_sent):
            m.d.sync += self.busy.eq(0)

    def _load(
        self, m: Module, requests: RequestReader, buffer: ImageBuffer, responder: Responder
    ) -> None:
        """Hand chunks on at once, and count them."""
        m.submodules.feeder = feeder = WeightFeeder()
        wiring.connect(m, feeder.o, wiring.flipped(self.weights))
        is_chunk = Signal()
        with m.If(buffer.commit):
            m.d.sync += is_chunk.eq(requests.is_chunk)
            with m.If(requests.is_chunk):
                m.d.sync += self._next_chunk.eq(self._next_chunk + 1)
        m.d.comb += [
            buffer.is_chunk.eq(is_chunk),
            feeder.octet.eq(buffer.chunk_octet),
            feeder.valid.eq(buffer.chunk_valid),
            feeder.rewind.eq(~buffer.full),
            feeder.loaded.eq(self.loaded),
            responder.next_chunk.eq(self._next_chunk),
        ]
