# SPDX-License-Identifier: Apache-2.0
"""Network to dataflow: which layer computes which nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from xnorflow.errors import GraphError
from xnorflow.ir import (
    MVAU,
    ArgMax,
    Dataflow,
    Flatten,
    Folding,
    Input,
    LabelSelect,
    Layer,
    MatMul,
    Network,
    Node,
    StreamInput,
    StreamType,
    TensorType,
    Threshold,
    Thresholding,
    ThresholdTable,
)

__all__ = ["Fuse"]


@dataclass(frozen=True, slots=True)
class Fuse:
    """Map every node of a network to a layer with the least folding (one lane, one PE).

    ========================  ==============================================
    network                   dataflow
    ========================  ==============================================
    Input                     StreamInput
    Flatten                   nothing: a stream has its elements in that order
    MatMul, then Threshold    one MVAU, called after the MatMul
    MatMul alone              MVAU that gives raw sums
    Threshold alone           Thresholding
    ArgMax                    LabelSelect
    ========================  ==============================================

    The ``edge`` of a layer is the last network edge that it computes. Where a network has a
    Flatten, all streams before it carry flat vectors too.

    Raises
    ------
    GraphError
        If a node has no layer, an edge is read twice, or there is nothing to compute.
    """

    name: ClassVar[str] = "fuse"

    def apply(self, network: Network) -> Dataflow:
        """The dataflow graph that computes ``network``."""
        check_is_chain(network)
        layers: list[Layer] = []
        for node in network.nodes:
            rule = RULES.get(type(node))
            if rule is None:
                raise node.fail(f"{node.mnemonic} has no hardware layer")
            source = (layers[-1].name,) if layers else ()
            layers += rule(node, source, network)
        if len(layers) < 2:
            raise GraphError("a network must compute something: there is no layer to build")
        return Dataflow(tuple(layers))


Source: TypeAlias = tuple[str, ...]


def check_is_chain(network: Network) -> None:
    """Refuse forks: there is no layer that copies a stream."""
    for node in network.nodes:
        readers = network.readers(node.name)
        if len(readers) > 1:
            names = " and ".join(repr(reader.name) for reader in readers)
            raise node.fail(f"an edge must be read once to be a stream, not by {names}")


def from_input(node: Input, _source: Source, network: Network) -> list[Layer]:
    """The stream of the whole frame, flat if it is flattened later."""
    shape = flat_shape(node.type, network)
    stream = StreamType(node.type.element, shape[-1], 1, math.prod(shape[:-1]))
    return [StreamInput(name=node.name, edge=node.name, origin=node.origin, type=stream)]


def flat_shape(tensor: TensorType, network: Network) -> tuple[int, ...]:
    """Shape of ``tensor`` as the layers see it."""
    flat = any(isinstance(node, Flatten) for node in network.nodes)
    return (tensor.size,) if flat else tensor.shape


def from_flatten(_node: Flatten, _source: Source, _network: Network) -> list[Layer]:
    """No layer."""
    return []


def from_matmul(node: MatMul, source: Source, network: Network) -> list[Layer]:
    """An MVAU, with the activation that follows."""
    activation = absorbed_by(node, network)
    last: Node[TensorType] = activation or node
    return [
        MVAU(
            name=node.name,
            inputs=source,
            edge=last.name,
            origin=" + ".join(filter(None, (node.origin, activation.origin if activation else ""))),
            weights=node.weights,
            weight_type=node.weight_type,
            table=activation.table if activation else None,
            folding=Folding(),
        )
    ]


def absorbed_by(node: Node[TensorType], network: Network) -> Threshold | None:
    """The Threshold that reads the sums of ``node``, if there is one."""
    readers = network.readers(node.name)
    if isinstance(node, MatMul) and len(readers) == 1 and isinstance(readers[0], Threshold):
        return readers[0]
    return None


def from_threshold(node: Threshold, source: Source, network: Network) -> list[Layer]:
    """A thresholding unit, unless an MVAU has absorbed the node."""
    (edge,) = node.inputs
    if absorbed_by(network.node(edge), network) is node:
        return []
    tensor = network.types[node.name]
    channels = flat_shape(tensor, network)[-1]
    return [
        Thresholding(
            name=node.name,
            inputs=source,
            edge=node.name,
            origin=node.origin,
            table=repeated(node.table, channels // tensor.channels),
            channels=channels,
            folding=Folding(),
        )
    ]


def repeated(table: ThresholdTable, times: int) -> ThresholdTable:
    """``table`` for vectors that hold all channels ``times`` times."""
    if table.rows == 1 or times == 1:
        return table
    return replace(
        table,
        values=np.tile(table.values, (times, 1)),
        descending=np.tile(table.descending, times),
    )


def from_argmax(node: ArgMax, source: Source, _network: Network) -> list[Layer]:
    """A label select."""
    return [
        LabelSelect(name=node.name, inputs=source, edge=node.name, origin=node.origin, k=node.k)
    ]


RULES: Mapping[type[Node[Any]], Callable[[Any, Source, Network], list[Layer]]] = {
    Input: from_input,
    Flatten: from_flatten,
    MatMul: from_matmul,
    Threshold: from_threshold,
    ArgMax: from_argmax,
}
"""Layers that each kind of node becomes; they read the layer before them."""
