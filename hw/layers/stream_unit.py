# SPDX-License-Identifier: Apache-2.0
"""What the components of layers share: their ports, and the register at the end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.streams import SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import Layer, StreamType

__all__ = ["StreamUnit"]

NO_MEMBERS: Mapping[str, Any] = MappingProxyType({})


class StreamUnit(wiring.Component):
    """A layer between streams; its output comes out of a skid buffer.

    Parameters
    ----------
    node
        The layer.
    sources
        Types of the streams that it reads.
    members
        Other members of its interface.

    Members
    -------
    i : In(stream)
        Or ``i_0``, ``i_1``, ... where the layer has several inputs.
    o : Out(stream)

    Raises
    ------
    GraphError
        If the layer cannot read such streams.
    """

    _node: Any

    def __init__(
        self, node: Layer, *sources: StreamType, members: Mapping[str, Any] = NO_MEMBERS
    ) -> None:
        self._node = node
        self._source = sources[0]
        self._sources = sources
        self._result = node.infer(sources)
        names = ["i"] if len(sources) == 1 else [f"i_{port}" for port in range(len(sources))]
        inputs = {
            name: In(beat_signature(source)) for name, source in zip(names, sources, strict=True)
        }
        super().__init__({**inputs, "o": Out(beat_signature(self._result)), **members})

    def _build_output(self, m: Module) -> SkidBuffer:
        """Add the skid buffer; its input is what the layer gives."""
        m.submodules.output = output = SkidBuffer(beat_layout(self._result))
        wiring.connect(m, output.o, wiring.flipped(self.o))
        return output
