# SPDX-License-Identifier: Apache-2.0
"""What every stream of a dataflow graph must carry, by the reference.

Most layers carry an edge of the network. The units that make padding and windows for another layer
carry what they read in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from xnorflow.hw.kept_channels import KeptChannels
from xnorflow.ir import Dataflow, Fifo, Layer, Network, PadUnit, SlidingWindow

__all__ = ["PADDING", "expected_streams", "stream_channels"]

Values = NDArray[np.int64]

PADDING = -1
"""In place of the channel of an element that is padding."""

ABOVE_PADDING = 1 << 40
"""Added to channels to tell them from the constants that padding units add."""


def expected_streams(
    dataflow: Dataflow, edges: Mapping[str, Values]
) -> Iterator[tuple[str, Values]]:
    """Name of each node and the values of its stream, in topological order.

    Parameters
    ----------
    dataflow
        The graph.
    edges
        Values of the network's edges, shape ``(n, *shape of the edge)``.

    Yields
    ------
    tuple
        Name, and values in the order of the stream, shape ``(n, vectors * channels)``. Padding is
        0 where the stream has flags for 0.
    """
    made: dict[str, Values] = {}
    for layer in cast(tuple[Layer, ...], dataflow.nodes):
        values = edges[layer.edge]
        source = made.pop(layer.inputs[0], values) if layer.inputs else values
        if isinstance(layer, PadUnit) and layer.name != layer.edge:
            values = made[layer.name] = pad(values, layer)
        elif isinstance(layer, SlidingWindow):
            lanes = dataflow.types[layer.inputs[0]].lanes
            values = made[layer.name] = windows(source, layer, lanes)
        elif isinstance(layer, Fifo):
            values = source
        yield layer.name, values.reshape(len(values), -1)


def stream_channels(dataflow: Dataflow, network: Network, kept: KeptChannels) -> dict[str, Values]:
    """Channel in ``network`` of each element of a frame, by node, where a stream has not all.

    Returns
    -------
    dict
        Arrays of shape ``(vectors * channels,)``, with :data:`PADDING` where there is none.
    """
    if not kept.by_edge:
        return {}
    numbers = kept.of(
        {
            edge: np.broadcast_to(np.arange(tensor.channels) + ABOVE_PADDING, (1, *tensor.shape))
            for edge, tensor in network.types.items()
        }
    )
    return {
        name: np.maximum(values[0] - ABOVE_PADDING, PADDING)
        for name, values in expected_streams(dataflow, numbers)
        if cast(Layer, dataflow.node(name)).edge in kept.by_edge
    }


def pad(values: Values, node: PadUnit) -> Values:
    """Images with the padding of ``node``."""
    top, left, bottom, right = node.padding
    images = values.reshape(-1, *node.shape)
    margins = ((0, 0), (top, bottom), (left, right), (0, 0))
    return np.pad(images, margins, constant_values=node.value)


def windows(values: Values, node: SlidingWindow, lanes: int) -> Values:
    """The windows of ``node`` over images, in the order in which they leave in ``lanes`` lanes."""
    images = values.reshape(-1, *node.shape)
    window = node.window
    # Axes: image, row, column, channel, row and column of the window.
    seen = sliding_window_view(images, window.extent, axis=(1, 2))
    seen = seen[:, :: window.stride[0], :: window.stride[1]]
    seen = seen[..., :: window.dilation[0], :: window.dilation[1]]
    count, rows, columns, channels = seen.shape[:4]
    taps = np.moveaxis(seen, 3, -1).reshape(
        count * rows * columns, -1, node.taps_per_beat, channels // lanes, lanes
    )
    # Axes now: window, group of taps, tap of the group, channel group, lane.
    order = (0, 3, 1, 2, 4) if node.depthwise else (0, 1, 3, 2, 4)
    return taps.transpose(order).reshape(count, -1)
