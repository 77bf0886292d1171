# SPDX-License-Identifier: Apache-2.0
"""An accelerator with its link to the host as one Verilog design."""

from __future__ import annotations

import re
from typing import Any

from amaranth.hdl import ClockDomain, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.errors import GraphError
from xnorflow.hw.emit import VerilogSources, WeightStorage, component_verilog, design_sources
from xnorflow.hw.link.host_link import HostLink
from xnorflow.hw.link.identity import LinkIdentity, link_key
from xnorflow.hw.link.line import Line, Uart
from xnorflow.hw.link.weight_chunks import weight_chunks
from xnorflow.hw.top import TOP_NAME, padded_width_bits
from xnorflow.ir import Dataflow

__all__ = ["LINKED_TOP_NAME", "LinkedAccelerator", "check_modules", "host_link_verilog"]

LINKED_TOP_NAME = "linked_accelerator"
"""Name of the top module."""

UART = Uart()

MODULE_NAME = re.compile(r"^module \\?([^\s(]+)", re.MULTILINE)


class LinkedAccelerator(wiring.Component):
    """The accelerator behind a UART or SPI.

    **Timing.** All flip-flops are clocked by the rising edge of ``clk``; ``rst`` is synchronous to
    it. What comes from the host need not be.

    Parameters
    ----------
    dataflow
        The graph.
    clock_hz
        Frequency of ``clk``.
    line
        What is between it and the host.

    Members
    -------
    clk : In(1)
    rst : In(1)
        Active high.
    rx : In(1), tx : Out(1)
        With a UART: from the host, and to it.
    sck : In(1), cs_n : In(1), copi : In(1), cipo : Out(1)
        With SPI.
    busy : Out(1)
        Whether the accelerator has an image: for a light.

    Raises
    ------
    ConfigError
        If the clock makes no such rate within 2 %.
    GraphError
        If an image or a result is too long for a frame, or images are too short for weights.
    """

    def __init__(self, dataflow: Dataflow, clock_hz: float, line: Line = UART) -> None:
        super().__init__({"clk": In(1), "rst": In(1), **line.ports, "busy": Out(1)})
        ends = (dataflow.input.name, dataflow.output.name)
        image, result = (padded_width_bits(dataflow.types[end]) // 8 for end in ends)
        identity = LinkIdentity.of(dataflow, round(clock_hz))
        chunks = len(weight_chunks(dataflow))
        self._link = HostLink(identity, link_key(dataflow), line, image, result, chunks)
        self._loads = chunks > 0
        self._line = line

    def elaborate(self, platform: object) -> Module:
        """Connect link and accelerator, which is an instance of the emitted one."""
        m = Module()
        m.domains.sync = domain = ClockDomain("sync", local=True)
        m.d.comb += [domain.clk.eq(self.clk), domain.rst.eq(self.rst)]
        m.submodules.link = link = self._link
        for pin, member in self._line.ports.items():
            outer, inner = getattr(self, pin), getattr(link, pin)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        m.d.comb += self.busy.eq(link.busy)
        m.submodules.accelerator = Instance(
            TOP_NAME,
            i_aclk=self.clk,
            i_aresetn=~self.rst,
            i_s_axis_tdata=link.image.payload,
            i_s_axis_tvalid=link.image.valid,
            o_s_axis_tready=link.image.ready,
            o_m_axis_tdata=link.result.payload.tdata,
            o_m_axis_tlast=link.result.payload.tlast,
            o_m_axis_tvalid=link.result.valid,
            i_m_axis_tready=link.result.ready,
            **(self._weight_ports() if self._loads else {}),
        )
        return m

    def _weight_ports(self) -> dict[str, Any]:
        """Connections of the accelerator's ports for weights."""
        link = self._link
        return {
            "i_s_axis_weights_tdata": link.weights.payload,
            "i_s_axis_weights_tvalid": link.weights.valid,
            "o_s_axis_weights_tready": link.weights.ready,
            "o_weights_loaded": link.loaded,
        }


def host_link_verilog(
    dataflow: Dataflow,
    clock_hz: float,
    line: Line = UART,
    *,
    weights: WeightStorage = WeightStorage.FILES,
) -> VerilogSources:
    """Verilog and memory files of a :class:`LinkedAccelerator` for ``dataflow``.

    The top module is ``linked_accelerator(clk, rst, rx, tx, busy)``, for SPI with ``sck, cs_n,
    copi, cipo`` in place of ``rx, tx``; the accelerator in it is, to the letter, the one of
    :func:`~xnorflow.hw.emit.design_sources`.

    Raises
    ------
    ConfigError
        If the clock makes no such rate within 2 %.
    GraphError
        If an image or a result is too long for a frame, images are too short for weights, or a
        layer has the name of a module of the link.
    """
    accelerator = design_sources(dataflow, weights=weights)
    top = LinkedAccelerator(dataflow, clock_hz, line)
    link = component_verilog(top, LINKED_TOP_NAME, WeightStorage.INLINE)
    check_modules(accelerator.verilog, link.verilog)
    return VerilogSources(link.verilog + "\n" + accelerator.verilog, accelerator.memories)


def check_modules(accelerator: str, link: str) -> None:
    """Refuse layers that give a module a name of the link's."""
    if shared := sorted({*MODULE_NAME.findall(accelerator)} & {*MODULE_NAME.findall(link)}):
        raise GraphError(
            f"names of layers must leave {shared[0]!r} to a module of the link: rename one"
        )
