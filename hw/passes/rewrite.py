# SPDX-License-Identifier: Apache-2.0
"""What the passes on dataflow graphs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from xnorflow.ir import Dataflow, Layer, WidthConverter

__all__ = ["consumer", "insert_before", "layers_of", "without"]


def layers_of(dataflow: Dataflow) -> tuple[Layer, ...]:
    """The nodes of ``dataflow``, which all are layers."""
    return cast(tuple[Layer, ...], dataflow.nodes)


def insert_before(dataflow: Dataflow, make: Callable[[Layer, Layer], Layer | None]) -> Dataflow:
    """``dataflow`` with what ``make(maker, reader)`` gives on the edge between the two.

    Parameters
    ----------
    make
        Gets the maker of an edge and its reader; gives a layer that reads the edge, or None
        to leave the edge as it is.
    """
    nodes: list[Layer] = []
    for reader in layers_of(dataflow):
        inputs = []
        for edge in reader.inputs:
            layer = make(cast(Layer, dataflow.node(edge)), reader)
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


def consumer(layer: Layer, dataflow: Dataflow) -> Layer:
    """The layer that ``layer`` feeds, past a width converter; ``layer`` itself if it computes."""
    while isinstance(layer, WidthConverter):
        (layer,) = cast(tuple[Layer, ...], dataflow.readers(layer.name))
    return layer
