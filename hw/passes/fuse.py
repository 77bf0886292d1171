# SPDX-License-Identifier: Apache-2.0
"""Network to dataflow: which layer computes which nodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.errors import GraphError
from xnorflow.hw.passes.layer_rules import RULES, Builder
from xnorflow.ir import Dataflow, Fork, Layer, Network

__all__ = ["Fuse"]


@dataclass(frozen=True, slots=True)
class Fuse:
    """Map every node of a network to layers with the least folding (one lane, one PE).

    ==============================  ======================================================
    network                         dataflow
    ==============================  ======================================================
    Input                           StreamInput
    Flatten                         nothing: a stream has its elements in that order
    MatMul                          MVAU
    Conv                            PadUnit, SlidingWindow as far as needed, then MVAU
    Depthwise                       PadUnit, SlidingWindow, VVAU
    Threshold behind one of these   part of the MVAU or VVAU, called after the product
    Threshold elsewhere             Thresholding
    MaxPool, SumPool                PadUnit, SlidingWindow, PoolUnit; GlobalPoolUnit if the
                                    window is the whole image
    Pad, Upsample, Thermometer      PadUnit, UpsampleUnit, ThermometerUnit
    Add, Concat                     AddUnit, ConcatUnit
    ArgMax                          LabelSelect
    an edge with several readers    Fork, called ``fork_NAME``
    ==============================  ======================================================

    A width converter, ``dwc_NAME``, stands before the layer NAME, or ``dwc_NAME_0``, ``dwc_NAME_1``
    and so on where it has several inputs; none of them but those behind a ThermometerUnit does
    anything yet. Behind it stand the units ``pad_NAME`` and ``swu_NAME`` that make padding and
    windows for the layer. A fork has the lanes that come. The ``edge`` of a layer is the last
    network edge that it computes; that of a layer that only moves elements is the one that it
    moves. A frame that is flattened before anything but thresholds is flat from the start.

    Raises
    ------
    GraphError
        If a node has no layer, or there is nothing to compute.
    """

    name: ClassVar[str] = "fuse"

    def apply(self, network: Network) -> Dataflow:
        """The dataflow graph that computes ``network``."""
        builder = Builder(network)
        for node in network.nodes:
            rule = RULES.get(type(node))
            if rule is None:
                raise node.fail(f"{node.mnemonic} has no hardware layer")
            rule(node, builder)
        if len(builder.layers) < 2:
            raise GraphError("a network must compute something: there is no layer to build")
        return Dataflow(with_forks(builder.layers))


def with_forks(layers: list[Layer]) -> tuple[Layer, ...]:
    """``layers`` with a fork behind each one that is read several times."""
    reads = Counter(edge for layer in layers for edge in layer.inputs)
    forked = {name: f"fork_{name}" for name, count in reads.items() if count > 1}
    result: list[Layer] = []
    for layer in layers:
        inputs = tuple(forked.get(edge, edge) for edge in layer.inputs)
        result.append(replace(layer, inputs=inputs))
        if layer.name in forked:
            result.append(
                Fork(
                    name=forked[layer.name],
                    inputs=(layer.name,),
                    edge=layer.edge,
                    ways=reads[layer.name],
                )
            )
    return tuple(result)
