# SPDX-License-Identifier: Apache-2.0
"""Which values every channel of a network can have, whatever the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Node,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
    ThresholdTable,
    Upsample,
    Window,
)

__all__ = ["ChannelRange", "channel_ranges", "tap_patterns", "threshold_results"]

Wide = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ChannelRange:
    """Bounds of the values of each channel of an edge, over all pixels and all images.

    They are intervals: what lies between need not all occur.

    Parameters
    ----------
    low, high
        Shape ``(channels,)``.
    """

    low: Wide
    high: Wide

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which channels always have the same value, shape ``(channels,)``."""
        same: NDArray[np.bool_] = self.low == self.high
        return same

    def hull(self, value: int) -> ChannelRange:
        """These values and ``value``."""
        return ChannelRange(np.minimum(self.low, value), np.maximum(self.high, value))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is applied.

    Parameters
    ----------
    sources
        Ranges of the edges that the node reads.
    source, result
        Types of the first edge that it reads, and of its own.
    """

    sources: tuple[ChannelRange, ...]
    source: TensorType
    result: TensorType


def channel_ranges(network: Network) -> dict[str, ChannelRange]:
    """Range of each channel of every edge of ``network``.

    Found from the input on: actual weights times the ranges of what they meet, with the padding
    that windows really see.
    """
    ranges: dict[str, ChannelRange] = {}
    for node in network.nodes:
        sources = tuple(ranges[edge] for edge in node.inputs)
        result = network.types[node.name]
        source = network.types[node.inputs[0]] if node.inputs else result
        ranges[node.name] = RULES[type(node)](node, Place(sources, source, result))
    return ranges


def tap_patterns(window: Window, size: tuple[int, int]) -> NDArray[np.int64]:
    """Which taps of a window lie in an image of ``size``: 1 or 0, for all places of the window.

    Returns
    -------
    numpy.ndarray
        Shape ``(patterns, taps)``, each pattern once; without padding it is one row of ones.

    Examples
    --------
    >>> tap_patterns(Window((1, 3), padding=(0, 1, 0, 1)), (1, 5))
    array([[0, 1, 1],
           [1, 1, 0],
           [1, 1, 1]])
    """
    rows, columns = (taps_inside(window, axis, size) for axis in (0, 1))
    inside = rows[:, None, :, None] * columns[None, :, None, :]
    return inside.reshape(-1, window.taps)


def taps_inside(window: Window, axis: int, size: tuple[int, int]) -> NDArray[np.int64]:
    """The patterns along one axis, shape ``(patterns, kernel[axis])``."""
    count = window.output_shape(size)[axis]
    first = np.arange(count) * window.stride[axis] - window.padding[axis]
    places = first[:, None] + np.arange(window.kernel[axis]) * window.dilation[axis]
    inside = (places >= 0) & (places < size[axis])
    return np.unique(inside.astype(np.int64), axis=0)


def threshold_results(table: ThresholdTable, sums: Wide) -> Wide:
    """What ``table`` makes of a sum of each channel, shape ``(channels,)``."""
    up = (sums[:, None] >= table.values).sum(axis=1)
    down = (sums[:, None] <= table.values).sum(axis=1)
    counts: Wide = np.where(table.descending, down, up)
    return table.base + table.output_type.step * counts


# ---- rules ------------------------------------------------------------------------------------


def of_type(_: Node[TensorType], place: Place) -> ChannelRange:
    """Any value of the type."""
    element, channels = place.result.element, place.result.channels
    return ChannelRange(np.full(channels, element.min), np.full(channels, element.max))


def of_labels(node: ArgMax, place: Place) -> ChannelRange:
    """Any index."""
    return ChannelRange(np.zeros(node.k, np.int64), np.full(node.k, place.source.size - 1))


def as_it_comes(_: Node[TensorType], place: Place) -> ChannelRange:
    """The values that are read."""
    return place.sources[0]


def of_threshold(node: Threshold, place: Place) -> ChannelRange:
    """A step function goes up or down, so its ends are those of its results."""
    (source,) = place.sources
    ends = threshold_results(node.table, source.low), threshold_results(node.table, source.high)
    return ChannelRange(np.minimum(*ends), np.maximum(*ends))


def of_matmul(node: MatMul, place: Place) -> ChannelRange:
    """Sums of one tap."""
    return dense_range(node.weights[:, None], place.sources[0], np.ones((1, 1), np.int64))


def of_conv(node: Conv, place: Place) -> ChannelRange:
    """Sums of the taps that lie in the image."""
    weights = node.weights.reshape(node.mh, node.window.taps, -1)
    return dense_range(weights, place.sources[0], patterns_of(node, place))


def of_depthwise(node: Depthwise, place: Place) -> ChannelRange:
    """Each channel's own weights."""
    return depthwise_range(node.matrix, place.sources[0], patterns_of(node, place))


