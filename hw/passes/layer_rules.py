# SPDX-License-Identifier: Apache-2.0
"""Which layers compute which node of a network, least folded: the rules of :class:`Fuse`.

A width converter stands before every layer, so that the layers on both sides of it can be folded
independently. Padding and windows that are made for a layer stand behind its converter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    VVAU,
    Add,
    AddUnit,
    ArgMax,
    Concat,
    ConcatUnit,
    Conv,
    Depthwise,
    Flatten,
    Folding,
    GlobalPoolUnit,
    Input,
    LabelSelect,
    Layer,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    PadUnit,
    PoolKind,
    PoolUnit,
    SlidingWindow,
    StreamInput,
    StreamType,
    SumPool,
    TensorType,
    Thermometer,
    ThermometerUnit,
    Threshold,
    Thresholding,
    ThresholdTable,
    Upsample,
    UpsampleUnit,
    WidthConverter,
)

__all__ = ["RULES", "Builder", "absorbed_threshold"]

PRODUCTS = (MatMul, Conv, Depthwise)
"""Nodes whose layer can apply thresholds to what it computes."""


@dataclass(slots=True)
class Builder:
    """The layers so far.

    Parameters
    ----------
    network
        What they compute.
    layers
        In topological order; a stream may have several readers.
    streams
        Name of the layer that gives each edge of the network.
    """

    network: Network
    layers: list[Layer] = field(default_factory=list)
    streams: dict[str, str] = field(default_factory=dict)

    def add(self, layer: Layer) -> str:
        """Add ``layer``; gives its name."""
        self.layers.append(layer)
        self.streams[layer.edge] = layer.name
        return layer.name

    def maker(self, edge: str) -> Layer:
        """The layer that gives ``edge``."""
        return next(layer for layer in self.layers if layer.name == self.streams[edge])

    def header(self, node: Node[TensorType], computes: str = "") -> dict[str, Any]:
        """What the layer of ``node`` has in common with it; adds a converter for each input.

        Parameters
        ----------
        node
            The node.
        computes
            Last edge that the layer computes, if that is not the node's own.
        """
        names = [f"dwc_{node.name}_{port}" for port in range(len(node.inputs))]
        if len(names) == 1:
            names = [f"dwc_{node.name}"]
        for name, edge in zip(names, node.inputs, strict=True):
            maker = self.maker(edge)
            self.layers.append(
                WidthConverter(name=name, inputs=(maker.name,), edge=maker.edge, lanes=1)
            )
        return {
            "name": node.name,
            "inputs": tuple(names),
            "edge": computes or node.name,
            "origin": node.origin,
        }

    def source(self, node: Node[TensorType]) -> TensorType:
        """Type of the first edge that ``node`` reads."""
        return self.network.types[node.inputs[0]]

    def image_shape(self, node: Node[TensorType]) -> tuple[int, int, int]:
        """``(height, width, channels)`` of what ``node`` reads."""
        height, width, channels = self.source(node).shape
        return height, width, channels

    def activation(self, node: Node[TensorType]) -> dict[str, Any]:
        """Fields of the layer of a product that depend on its activation."""
        threshold = absorbed_threshold(node, self.network)
        origins = (node.origin, threshold.origin if threshold else "")
        return self.header(node, (threshold or node).name) | {
            "origin": " + ".join(filter(None, origins)),
            "table": threshold.table if threshold else None,
        }


def absorbed_threshold(node: Node[TensorType], network: Network) -> Threshold | None:
    """The Threshold that alone reads what ``node`` sums up, if there is one.

    The layer of ``node`` applies it: no stream carries the sums.
    """
    readers = network.readers(node.name)
    if isinstance(node, PRODUCTS) and len(readers) == 1 and isinstance(readers[0], Threshold):
        return readers[0]
    return None


def from_input(node: Input, builder: Builder) -> None:
    """The stream of the whole frame: a pixel a vector, or flat if it is flattened at once."""
    shape = flat_shape(node, builder.network)
    stream = StreamType(node.type.element, shape[-1], 1, math.prod(shape[:-1]))
    builder.add(StreamInput(name=node.name, edge=node.name, origin=node.origin, type=stream))


def flat_shape(node: Node[TensorType], network: Network) -> tuple[int, ...]:
    """Shape of what ``node`` gives, flat if a Flatten follows with at most thresholds between."""
    tensor = network.types[node.name]
    readers: tuple[Node[TensorType], ...] = (node,)
    while len(readers) == 1 and isinstance(readers[0], Input | Threshold):
        readers = network.readers(readers[0].name)
    is_flat = len(readers) == 1 and isinstance(readers[0], Flatten)
    return (tensor.size,) if is_flat and reads_input(node, network) else tensor.shape


def reads_input(node: Node[TensorType], network: Network) -> bool:
    """Whether nothing but thresholds stands between the input and ``node``."""
    while isinstance(node, Threshold):
        node = network.node(node.inputs[0])
    return isinstance(node, Input)


def from_flatten(node: Flatten, builder: Builder) -> None:
    """No layer: a stream has its elements in that order."""
    builder.streams[node.name] = builder.streams[node.inputs[0]]


def from_matmul(node: MatMul, builder: Builder) -> None:
    """An MVAU, with the activation that follows."""
    builder.add(
        MVAU(
            **builder.activation(node),
            weights=node.weights,
            weight_type=node.weight_type,
            folding=Folding(),
        )
    )


def from_conv(node: Conv, builder: Builder) -> None:
    """Windows, then an MVAU; a convolution of single pixels needs no windows."""
    flags = builder.source(node).element == BIPOLAR and builder.source(node).channels % 2 == 0
    fields = builder.activation(node)
    builder.add(
        MVAU(
            **with_windows(fields, node, builder, flags=flags),
            weights=node.matrix,
            weight_type=node.weight_type,
            folding=Folding(),
        )
    )


def from_depthwise(node: Depthwise, builder: Builder) -> None:
    """Windows of single channels, then a VVAU."""
    fields = builder.activation(node)
    builder.add(
        VVAU(
            **with_windows(fields, node, builder, depthwise=True),
            weights=node.matrix,
            weight_type=node.weight_type,
            folding=Folding(),
        )
    )


def with_windows(
    fields: dict[str, Any],
    node: Conv | Depthwise | MaxPool | SumPool,
    builder: Builder,
    *,
    value: int = 0,
    flags: bool = False,
    depthwise: bool = False,
) -> dict[str, Any]:
    """``fields`` of the layer of ``node``, which reads the windows that it asks for.

    Adds a padding unit and a sliding-window unit as far as they are needed.
    """
    shape = builder.image_shape(node)
    common: dict[str, Any] = {"edge": node.inputs[0], "origin": node.origin}
    inputs = fields["inputs"]
    if any(node.window.padding):
        pad = PadUnit(
            name=f"pad_{node.name}",
            inputs=inputs,
            **common,
            shape=shape,
            padding=node.window.padding,
            value=value,
            flags=flags,
        )
        builder.layers.append(pad)
        inputs, shape = (pad.name,), pad.padded_shape
    bare = replace(node.window, padding=(0, 0, 0, 0))
    if bare.taps > 1 or bare.stride != (1, 1):
        windows = SlidingWindow(
            name=f"swu_{node.name}",
            inputs=inputs,
            **common,
            shape=shape,
            window=bare,
            depthwise=depthwise,
            depth_pixels=WindowSchedule(shape[:2], bare, shape[2]).gapless_depth_pixels,
        )
        builder.layers.append(windows)
        inputs = (windows.name,)
    return fields | {"inputs": inputs}


def from_pool(node: MaxPool | SumPool, builder: Builder) -> None:
    """A pool over the whole image, or windows and a pool over each."""
    kind = PoolKind.MAX if isinstance(node, MaxPool) else PoolKind.SUM
    height, width, channels = builder.image_shape(node)
    fields = builder.header(node)
    if node.window.kernel == (height, width) and not any(node.window.padding):
        builder.add(GlobalPoolUnit(**fields, kind=kind))
        return
    value = builder.source(node).element.min if kind is PoolKind.MAX else 0
    builder.add(
        PoolUnit(
            **with_windows(fields, node, builder, value=value, depthwise=True),
            kind=kind,
            channels=channels,
            taps=node.window.taps,
            folding=Folding(),
        )
    )


def from_pad(node: Pad, builder: Builder) -> None:
    """A padding unit."""
    shape = builder.image_shape(node)
    builder.add(PadUnit(**builder.header(node), shape=shape, padding=node.padding))


def from_upsample(node: Upsample, builder: Builder) -> None:
    """An upsampling unit."""
    shape = builder.image_shape(node)
    builder.add(UpsampleUnit(**builder.header(node), shape=shape, factor=node.factor))


def from_threshold(node: Threshold, builder: Builder) -> None:
    """A thresholding unit, unless the layer of a product has absorbed the node."""
    if absorbed_threshold(builder.network.node(node.inputs[0]), builder.network) is node:
        return
    tensor = builder.network.types[node.name]
    channels = flat_shape(node, builder.network)[-1]
    builder.add(
        Thresholding(
            **builder.header(node),
            table=repeated(node.table, channels // tensor.channels),
            channels=channels,
            folding=Folding(),
        )
    )


def repeated(table: ThresholdTable, times: int) -> ThresholdTable:
    """``table`` for vectors that hold all channels ``times`` times."""
    if table.rows == 1 or times == 1:
        return table
    return replace(
        table,
        values=np.tile(table.values, (times, 1)),
        descending=np.tile(table.descending, times),
    )


def from_thermometer(node: Thermometer, builder: Builder) -> None:
    """A thermometer unit."""
    builder.add(ThermometerUnit(**builder.header(node), levels=node.levels))


def from_add(node: Add, builder: Builder) -> None:
    """An adder."""
    builder.add(AddUnit(**builder.header(node), shifts=node.shifts))


def from_concat(node: Concat, builder: Builder) -> None:
    """A concatenation, of images or of flat vectors."""
    builder.add(ConcatUnit(**builder.header(node)))


def from_argmax(node: ArgMax, builder: Builder) -> None:
    """A label select."""
    builder.add(LabelSelect(**builder.header(node), k=node.k))


RULES: Mapping[type[Node[Any]], Callable[[Any, Builder], None]] = {
    Input: from_input,
    Flatten: from_flatten,
    MatMul: from_matmul,
    Conv: from_conv,
    Depthwise: from_depthwise,
    MaxPool: from_pool,
    SumPool: from_pool,
    Pad: from_pad,
    Upsample: from_upsample,
    Threshold: from_threshold,
    Thermometer: from_thermometer,
    Add: from_add,
    Concat: from_concat,
    ArgMax: from_argmax,
}
"""What adds the layers of each kind of node."""
