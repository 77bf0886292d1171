# SPDX-License-Identifier: Apache-2.0
"""Input side of an MVAU: gives each input vector once for every neuron fold."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import WrapCounter

__all__ = ["REPLAY_CYCLES", "ReplayBuffer"]

REPLAY_CYCLES = 1
"""Cycles from an accepted beat to the first cycle in which it can be fetched."""


class ReplayBuffer(wiring.Component):
    """Takes vectors of ``vector_beats`` beats and gives each of them ``passes`` times.

    A memory of two vectors: while one is replayed, the next one is taken. A beat can be fetched
    in the first pass as soon as it has come, and its place is free as soon as the last pass has
    fetched it.

    **Timing.** A fetch a cycle; the first :data:`REPLAY_CYCLES` cycles after the beat was
    accepted. ``beat`` holds the fetched beat from the next cycle to the next fetch.

    Parameters
    ----------
    payload_shape
        Shape of a beat.
    vector_beats
        Beats of a vector (``sf``).
    passes
        Times that a vector is given (``nf``), 2 or more.

    Members
    -------
    i : In(stream)
    advance : In(1)
        Whether a fetch may happen.
    fetch : Out(1)
        Whether a beat is fetched in this cycle; never without ``advance``.
    beat : Out(payload_shape)
        The beat fetched last.
    """

    def __init__(self, payload_shape: Shape, vector_beats: int, passes: int) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(payload_shape)),
                "advance": In(1),
                "fetch": Out(1),
                "beat": Out(payload_shape),
            }
        )
        self._payload_shape = payload_shape
        self._vector_beats = vector_beats
        self._passes = passes

    def elaborate(self, platform: object) -> Module:
        """Build the memory with its two sides, and the counts that keep them apart."""
        m = Module()
        m.submodules.vectors = memory = Memory(
            shape=self._payload_shape, depth=2 * self._vector_beats, init=[]
        )
        accept, first_fetch, last_fetch = Signal(), Signal(), Signal()
        unread = self._build_count(m, "unread", 0, up=accept, down=first_fetch)
        free = self._build_count(m, "free", memory.depth, up=last_fetch, down=accept)
        first_pass = Signal(init=1)
        pass_number = WrapCounter(self._passes, "pass_number")
        vector_end = self._build_read_side(m, memory, pass_number)
        self._build_write_side(m, memory, accept)
        m.d.comb += [
            self.i.ready.eq(free != 0),
            accept.eq(self.i.valid & self.i.ready),
            self.fetch.eq(self.advance & (~first_pass | (unread != 0))),
            first_fetch.eq(self.fetch & first_pass),
            last_fetch.eq(self.fetch & pass_number.last),
        ]
        with m.If(vector_end):
            m.d.sync += [*pass_number.step(), first_pass.eq(pass_number.last)]
        return m

    def _build_write_side(self, m: Module, memory: Memory, accept: Signal) -> None:
        position = WrapCounter(self._vector_beats, "write_position")
        bank = Signal(name="write_bank")
        port = memory.write_port()
        m.d.comb += [
            port.addr.eq(Cat(bank, position.value)),
            port.data.eq(self.i.payload),
            port.en.eq(accept),
        ]
        with m.If(accept):
            m.d.sync += [*position.step(), bank.eq(bank ^ position.last)]

    def _build_read_side(self, m: Module, memory: Memory, pass_number: WrapCounter) -> Value:
        position = WrapCounter(self._vector_beats, "read_position")
        bank = Signal(name="read_bank")
        vector_end = Signal()
        port = memory.read_port()
        m.d.comb += [
            port.addr.eq(Cat(bank, position.value)),
            port.en.eq(self.fetch),
            self.beat.eq(port.data),
            vector_end.eq(self.fetch & position.last),
        ]
        with m.If(self.fetch):
            m.d.sync += position.step()
        with m.If(vector_end & pass_number.last):
            m.d.sync += bank.eq(~bank)
        return vector_end

    def _build_count(self, m: Module, name: str, init: int, *, up: Signal, down: Signal) -> Signal:
        count = Signal(range(2 * self._vector_beats + 1), init=init, name=name)
        with m.If(up & ~down):
            m.d.sync += count.eq(count + 1)
        with m.Elif(down & ~up):
            m.d.sync += count.eq(count - 1)
        return count
