# SPDX-License-Identifier: Apache-2.0
"""Depths of FIFOs: what a design needs for full throughput, and never a standstill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.schedule import Schedule, schedule
from xnorflow.hw.passes.insert_fifos import is_optional
from xnorflow.hw.passes.rewrite import consumer, layers_of, without
from xnorflow.ir import Dataflow, Fifo, Layer, WidthConverter

__all__ = ["SizeFifos"]

FRAMES = 5
"""Frames that are scheduled: a pipeline is in its rhythm after two or three."""


@dataclass(frozen=True, slots=True)
class SizeFifos:
    """Make every FIFO as deep as a steady flow of frames needs it, or as deep as the plan says.

    With FIFOs without bounds and a source that spreads its beats over the frame interval, every
    beat has its earliest time; the most beats that wait in a FIFO at a time are its depth. With
    these depths no beat moves later, whatever the source does, so the design keeps the interval of
    its slowest layer, and branches of different delay that meet again wait for each other without
    a standstill. Of the FIFOs that stay as deep as they were, the optional ones are taken out, and
    the others exchanged with the width converter before them where they are narrower on that side.

    Parameters
    ----------
    given
        Depth in beats of the FIFO before each input of a layer, by the layer's name.

    Raises
    ------
    FoldingError
        If with a depth given the design would stand still, or take longer for a frame.
    """

    name: ClassVar[str] = "size-fifos"

    given: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with FIFOs that are deep enough."""
        interval = frame_interval(dataflow)
        needed = depths_needed(dataflow, interval)
        given = self._given(dataflow)
        sized = with_depths(dataflow, {**needed, **given})
        lean = with_narrow_fifos(without_idle_fifos(sized, dataflow), dataflow)
        for candidate in (lean, sized):
            result = schedule(candidate, FRAMES)
            if not result.waits and last_interval(result, candidate) == interval:
                return candidate
        raise self._complaint(sized, needed, given, result)

    def _given(self, dataflow: Dataflow) -> dict[str, int]:
        depths = {}
        for layer in layers_of(dataflow):
            if isinstance(layer, Fifo):
                reader, port = consumer(layer, 0, dataflow)
                if reader.name in self.given and not is_optional(layer):
                    depths[layer.name] = self.given[reader.name][port]
        return depths

    @staticmethod
    def _complaint(
        dataflow: Dataflow, needed: Mapping[str, int], given: Mapping[str, int], result: Schedule
    ) -> FoldingError:
        """What is wrong with ``dataflow``, whose beats move as in ``result``."""
        for name, depth in given.items():
            if depth < needed[name]:
                reader, port = consumer(fifo(name, dataflow), 0, dataflow)
                return FoldingError(
                    f"the FIFO before input {port} of layer {reader.name!r} must hold "
                    f"{needed[name]} beats, not {depth}: {consequence(dataflow, result)} "
                    "(leave inFIFODepths out to have depths computed)"
                )
        raise AssertionError(f"computed FIFO depths: {consequence(dataflow, result)}")


def without_idle_fifos(dataflow: Dataflow, before: Dataflow) -> Dataflow:
    """``dataflow`` without the optional FIFOs that are as deep as in ``before``."""

    def is_idle(layer: Layer) -> bool:
        if not isinstance(layer, Fifo) or not is_optional(layer):
            return False
        return layer.depth_beats == fifo(layer.name, before).depth_beats

    return without(dataflow, is_idle)


def with_narrow_fifos(dataflow: Dataflow, before: Dataflow) -> Dataflow:
    """``dataflow`` with the FIFOs that are as deep as in ``before`` where they are narrowest.

    Such a FIFO is exchanged with the converter before it, if that widens.
    """
    swapped: dict[str, Fifo] = {}
    for layer in layers_of(dataflow):
        if isinstance(layer, Fifo) and layer.depth_beats == fifo(layer.name, before).depth_beats:
            maker = dataflow.node(layer.inputs[0])
            if isinstance(maker, WidthConverter) and widens(maker, dataflow):
                swapped[maker.name] = layer
    renamed = {layer.name: converter for converter, layer in swapped.items()}
    layers: list[Layer] = []
    for layer in layers_of(dataflow):
        if layer.name in swapped:
            first = swapped[layer.name]
            layers += [replace(first, inputs=layer.inputs), replace(layer, inputs=(first.name,))]
        elif layer.name not in renamed:
            inputs = tuple(renamed.get(edge, edge) for edge in layer.inputs)
            layers.append(replace(layer, inputs=inputs))
    return Dataflow(tuple(layers))


def widens(converter: WidthConverter, dataflow: Dataflow) -> bool:
    """Whether ``converter`` gives more lanes than it takes."""
    return converter.lanes > dataflow.types[converter.inputs[0]].lanes


def fifo(name: str, dataflow: Dataflow) -> Fifo:
    """The FIFO called ``name``."""
    layer = dataflow.node(name)
    assert isinstance(layer, Fifo)
    return layer


def consequence(dataflow: Dataflow, result: Schedule) -> str:
    """What goes wrong in ``result``."""
    if result.waits:
        pairs = [f"{name} for {other}" for name, other in result.waits.items()]
        return f"the design would come to a standstill (waiting: {', '.join(pairs[-4:])})"
    return (
        f"a frame would take {last_interval(result, dataflow)} cycles "
        f"instead of {frame_interval(dataflow)}"
    )


def last_interval(result: Schedule, dataflow: Dataflow) -> int:
    """Cycles between the ends of the last two frames."""
    ends = result.frame_ends(dataflow.output.name)
    return int(ends[-1] - ends[-2])


def depths_needed(dataflow: Dataflow, interval_cycles: int) -> dict[str, int]:
    """Beats that every FIFO holds at most in a steady flow, or its own depth if that is more.

    A deeper FIFO may take longer to pass a beat, so this is repeated until nothing changes.
    """
    depths: dict[str, int] = {}
    while True:
        steady = schedule(dataflow, FRAMES, unbounded=True, pace_cycles=interval_cycles)
        found = {
            layer.name: max(
                layer.depth_beats,
                most_waiting(steady.times[layer.inputs[0]], steady.times[layer.name]),
            )
            for layer in layers_of(dataflow)
            if isinstance(layer, Fifo)
        }
        if found == depths:
            return found
        depths = found
        dataflow = with_depths(dataflow, depths)


def most_waiting(arrivals: NDArray[np.int64], departures: NDArray[np.int64]) -> int:
    """Places that a FIFO needs for beats that come and leave in these cycles.

    The place of a beat that leaves is free in the next cycle.
    """
    come = arrivals.reshape(-1)
    left = np.searchsorted(departures.reshape(-1), come, side="left")
    return int((np.arange(1, len(come) + 1) - left).max())


def with_depths(dataflow: Dataflow, depths: Mapping[str, int]) -> Dataflow:
    """``dataflow`` with FIFOs of these depths."""
    return Dataflow(
        tuple(
            replace(layer, depth_beats=depths[layer.name]) if isinstance(layer, Fifo) else layer
            for layer in layers_of(dataflow)
        )
    )
