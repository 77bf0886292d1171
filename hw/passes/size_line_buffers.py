# SPDX-License-Identifier: Apache-2.0
"""Depths of line buffers: windows without a pause, at the pace of the whole design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import Dataflow, SlidingWindow

__all__ = ["SizeLineBuffers"]


@dataclass(frozen=True, slots=True)
class SizeLineBuffers:
    """Make every line buffer deep enough for windows at even distances, frame after frame.

    The slowest layer sets the frame interval. With windows spread evenly over it, none may wait for
    a pixel for which there was no room: not at the end of a row, nor at that of a frame, where the
    next window is a whole window ahead. Nor may the pixels wait, where they come in every cycle.
    """

    name: ClassVar[str] = "size-line-buffers"

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with line buffers of their final depth."""
        interval = frame_interval(dataflow)
        return Dataflow(
            tuple(
                sized(layer, dataflow, interval) if isinstance(layer, SlidingWindow) else layer
                for layer in layers_of(dataflow)
            )
        )


def sized(node: SlidingWindow, dataflow: Dataflow, interval_cycles: int) -> SlidingWindow:
    """``node`` with room for windows at even distances."""
    order = WindowSchedule.of(node, dataflow.types[node.inputs[0]])
    windows = dataflow.types[node.name].vectors
    cycles = max(order.beats_per_window, interval_cycles // windows)
    depth = max(order.gapless_depth_pixels, order.paced_depth_pixels(cycles))
    return replace(node, depth_pixels=depth)
