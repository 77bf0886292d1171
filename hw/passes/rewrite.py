# SPDX-License-Identifier: Apache-2.0
"""What the passes on dataflow graphs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from xnorflow.ir import Dataflow, Fifo, Fork, Layer, PadUnit, SlidingWindow, WidthConverter

__all__ = [
    "consumer",
    "folded_readers",
    "insert_before",
    "is_feeder",
    "layers_of",
    "port_name",
    "without",
]


def layers_of(dataflow: Dataflow) -> tuple[Layer, ...]:
    """The nodes of ``dataflow``, which all are layers."""
    return cast(tuple[Layer, ...], dataflow.nodes)


def insert_before(
    dataflow: Dataflow, make: Callable[[Layer, Layer, int], Layer | None]
) -> Dataflow:
    """``dataflow`` with what ``make(maker, reader, port)`` gives on the edge between the two.

    Parameters
    ----------
    make
        Gets the maker of an edge, its reader, and the position of the edge among the reader's
        inputs; gives a layer that reads the edge, or None to leave the edge as it is.
    """
    nodes: list[Layer] = []
    for reader in layers_of(dataflow):
        inputs = []
        for port, edge in enumerate(reader.inputs):
            layer = make(cast(Layer, dataflow.node(edge)), reader, port)
            nodes += [layer] if layer else []
            inputs.append(layer.name if layer else edge)
        nodes.append(replace(reader, inputs=tuple(inputs)) if inputs else reader)
    return Dataflow(tuple(nodes))


def without(dataflow: Dataflow, remove: Callable[[Layer], bool]) -> Dataflow:
    """``dataflow`` less the layers of one input for which ``remove`` holds."""
    renamed: dict[str, str] = {}
    nodes: list[Layer] = []
    for layer in layers_of(dataflow):
        inputs = tuple(renamed.get(edge, edge) for edge in layer.inputs)
        if remove(layer):
            renamed[layer.name] = inputs[0]
        else:
            nodes.append(layer if inputs == layer.inputs else replace(layer, inputs=inputs))
    return Dataflow(tuple(nodes))


def is_feeder(layer: Layer) -> bool:
    """Whether ``layer`` makes windows or padding for the layer behind it, in the lanes that come.

    Padding that is an edge of the network is a layer of its own.
    """
    return isinstance(layer, SlidingWindow) or (
        isinstance(layer, PadUnit) and layer.name != layer.edge
    )


def consumer(layer: Layer, port: int, dataflow: Dataflow) -> tuple[Layer, int]:
    """The layer that computes with what enters ``layer`` at ``port``, and where it enters that.

    It is ``layer`` itself unless this only moves elements towards one other.
    """
    while isinstance(layer, WidthConverter | Fifo) or is_feeder(layer):
        name = layer.name
        (layer,) = cast(tuple[Layer, ...], dataflow.readers(name))
        port = layer.inputs.index(name)
    return layer, port


def folded_readers(name: str, dataflow: Dataflow) -> list[str]:
    """The layers that compute with what the layer ``name`` gives."""
    found: list[str] = []
    for reader in cast(tuple[Layer, ...], dataflow.readers(name)):
        layer, _ = consumer(reader, reader.inputs.index(name), dataflow)
        found += folded_readers(layer.name, dataflow) if isinstance(layer, Fork) else [layer.name]
    return found


def port_name(layer: Layer, port: int, dataflow: Dataflow) -> str:
    """Name for what stands before ``layer``: that of its consumer, with the port if it has more."""
    reader, place = consumer(layer, port, dataflow)
    return reader.name if len(reader.inputs) == 1 else f"{reader.name}_{place}"
