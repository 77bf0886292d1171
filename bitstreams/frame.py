# SPDX-License-Identifier: Apache-2.0
"""The accelerator between shift registers, to measure it alone."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.link import Uart
from xnorflow.hw.primitives import SPRAM_WIDTH_BITS
from xnorflow.hw.top import TOP_NAME, padded_width_bits
from xnorflow.hw.weight_loading import loaded_layers
from xnorflow.ir import Dataflow

__all__ = ["FRAME_LINE", "FRAME_NAME", "AcceleratorFrame"]

FRAME_NAME = "accelerator_frame"
"""Name of the module."""

FRAME_LINE = Uart()
"""Its pins."""


class AcceleratorFrame(wiring.Component):
    """An accelerator that gets its inputs, bit by bit, from one pin, and gives to another.

    It computes nothing of use: every path into and out of the accelerator begins or ends in a
    register beside it, and nothing of it is left out for not being seen.

    Parameters
    ----------
    dataflow
        The accelerator's graph.

    Members
    -------
    clk : In(1)
    rst : In(1)
    rx : In(1)
    tx : Out(1)
    busy : Out(1)
    """

    def __init__(self, dataflow: Dataflow) -> None:
        self._types = dataflow.types[dataflow.input.name], dataflow.types[dataflow.output.name]
        self._loads = bool(loaded_layers(dataflow))
        super().__init__({"clk": In(1), "rst": In(1), "rx": In(1), "tx": Out(1), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Shift registers around the instance."""
        m = Module()
        m.domains.sync = domain = ClockDomain("sync", local=True)
        m.d.comb += [domain.clk.eq(self.clk), domain.rst.eq(self.rst)]
        source, sink = (padded_width_bits(stream) for stream in self._types)
        loading, status = Signal(SPRAM_WIDTH_BITS + 1, name="loading"), Signal(2, name="status")
        more = [status] if self._loads else []
        inputs = Signal(source + 2 + self._loads * len(loading), name="inputs")
        ready = Signal(name="ready")
        outputs = Signal(sink + 3 + self._loads * len(status), name="outputs")
        data, valid, last = Signal(sink, name="data"), Signal(name="valid"), Signal(name="last")
        m.submodules[TOP_NAME] = Instance(
            TOP_NAME,
            i_aclk=self.clk,
            i_aresetn=~self.rst,
            i_s_axis_tdata=inputs[:source],
            i_s_axis_tvalid=inputs[source],
            o_s_axis_tready=ready,
            o_m_axis_tdata=data,
            o_m_axis_tvalid=valid,
            i_m_axis_tready=inputs[source + 1],
            o_m_axis_tlast=last,
            **(weight_ports(loading, status) if self._loads else {}),
        )
        m.d.sync += [
            inputs.eq(Cat(self.rx, inputs)),
            outputs.eq(Cat(0, outputs) ^ Cat(data, valid, last, ready, *more)),
        ]
        if self._loads:
            m.d.comb += loading.eq(inputs[source + 2 :])
        m.d.comb += [self.tx.eq(outputs[-1]), self.busy.eq(outputs[0])]
        return m


def weight_ports(loading: Signal, status: Signal) -> dict[str, Any]:
    """Connections of the ports through which weights are loaded."""
    return {
        "i_s_axis_weights_tdata": loading[:-1],
        "i_s_axis_weights_tvalid": loading[-1],
        "o_s_axis_weights_tready": status[0],
        "o_weights_loaded": status[1],
    }
