# SPDX-License-Identifier: Apache-2.0
"""Depths of FIFOs: the least that a design needs for its throughput, and never a standstill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import FoldingError
from xnorflow.hw.cycle import CycleTrace, Traffic, simulate_cycles
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes.insert_fifos import is_optional
from xnorflow.hw.passes.rewrite import consumer, layers_of, without
from xnorflow.ir import Dataflow, Fifo, Layer, WidthConverter

__all__ = ["SizeFifos", "with_depths"]

UNBOUNDED_FRAMES = 4
"""Frames that a FIFO holds which is as good as unbounded."""

MAX_DOUBLINGS = 12
"""Times that depths are doubled before a design is given up."""

MAX_FRAMES = 256
"""Frames to wait for a design to find its rhythm."""


@dataclass(frozen=True, slots=True)
class SizeFifos:
    """Make every FIFO as shallow as the throughput allows, or as deep as the plan says.

    First come depths that are enough: with FIFOs as good as unbounded and a source that spreads its
    beats evenly over the frame interval, the most beats that wait in each one. Of the FIFOs that
    need no more than they have, the optional ones are taken out, and the others exchanged with the
    width converter before them where they are narrower on that side. Then, the largest first, each
    one is made as shallow as the cycle model allows, and the optional ones that then need no more
    are taken out, again and again: in the end, with a beat less in one of them, the design would be
    slower, or stand still.

    Parameters
    ----------
    given
        Depth in beats of the FIFO before each input of a layer, by the layer's name.
    loss
        Share of the throughput that may be lost for shallower FIFOs: 0 up to less than 1.
    search
        Whether to search for the least depths; if not, those of the first step stay.

    Raises
    ------
    FoldingError
        If with a depth given the design would stand still, or take longer for a frame; if the
        loss is not such a share.
    """

    name: ClassVar[str] = "size-fifos"

    given: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    loss: float = 0.0
    search: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.loss < 1:
            raise FoldingError(f"loss must be 0 or more and less than 1, not {self.loss}")

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with FIFOs that are just deep enough."""
        goal = int(frame_interval(dataflow) / (1 - self.loss))
        enough = with_enough(dataflow, goal)
        fixed = self._given(enough)
        wanted = with_depths(enough, fixed)
        if not keeps_up(wanted, goal):
            self._check_given(enough, wanted, goal)
            wanted = deepened(wanted, goal, fixed)
        if not self.search:
            return wanted
        return with_least_fifos(wanted, goal, dataflow, {**depths_of(dataflow), **fixed})

    def _given(self, dataflow: Dataflow) -> dict[str, int]:
        depths = {}
        for layer in fifos_of(dataflow):
            reader, port = consumer(layer, 0, dataflow)
            if reader.name in self.given and not is_optional(layer):
                depths[layer.name] = self.given[reader.name][port]
        return depths

    @staticmethod
    def _check_given(enough: Dataflow, wanted: Dataflow, goal: int) -> None:
        """Refuse ``wanted`` if one of its FIFOs is too shallow even where all others are enough."""
        needed = depths_of(enough)
        for fifo in fifos_of(wanted):
            if fifo.depth_beats >= needed[fifo.name]:
                continue
            least = least_depth(enough, fifo.name, goal)[fifo.name]
            if fifo.depth_beats < least:
                reader, port = consumer(fifo, 0, wanted)
                raise FoldingError(
                    f"the FIFO before input {port} of layer {reader.name!r} must hold {least} "
                    f"beats, not {fifo.depth_beats}: {consequence(wanted)} "
                    "(leave inFIFODepths out to have depths computed)"
                )


def fifos_of(dataflow: Dataflow) -> Iterator[Fifo]:
    """All FIFOs."""
    return (layer for layer in layers_of(dataflow) if isinstance(layer, Fifo))


def depths_of(dataflow: Dataflow) -> dict[str, int]:
    """Depth of every FIFO."""
    return {fifo.name: fifo.depth_beats for fifo in fifos_of(dataflow)}


def with_enough(dataflow: Dataflow, goal: int) -> Dataflow:
    """``dataflow`` with FIFOs that are deep enough for a frame in ``goal`` cycles.

    The depths are those of an even source. One that never pauses fills FIFOs sooner, and beats
    that stand still in a pipeline leave gaps, so the cycle model has the last word.
    """
    depths = depths_of_an_even_flow(dataflow, goal)
    sized = with_depths(dataflow, depths)
    lean = with_narrow_fifos(without_idle_fifos(sized, dataflow), dataflow)
    return lean if keeps_up(lean, goal) else deepened(sized, goal, {})


def deepened(dataflow: Dataflow, goal: int, fixed: Mapping[str, int]) -> Dataflow:
    """``dataflow`` with all FIFOs but the ``fixed`` ones deeper, until it keeps up.

    Raises
    ------
    FoldingError
        If it never does: with the depths given it cannot.
    """
    for _ in range(MAX_DOUBLINGS):
        if keeps_up(dataflow, goal):
            return dataflow
        depths = {name: 2 * depth for name, depth in depths_of(dataflow).items()}
        dataflow = with_depths(dataflow, {**depths, **fixed})
    raise FoldingError(
        f"no depths of the other FIFOs make up for those that are given: {consequence(dataflow)} "
        "(leave inFIFODepths out to have depths computed)"
    )


