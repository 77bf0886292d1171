# SPDX-License-Identifier: Apache-2.0
"""Two registers that cut every path between the two ends of a stream."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer"]

SKID_CYCLES = 1
"""Cycles from an accepted beat to its appearance at the output."""


class SkidBuffer(wiring.Component):
    """A FIFO of two beats, all of whose outputs are registers.

    A beat that comes while the output register waits for its transfer goes to a second
    register; ``i.ready`` says that this one is free, and so depends on no input.

    **Timing.** Latency :data:`SKID_CYCLES`; a beat a cycle.

    Parameters
    ----------
    payload_shape
        Shape of the payload.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, payload_shape: ShapeLike) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(payload_shape)),
                "o": Out(stream.Signature(payload_shape)),
            }
        )
        self._payload_shape = payload_shape

    def elaborate(self, platform: object) -> Module:
        """Build the two registers."""
        m = Module()
        arriving = Value.cast(self.i.payload)
        payload = Signal(len(arriving), reset_less=True)
        valid = Signal()
        spare_payload = Signal(len(payload), reset_less=True)
        spare_valid = Signal()
        m.d.comb += [
            Value.cast(self.o.payload).eq(payload),
            self.o.valid.eq(valid),
            self.i.ready.eq(~spare_valid),
        ]
        with m.If(self.o.ready | ~valid):
            m.d.sync += [
                payload.eq(Mux(spare_valid, spare_payload, arriving)),
                valid.eq(spare_valid | self.i.valid),
                spare_valid.eq(0),
            ]
        with m.Elif(~spare_valid):
            m.d.sync += [
                spare_payload.eq(arriving),
                spare_valid.eq(self.i.valid),
            ]
        return m
