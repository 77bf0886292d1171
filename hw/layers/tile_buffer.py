# SPDX-License-Identifier: Apache-2.0
"""Input side of a sparse MVAU: gives beats of each input vector in the order of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.line_buffer import NO_COLLISIONS
from xnorflow.hw.streams import WrapCounter

__all__ = ["TILE_CYCLES", "TileBuffer", "tile_word_bits"]

TILE_CYCLES = 1
"""Cycles from an accepted beat to the first cycle in which it can be fetched."""


def tile_word_bits(vector_beats: int) -> int:
    """Bits of a word of the table: the number of a beat, and whether it is the last of a total."""
    return (vector_beats - 1).bit_length() + 1


@dataclass(frozen=True, slots=True)
class Step:
    """The next fetch.

    Parameters
    ----------
    known
        Whether the table has been read.
    beat
        Number of the beat in its vector.
    last
        Whether it is the last of a total.
    vector_end
        Whether it is the last of its vector.
    """

    known: Value
    beat: Value
    last: Value
    vector_end: Value


class TileBuffer(wiring.Component):
    """Takes vectors of ``vector_beats`` beats and gives the beats of each as ``steps`` tell.

    A memory of two vectors: while one is fetched from, the next one is taken. A beat can be
    fetched as soon as it has come; the place of a vector is free as soon as its last step has been
    taken, even if beats that no step needs are still to come.

    **Timing.** A fetch a cycle; that of a beat :data:`TILE_CYCLES` cycles after it was accepted,
    at the earliest. ``beat`` holds the fetched beat from the next cycle to the next fetch. Vectors
    follow each other in ``max(vector_beats, len(steps))`` cycles.

    Parameters
    ----------
    payload_shape
        Shape of a beat.
    vector_beats
        Beats of a vector (``sf``).
    steps
        For each fetch of a vector the number of the beat, and whether it is the last of a total.

    Members
    -------
    i : In(stream)
    advance : In(1)
        Whether a fetch may happen.
    fetch : Out(1)
        Whether a beat is fetched in this cycle; never without ``advance``.
    last : Out(1)
        Whether that beat is the last of a total.
    beat : Out(payload_shape)
        The beat fetched last.
    """

    def __init__(
        self, payload_shape: Shape, vector_beats: int, steps: Sequence[tuple[int, bool]]
    ) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(payload_shape)),
                "advance": In(1),
                "fetch": Out(1),
                "last": Out(1),
                "beat": Out(payload_shape),
            }
        )
        self._payload_shape = payload_shape
        self._vector_beats = vector_beats
        self._steps = steps

    def elaborate(self, platform: object) -> Module:
        """Build the memory, its two sides, and the count that keeps them apart."""
        m = Module()
        m.submodules.vectors = memory = Memory(
            shape=self._payload_shape, depth=2 * self._vector_beats, init=[], attrs=NO_COLLISIONS
        )
        accept = Signal()
        position = self._build_write_side(m, memory, accept)
        step = self._build_steps(m)
        self._build_read_side(m, memory, step)
        # Vectors that have come whole less those that were read, plus one: a vector may be read
        # to its last step before it has come whole.
        lead = Signal(2, init=1)
        come = lead[1] | (lead[0] & (position.value > step.beat))
        m.d.comb += [
            self.i.ready.eq(lead != 3),
            accept.eq(self.i.valid & self.i.ready),
            self.fetch.eq(self.advance & step.known & come),
            self.last.eq(step.last),
        ]
        up, down = accept & position.last, self.fetch & step.vector_end
        with m.If(up & ~down):
            m.d.sync += lead.eq(lead + 1)
        with m.Elif(down & ~up):
            m.d.sync += lead.eq(lead - 1)
        return m

    def _build_write_side(self, m: Module, memory: Memory, accept: Signal) -> WrapCounter:
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
        return position

    def _build_read_side(self, m: Module, memory: Memory, step: Step) -> None:
        bank = Signal(name="read_bank")
        port = memory.read_port()
        m.d.comb += [
            port.addr.eq(Cat(bank, step.beat)),
            port.en.eq(self.fetch),
            self.beat.eq(port.data),
        ]
        with m.If(self.fetch & step.vector_end):
            m.d.sync += bank.eq(~bank)

    def _build_steps(self, m: Module) -> Step:
        """The table, read one step ahead: the first time in the cycle after reset."""
        width_bits = tile_word_bits(self._vector_beats)
        words = [beat << 1 | last for beat, last in self._steps]
        if len(words) == 1:
            word: Value = Const(words[0], width_bits)
            return Step(Const(1), word[1:], word[0], Const(1))
        m.submodules.tiles = table = Memory(
            shape=unsigned(width_bits), depth=len(words), init=words
        )
        following = WrapCounter(len(words), "following")
        known = Signal()
        port = table.read_port()
        m.d.comb += [port.addr.eq(following.value), port.en.eq(self.fetch | ~known)]
        m.d.sync += known.eq(1)
        with m.If(port.en):
            m.d.sync += following.step()
        return Step(known, port.data[1:], port.data[0], following.value == 0)
