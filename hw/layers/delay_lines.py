# SPDX-License-Identifier: Apache-2.0
"""Delays by a fixed number of steps."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.line_buffer import NO_COLLISIONS
from xnorflow.hw.streams import WrapCounter

__all__ = ["MAX_REGISTERS", "DelayLines", "delay_words"]

MAX_REGISTERS = 3
"""Longest delay made of registers: LUT RAM of ECP5 takes 1.5 LUTs a bit and an output register."""


def delay_words(steps: int) -> int:
    """Words of the memory for a delay of ``steps``; 0 where it is made of registers."""
    return steps if steps > MAX_REGISTERS else 0


class DelayLines(wiring.Component):
    """``count`` delays of ``steps`` steps side by side: one wide memory, or registers.

    The memory is written a place behind the one that is read, so that no read meets a write.

    **Timing.** After a step ``o`` is what ``i`` was ``steps - 1`` steps before that; it holds
    until the next one.

    Parameters
    ----------
    payload_shape
        Shape of what is delayed.
    count
        Number of lines.
    steps
        Length of each, 1 or more.

    Members
    -------
    step : In(1)
    i : In(count x payload_shape)
    o : Out(count x payload_shape)
    """

    def __init__(self, payload_shape: ShapeLike, count: int, steps: int) -> None:
        layout = data.ArrayLayout(Shape.cast(payload_shape), count)
        super().__init__({"step": In(1), "i": In(layout), "o": Out(layout)})
        self._width_bits = layout.size
        self._steps = steps

    def elaborate(self, platform: object) -> Module:
        """Build registers or memory."""
        m = Module()
        if delay_words(self._steps):
            self._build_memory(m)
        else:
            self._build_registers(m)
        return m

    def _build_registers(self, m: Module) -> None:
        delayed = self.i.as_value()
        for number in range(self._steps):
            register = Signal(self._width_bits, name=f"delayed_{number}", reset_less=True)
            with m.If(self.step):
                m.d.sync += register.eq(delayed)
            delayed = register
        m.d.comb += self.o.as_value().eq(delayed)

    def _build_memory(self, m: Module) -> None:
        words = delay_words(self._steps)
        m.submodules.pixels = memory = Memory(
            shape=self._width_bits,
            depth=words,
            init=[],
            attrs=NO_COLLISIONS,
        )
        write, read = memory.write_port(), memory.read_port()
        oldest = WrapCounter(words, "oldest")
        newest = Signal(range(words), init=words - 1)
        m.d.comb += [
            write.addr.eq(newest),
            write.data.eq(self.i.as_value()),
            write.en.eq(self.step),
            read.addr.eq(oldest.value),
            read.en.eq(self.step),
            self.o.as_value().eq(read.data),
        ]
        with m.If(self.step):
            m.d.sync += [*oldest.step(), newest.eq(oldest.value)]
