# SPDX-License-Identifier: Apache-2.0
"""Apply a folding plan."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import FoldingError
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.passes.folding import (
    FoldedLayer,
    FoldingPlan,
    is_folded,
    lanes_into,
    window_unit,
)
from xnorflow.hw.passes.rewrite import consumer, layers_of
from xnorflow.ir import (
    MVAU,
    ConcatUnit,
    Dataflow,
    Folding,
    Layer,
    SlidingWindow,
    StreamInput,
    WidthConverter,
    check_divides,
)

__all__ = ["Fold"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Give each layer its folding, and each width converter the lanes that its reader takes.

    Takes what :class:`Fuse` gives: a converter before every layer, and windows of one tap a beat.

    Parameters
    ----------
    plan
        Folding of every layer of the graph, and of no other.

    Raises
    ------
    FoldingError
        If the plan misses a layer, names one that is not there, or PE or SIMD does not divide.
    """

    name: ClassVar[str] = "fold"

    plan: FoldingPlan

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` folded as planned."""
        self._check_names(dataflow)
        return Dataflow(tuple(self._folded(layer, dataflow) for layer in layers_of(dataflow)))

    def _check_names(self, dataflow: Dataflow) -> None:
        wanted = [layer.name for layer in layers_of(dataflow) if is_folded(layer)]
        if missing := [name for name in wanted if name not in self.plan.layers]:
            raise FoldingError(
                f"a folding plan must fold every layer, not leave out {missing[0]!r}"
            )
        if extra := [name for name in self.plan.layers if name not in wanted]:
            raise FoldingError(
                f"a folding plan names layer {extra[0]!r}, which is not there "
                f"(layers: {', '.join(wanted)})"
            )

    def _folded(self, layer: Layer, dataflow: Dataflow) -> Layer:
        if isinstance(layer, WidthConverter):
            reader, _ = consumer(layer, 0, dataflow)
            lanes = lanes_into(reader, self.plan.layers[reader.name], dataflow)
            return replace(layer, lanes=lanes)
        if isinstance(layer, SlidingWindow):
            return self._folded_windows(layer, dataflow)
        if not is_folded(layer):
            return layer
        folding = self.plan.layers[layer.name]
        if isinstance(layer, FoldedLayer):
            return folded(layer, folding, dataflow)
        check_lanes(layer, folding, dataflow)
        if isinstance(layer, StreamInput):
            return replace(layer, type=replace(layer.type, lanes=folding.pe))
        return layer

    def _folded_windows(self, windows: SlidingWindow, dataflow: Dataflow) -> SlidingWindow:
        """Windows of as many taps a beat as their reader takes."""
        reader, _ = consumer(windows, 0, dataflow)
        folding = self.plan.layers[reader.name]
        lanes = lanes_into(reader, folding, dataflow)
        channels = windows.shape[2]
        if isinstance(reader, MVAU):
            check_divides("simd", folding.simd, "mw", reader.mw, reader.name)
        else:
            check_divides("pe", lanes, "channels", channels, reader.name)
            check_divides("simd", folding.simd, "taps", windows.window.taps, reader.name)
        taps = folding.simd // lanes if isinstance(reader, MVAU) else folding.simd
        order = WindowSchedule(
            windows.shape[:2], windows.window, channels // lanes, taps, windows.depthwise
        )
        return replace(windows, taps_per_beat=taps, depth_pixels=order.gapless_depth_pixels)


def folded(layer: FoldedLayer, folding: Folding, dataflow: Dataflow) -> Layer:
    """``layer`` with its folding; the weights of an MVAU in the order of its windows."""
    windows = window_unit(layer, dataflow)
    if not isinstance(layer, MVAU) or windows is None:
        return replace(layer, folding=folding)
    check_divides("simd", folding.simd, "mw", layer.mw, layer.name)
    channels = windows.shape[2]
    lanes = math.gcd(folding.simd, channels)
    weights = in_window_order(layer.weights, channels, lanes, folding.simd // lanes)
    return replace(layer, folding=folding, weights=weights)


def in_window_order(
    weights: NDArray[np.int8], channels: int, lanes: int, taps_per_beat: int
) -> NDArray[np.int8]:
    """Rows of ``weights`` in the order of the elements of :class:`~xnorflow.ir.SlidingWindow`.

    Parameters
    ----------
    weights
        Shape ``(mh, taps * channels)``, channels fastest.
    channels
        Channels of a pixel.
    lanes, taps_per_beat
        Channels of a pixel, and pixels, of a beat.
    """
    axes = weights.reshape(len(weights), -1, taps_per_beat, channels // lanes, lanes)
    return axes.transpose(0, 1, 3, 2, 4).reshape(weights.shape)


def check_lanes(layer: Layer, folding: Folding, dataflow: Dataflow) -> None:
    """Refuse lanes that do not divide the channels of every stream that ``layer`` takes."""
    if folding.simd != 1:
        raise FoldingError(
            f"simd must be 1, {layer.mnemonic} has none, not {folding.simd} (layer {layer.name!r})"
        )
    streams = dataflow.input_types(layer) or (dataflow.types[layer.name],)
    for stream in streams if isinstance(layer, ConcatUnit) else streams[:1]:
        check_divides("pe", folding.pe, "channels", stream.channels, layer.name)
