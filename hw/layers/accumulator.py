# SPDX-License-Identifier: Apache-2.0
"""Sums the partial sums of a neuron over the beats of a vector."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import WrapCounter

__all__ = ["ACCUMULATE_CYCLES", "Accumulator"]

ACCUMULATE_CYCLES = 1
"""The register that accumulates."""


class Accumulator(wiring.Component):
    """``totals`` are the sums of ``sf`` valid ``sums``, lane by lane.

    Arithmetic is modulo ``2**shape.width``: a total that fits is right, whatever happened on
    the way.

    **Timing.** ``totals`` holds a total in the cycle after ``complete``. Everything stands still
    where the clock is not enabled.

    Parameters
    ----------
    sum_shape
        Shape of a partial sum.
    shape
        Shape of a total.
    lanes
        Neurons in parallel (``pe``).
    sf
        Beats of a vector.

    Members
    -------
    valid : In(1)
        Whether ``sums`` are partial sums.
    sums : In(lanes x sum_shape)
    complete : Out(1)
        Whether ``sums`` are the last of a total.
    totals : Out(lanes x shape)
    """

    def __init__(self, sum_shape: Shape, shape: Shape, lanes: int, sf: int) -> None:
        super().__init__(
            {
                "valid": In(1),
                "sums": In(data.ArrayLayout(sum_shape, lanes)),
                "complete": Out(1),
                "totals": Out(data.ArrayLayout(shape, lanes)),
            }
        )
        self._shape = shape
        self._lanes = lanes
        self._sf = sf

    def elaborate(self, platform: object) -> Module:
        """Build the registers."""
        m = Module()
        beat = WrapCounter(self._sf, "beat")
        m.d.comb += self.complete.eq(self.valid & beat.last)
        totals = [
            Signal(self._shape, name=f"total_{lane}", reset_less=True)
            for lane in range(self._lanes)
        ]
        m.d.comb += [self.totals[lane].eq(total) for lane, total in enumerate(totals)]
        with m.If(self.valid):
            m.d.sync += beat.step()
            for lane, total in enumerate(totals):
                m.d.sync += total.eq(self._before(beat, total) + self.sums[lane])
        return m

    def _before(self, beat: WrapCounter, total: Signal) -> Value:
        if self._sf == 1:
            return Const(0, self._shape)
        return Mux(beat.value == 0, 0, total)
