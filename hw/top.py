# SPDX-License-Identifier: Apache-2.0
"""The accelerator: all layers of a dataflow graph between two AXI4-Stream ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockDomain, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.errors import GraphError
from xnorflow.hw.layers import make_component
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.hw.primitives import SPRAM_WIDTH_BITS
from xnorflow.hw.streams import WrapCounter
from xnorflow.hw.weight_loading import loaded_layers
from xnorflow.ir import Dataflow, Fork, Layer, StreamInput, StreamType

__all__ = [
    "LOAD_PORTS",
    "PORTS",
    "TOP_NAME",
    "Accelerator",
    "Tap",
    "padded_width_bits",
    "tap_names",
]

TOP_NAME = "accelerator"
"""Name of the top module."""

PORTS = (
    "aclk",
    "aresetn",
    "s_axis_tdata",
    "s_axis_tvalid",
    "s_axis_tready",
    "m_axis_tdata",
    "m_axis_tvalid",
    "m_axis_tready",
    "m_axis_tlast",
)
"""Ports of the top module."""

LOAD_PORTS = (
    "s_axis_weights_tdata",
    "s_axis_weights_tvalid",
    "s_axis_weights_tready",
    "weights_loaded",
)
"""Ports that it has besides where weights are loaded."""


def padded_width_bits(stream: StreamType) -> int:
    """Bits of ``tdata`` for ``stream``: whole bytes, as AXI4-Stream has it."""
    return -(-stream.width_bits // 8) * 8


def tap_names(node: str) -> tuple[str, str, str]:
    """Wires of the top module that show the output stream of ``node``: valid, ready, payload."""
    return f"{node}_valid", f"{node}_ready", f"{node}_payload"


@dataclass(frozen=True, slots=True)
class Tap:
    """The output stream of a layer, as wires of the top module."""

    valid: Signal
    ready: Signal
    payload: Signal

    @classmethod
    def of(cls, node: str, stream: StreamType) -> Tap:
        """Wires for the stream that ``node`` gives."""
        valid, ready, payload = tap_names(node)
        return cls(Signal(name=valid), Signal(name=ready), Signal(stream.width_bits, name=payload))


class Accelerator(wiring.Component):
    """A whole network in hardware.

    A frame enters through ``s_axis`` in the beats of the graph's StreamInput and leaves through
    ``m_axis`` in those of its last layer; lane 0 is in the least significant bits, the bits above
    the last lane are padding: ignored at the input, 0 at the output. Frames follow each other
    without a gap. All flip-flops are clocked by the rising edge of ``aclk``; ``aresetn`` is
    synchronous to it.

    In the top module the output stream of every node NAME of the graph is visible as wires
    ``NAME_valid``, ``NAME_ready`` and ``NAME_payload``; the layer itself is the instance NAME. The
    stream of a fork is what it takes: a beat moves on it when the last reader takes the beat.

    Where weights are in SPRAM, there are ports through which they come after reset, in the order of
    :func:`~xnorflow.hw.weight_loading.load_words`. A word is taken in every cycle until all have
    come. Until then, no frame is taken; weights come anew only after the next reset.

    **Timing.** Frames enter at most every :func:`~xnorflow.hw.estimate.cycles.frame_interval`
    cycles, and with a source and a sink that never pause, exactly so.

    Parameters
    ----------
    dataflow
        The graph.

    Members
    -------
    aclk : In(1)
    aresetn : In(1)
        Active low.
    s_axis_tdata : In(8 * n)
    s_axis_tvalid : In(1)
    s_axis_tready : Out(1)
    m_axis_tdata : Out(8 * n)
    m_axis_tvalid : Out(1)
    m_axis_tready : In(1)
    m_axis_tlast : Out(1)
        High on the last beat of a frame.
    s_axis_weights_tdata : In(16)
    s_axis_weights_tvalid : In(1)
    s_axis_weights_tready : Out(1)
    weights_loaded : Out(1)
        Whether all weights have come. These four only where weights are loaded.

    Attributes
    ----------
    taps : dict of str to Tap
        The output stream of each node by the node's name.

    Raises
    ------
    GraphError
        If names of layers give two parts of the top module one name.
    """

    def __init__(self, dataflow: Dataflow) -> None:
        check_names(dataflow)
        self._dataflow = dataflow
        self._input = dataflow.types[dataflow.input.name]
        self._output = dataflow.types[dataflow.output.name]
        self.taps = {name: Tap.of(name, stream) for name, stream in dataflow.types.items()}
        self._ways: dict[str, list[Tap]] = {}
        self._loaded = [layer.name for layer in loaded_layers(dataflow)]
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "s_axis_tdata": In(padded_width_bits(self._input)),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(padded_width_bits(self._output)),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                **(weight_members() if self._loaded else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect all layers, and the ports to the first and the last stream."""
        m = Module()
        m.domains.sync = domain = ClockDomain("sync", local=True)
        domain.clk = self.aclk
        m.d.comb += domain.rst.eq(~self.aresetn)

        self._connect_input(m, self.taps[self._dataflow.input.name])
        for layer in layers_of(self._dataflow):
            if not isinstance(layer, StreamInput):
                self._add_layer(m, layer)
        self._connect_output(m, self.taps[self._dataflow.output.name])
        if self._loaded:
            self._connect_weights(m)
        return m

    def _connect_input(self, m: Module, tap: Tap) -> None:
        valid, ready = self.s_axis_tvalid, tap.ready
        if self._loaded:
            valid, ready = valid & self.weights_loaded, ready & self.weights_loaded
        m.d.comb += [
            tap.payload.eq(self.s_axis_tdata),
            tap.valid.eq(valid),
            self.s_axis_tready.eq(ready),
        ]

    def _connect_weights(self, m: Module) -> None:
        """Words go to the first layer that has not all of its own."""
        all_before: Value = Const(1)
        for name in self._loaded:
            component: Any = getattr(m.submodules, name)
            m.d.comb += [
                component.load.payload.eq(self.s_axis_weights_tdata),
                component.load.valid.eq(self.s_axis_weights_tvalid & all_before),
            ]
            all_before &= component.loaded
        m.d.comb += [
            self.weights_loaded.eq(all_before),
            self.s_axis_weights_tready.eq(~all_before),
        ]

    def _add_layer(self, m: Module, layer: Layer) -> None:
        component: Any = make_component(layer, self._dataflow.input_types(layer))
        m.submodules[layer.name] = component
        result = self.taps[layer.name]
        if isinstance(layer, Fork):
            self._open_fork(m, layer, component)
        else:
            m.d.comb += [
                result.valid.eq(component.o.valid),
                result.payload.eq(component.o.payload.as_value()),
                component.o.ready.eq(result.ready),
            ]
        for port, edge in enumerate(layer.inputs):
            name = "i" if len(layer.inputs) == 1 else f"i_{port}"
            self._connect(m, self._take(edge), getattr(component, name))

    def _take(self, edge: str) -> Tap:
        """The stream of node ``edge`` for one more reader: of a fork, a way that is still free."""
        return self._ways[edge].pop(0) if edge in self._ways else self.taps[edge]

    @staticmethod
    def _connect(m: Module, source: Tap, port: Any) -> None:
        m.d.comb += [
            source.ready.eq(port.ready),
            port.valid.eq(source.valid),
            port.payload.as_value().eq(source.payload),
        ]

    def _open_fork(self, m: Module, fork: Fork, component: Any) -> None:
        """Wires for each way of ``fork``, and what it takes as its own stream."""
        source, result = self.taps[fork.inputs[0]], self.taps[fork.name]
        m.d.comb += [
            result.valid.eq(source.valid),
            result.ready.eq(source.ready),
            result.payload.eq(source.payload),
        ]
        stream = self._dataflow.types[fork.name]
        self._ways[fork.name] = [Tap.of(f"{fork.name}_{way}", stream) for way in range(fork.ways)]
        for way, wires in enumerate(self._ways[fork.name]):
            port = getattr(component, f"o_{way}")
            m.d.comb += [
                wires.valid.eq(port.valid),
                wires.payload.eq(port.payload.as_value()),
                port.ready.eq(wires.ready),
            ]

    def _connect_output(self, m: Module, tap: Tap) -> None:
        beat = WrapCounter(self._output.beats_per_frame, "output_beat")
        m.d.comb += [
            self.m_axis_tdata.eq(tap.payload),
            self.m_axis_tvalid.eq(tap.valid),
            self.m_axis_tlast.eq(beat.last),
            tap.ready.eq(self.m_axis_tready),
        ]
        with m.If(tap.valid & tap.ready):
            m.d.sync += beat.step()


def weight_members() -> dict[str, Any]:
    """The members for :data:`LOAD_PORTS`."""
    data, valid, ready, loaded = LOAD_PORTS
    return {data: In(SPRAM_WIDTH_BITS), valid: In(1), ready: Out(1), loaded: Out(1)}


def check_names(dataflow: Dataflow) -> None:
    """Refuse names of layers that would meet a port or another layer's wires."""
    ways = [
        f"{node.name}_{way}"
        for node in dataflow.nodes
        if isinstance(node, Fork)
        for way in range(node.ways)
    ]
    names: Iterable[str] = (
        *(name for node in dataflow.types for name in (node, *tap_names(node))),
        *(name for way in ways for name in tap_names(way)),
    )
    ports = PORTS + LOAD_PORTS if loaded_layers(dataflow) else PORTS
    counts = Counter([*ports, TOP_NAME, "rst", "output_beat", *names])
    if double := [name for name, count in counts.items() if count > 1]:
        raise GraphError(
            f"names of layers must leave {double[0]!r} to one part of the top module: rename one"
        )