def depths_of_an_even_flow(dataflow: Dataflow, goal: int) -> dict[str, int]:
    """Beats that every FIFO holds at most, or its own depth if that is more."""
    unbounded = {
        layer.name: UNBOUNDED_FRAMES * dataflow.types[layer.name].beats_per_frame + 3
        for layer in fifos_of(dataflow)
    }
    even = Traffic(pace_cycles=goal)
    trace = simulate_cycles(with_depths(dataflow, unbounded), MAX_FRAMES, even)
    return {
        layer.name: max(
            layer.depth_beats, most_waiting(trace.taken[layer.name][0], trace.moves[layer.name])
        )
        for layer in fifos_of(dataflow)
    }


def most_waiting(arrivals: NDArray[np.int64], departures: NDArray[np.int64]) -> int:
    """Places that a FIFO needs for beats that come and leave in these cycles.

    The place of a beat that leaves is free in the next cycle.
    """
    come = arrivals.reshape(-1)
    left = np.searchsorted(departures.reshape(-1), come, side="left")
    return int((np.arange(1, len(come) + 1) - left).max())


def with_least_fifos(
    dataflow: Dataflow, goal: int, before: Dataflow, floors: Mapping[str, int]
) -> Dataflow:
    """``dataflow`` with the least depths, and without the optional FIFOs that need no more.

    Without these beats pass sooner, so the others may hold fewer and are tried again.
    """
    least = with_least_depths(dataflow, goal, floors)
    lean = without_idle_fifos(least, before)
    if len(lean.nodes) == len(least.nodes) or not keeps_up(lean, goal):
        return least
    return with_least_fifos(lean, goal, before, floors)


def with_least_depths(dataflow: Dataflow, goal: int, floors: Mapping[str, int]) -> Dataflow:
    """``dataflow`` with every FIFO as shallow as ``goal`` allows, not shallower than its floor.

    A shallower FIFO may pass beats sooner, so that another one holds fewer: all are tried again
    until nothing changes.
    """

    def size_bits(fifo: Fifo) -> int:
        return fifo.depth_beats * dataflow.types[fifo.name].width_bits

    before: Dataflow | None = None
    while before is None or depths_of(before) != depths_of(dataflow):
        before = dataflow
        for fifo in sorted(fifos_of(dataflow), key=size_bits, reverse=True):
            depths = least_depth(dataflow, fifo.name, goal, floors[fifo.name])
            dataflow = with_depths(dataflow, depths)
    return dataflow


def least_depth(dataflow: Dataflow, name: str, goal: int, floor: int = 2) -> dict[str, int]:
    """The least depth of the FIFO called ``name`` with which a frame takes ``goal`` cycles.

    Its depth in ``dataflow`` must be enough.
    """
    enough = fifo_called(name, dataflow).depth_beats
    low, tried = min(floor, enough), enough - 1
    while low < enough:
        if keeps_up(with_depths(dataflow, {name: tried}), goal):
            enough = tried
        else:
            low = tried + 1
        tried = (low + enough) // 2
    return {name: enough}


def keeps_up(dataflow: Dataflow, goal: int) -> bool:
    """Whether frames follow each other every ``goal`` cycles, or sooner."""
    trace = simulate_cycles(dataflow, MAX_FRAMES)
    return trace.standstill is None and slowest_interval(trace) <= goal


def slowest_interval(trace: CycleTrace) -> int:
    """Cycles between frames in the rhythm, or at most in the second half if there is none."""
    if trace.simulated_frames < trace.frames:
        return -(-trace.period_cycles // trace.period_frames)
    return int(np.diff(trace.frame_ends[trace.frames // 2 :]).max())


def without_idle_fifos(dataflow: Dataflow, before: Dataflow) -> Dataflow:
    """``dataflow`` without the optional FIFOs that are as deep as in ``before``."""

    def is_idle(layer: Layer) -> bool:
        if not isinstance(layer, Fifo) or not is_optional(layer):
            return False
        return layer.depth_beats == fifo_called(layer.name, before).depth_beats

    return without(dataflow, is_idle)


def with_narrow_fifos(dataflow: Dataflow, before: Dataflow) -> Dataflow:
    """``dataflow`` with the FIFOs that are as deep as in ``before`` where they are narrowest.

    Such a FIFO is exchanged with the converter before it, if that widens.
    """
    swapped: dict[str, Fifo] = {}
    for fifo in fifos_of(dataflow):
        maker = dataflow.node(fifo.inputs[0])
        is_shallow = fifo.depth_beats == fifo_called(fifo.name, before).depth_beats
        if is_shallow and isinstance(maker, WidthConverter) and widens(maker, dataflow):
            swapped[maker.name] = fifo
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


def fifo_called(name: str, dataflow: Dataflow) -> Fifo:
    """The FIFO called ``name``."""
    layer = dataflow.node(name)
    assert isinstance(layer, Fifo)
    return layer


def consequence(dataflow: Dataflow) -> str:
    """What goes wrong in ``dataflow``."""
    trace = simulate_cycles(dataflow, MAX_FRAMES)
    if trace.standstill is not None:
        circle = "; ".join(map(str, trace.standstill.circle))
        return f"the design would come to a standstill ({circle})"
    interval = slowest_interval(trace)
    return f"a frame would take {interval} cycles instead of {frame_interval(dataflow)}"


def with_depths(dataflow: Dataflow, depths: Mapping[str, int]) -> Dataflow:
    """``dataflow`` with other depths of some FIFOs."""
    return Dataflow(
        tuple(
            replace(layer, depth_beats=depths.get(layer.name, layer.depth_beats))
            if isinstance(layer, Fifo)
            else layer
            for layer in layers_of(dataflow)
        )
    )
