# SPDX-License-Identifier: Apache-2.0
"""The top module on a board: clock, reset, LED, and the accelerator between pins to the host."""

from __future__ import annotations

import math

from amaranth.hdl import ClockDomain, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.clocking import ClockPlan, ecp5, gowin, ice40
from xnorflow.bitstreams.clocking.pll import Pll
from xnorflow.hw.families import Device
from xnorflow.hw.link import Line

__all__ = ["BOARD_NAME", "DESIGN_INSTANCE", "BoardTop"]

BOARD_NAME = "board"
"""Name of the top module on a board."""

DESIGN_INSTANCE = "core"
"""Instance in it that stands between the pins to the host."""

RESET_S = 20e-6
"""How long reset lasts after the clock is stable. Block RAM of iCE40 reads as 0 at first, for
some microseconds after configuration."""


class BoardTop(wiring.Component):
    """A design on a board.

    The design is a module with the ports ``clk``, ``rst`` (active high, synchronous), those of its
    line to the host, and ``busy``. The LED is lit while it is out of reset and not busy.

    **Timing.** Reset begins with the configuration and ends :data:`RESET_S` after the PLL has
    locked; it comes back if the PLL loses its lock.

    Parameters
    ----------
    board
        The board.
    clock
        Its clock.
    design
        Name of the design's module.
    line
        What is between it and the host.

    Members
    -------
    clk_pin : In(1)
    PORT_pin
        For each PORT of the line.
    led_pin : Out(1)
    NAME_pin : Out(1)
        Always 1, for each NAME of :attr:`Board.held_high`.
    """

    def __init__(self, board: Board, clock: ClockPlan, design: str, line: Line) -> None:
        self._board, self._clock, self._design, self._line = board, clock, design, line
        ports = {name: member.flow(1) for name, member in line.ports.items()}
        members = {"clk": In(1), **ports, "led": Out(1), **dict.fromkeys(board.held_high, Out(1))}
        super().__init__({f"{name}_pin": member for name, member in members.items()})

    def elaborate(self, platform: object) -> Module:
        """Connect pins, clock, reset and design."""
        m = Module()
        clk, busy = Signal(name="clk"), Signal(name="busy")
        rst = Signal(init=1, name="rst")
        m.domains.sync = domain = ClockDomain("sync", local=True, reset_less=True)
        m.d.comb += domain.clk.eq(clk)
        self._add_reset(m, rst, self._add_clock(m, clk))
        line = {
            f"{'i' if member.flow is In else 'o'}_{name}": getattr(self, f"{name}_pin")
            for name, member in self._line.ports.items()
        }
        m.submodules[DESIGN_INSTANCE] = Instance(
            self._design, i_clk=clk, i_rst=rst, **line, o_busy=busy
        )
        lit = ~rst & ~busy
        m.d.comb += self.led_pin.eq(~lit if self._board.led.inverted else lit)
        m.d.comb += [getattr(self, f"{name}_pin").eq(1) for name in self._board.held_high]
        return m

    def _add_clock(self, m: Module, clk: Signal) -> Signal:
        """Drive ``clk``; gives what is 1 while it is stable."""
        if self._clock.pll is None:
            m.d.comb += clk.eq(self.clk_pin)
            return Signal(init=1, name="always")
        lock, stable = Signal(name="lock"), Signal(name="stable")
        m.submodules.pll = self._pll(self._clock.pll, clk, lock)
        m.submodules.lock_synchronizer = FFSynchronizer(lock, stable)
        return stable

    def _pll(self, pll: Pll, clk: Signal, lock: Signal) -> Instance:
        match self._board.device:
            case Device.ICE40:
                at_pad = self._board.pll_at_pad
                return ice40.pll_instance(pll, self.clk_pin, clk, lock, at_pad=at_pad)
            case Device.ECP5:
                return ecp5.pll_instance(pll, self.clk_pin, clk, lock)
            case _:
                input_hz = self._clock.oscillator_hz
                return gowin.pll_instance(pll, self.clk_pin, clk, lock, input_hz=input_hz)

    def _add_reset(self, m: Module, rst: Signal, stable: Signal) -> None:
        last = math.ceil(RESET_S * self._clock.hz)
        count = Signal(range(last + 1), name="reset_count")
        with m.If(~stable):
            m.d.sync += count.eq(0)
        with m.Elif(count != last):
            m.d.sync += count.eq(count + 1)
        m.d.sync += rst.eq(count != last)