def of_sum_pool(node: SumPool, place: Place) -> ChannelRange:
    """Sums with a weight of 1."""
    ones = np.ones((place.source.channels, node.window.taps), np.int8)
    return depthwise_range(ones, place.sources[0], patterns_of(node, place))


def of_pad(node: Pad, place: Place) -> ChannelRange:
    """What is read, and zeros."""
    return place.sources[0].hull(0) if any(node.padding) else place.sources[0]


def of_flatten(_: Flatten, place: Place) -> ChannelRange:
    """The channels of every pixel."""
    pixels = place.source.size // place.source.channels
    (source,) = place.sources
    return ChannelRange(np.tile(source.low, pixels), np.tile(source.high, pixels))


def of_thermometer(node: Thermometer, place: Place) -> ChannelRange:
    """The bits of both ends."""
    (source,) = place.sources
    low, high = (
        np.where(end[:, None] >= node.levels, 1, -1).reshape(-1).astype(np.int64)
        for end in (source.low, source.high)
    )
    return ChannelRange(low, high)


def of_add(node: Add, place: Place) -> ChannelRange:
    """Sums of the shifted ends."""
    low, high = (
        sum(end << shift for end, shift in zip(ends, node.shifts, strict=True))
        for ends in ([s.low for s in place.sources], [s.high for s in place.sources])
    )
    return ChannelRange(np.asarray(low), np.asarray(high))


def of_concat(_: Concat, place: Place) -> ChannelRange:
    """All channels, side by side."""
    sources = place.sources
    return ChannelRange(
        np.concatenate([s.low for s in sources]), np.concatenate([s.high for s in sources])
    )


def patterns_of(node: Conv | Depthwise | SumPool, place: Place) -> NDArray[np.int64]:
    """The :func:`tap_patterns` of ``node``."""
    height, width = place.source.shape[:2]
    return tap_patterns(node.window, (height, width))


def dense_range(
    weights: NDArray[np.int8], source: ChannelRange, patterns: NDArray[np.int64]
) -> ChannelRange:
    """Range of sums over the taps of each pattern.

    Parameters
    ----------
    weights
        Shape ``(mh, taps, channels)``.
    """
    wide = weights.astype(np.int64)
    up: Wide = np.maximum(wide, 0)
    down: Wide = np.minimum(wide, 0)
    low = up @ source.low + down @ source.high
    high = up @ source.high + down @ source.low
    return over_patterns(low, high, patterns)


def depthwise_range(
    weights: NDArray[np.int8], source: ChannelRange, patterns: NDArray[np.int64]
) -> ChannelRange:
    """As :func:`dense_range` for channels by themselves, ``weights`` of shape ``(mh, taps)``."""
    wide = weights.astype(np.int64)
    ends = wide * source.low[:, None], wide * source.high[:, None]
    return over_patterns(np.minimum(*ends), np.maximum(*ends), patterns)


def over_patterns(low: Wide, high: Wide, patterns: NDArray[np.int64]) -> ChannelRange:
    """Bounds of the sums of ``low`` and ``high``, shape ``(mh, taps)``, over any pattern."""
    return ChannelRange((low @ patterns.T).min(axis=1), (high @ patterns.T).max(axis=1))


RULES: Mapping[type[Node[Any]], Callable[[Any, Place], ChannelRange]] = {
    Input: of_type,
    Thermometer: of_thermometer,
    Threshold: of_threshold,
    MatMul: of_matmul,
    Conv: of_conv,
    Depthwise: of_depthwise,
    MaxPool: as_it_comes,
    SumPool: of_sum_pool,
    Pad: of_pad,
    Upsample: as_it_comes,
    Add: of_add,
    Concat: of_concat,
    Flatten: of_flatten,
    ArgMax: of_labels,
}
"""The range that each kind of node makes of the ranges that it reads."""
