# SPDX-License-Identifier: Apache-2.0
"""FIFOs between layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xnorflow.hw.passes.rewrite import insert_before, is_feeder, port_name
from xnorflow.ir import MVAU, Dataflow, Fifo, Fork, Layer, SlidingWindow, WidthConverter

__all__ = ["LEAST_FIFO_DEPTH", "InsertFifos", "is_optional"]

DWC, SWU = "dwc_", "swu_"
"""Prefixes of the names of FIFOs that may not be needed."""

LEAST_FIFO_DEPTH = 2
"""Beats: the least depth that cuts ready paths and still passes a beat a cycle."""


@dataclass(frozen=True, slots=True)
class InsertFifos:
    """Put a FIFO, ``fifo_NAME``, on the stream that feeds each layer NAME.

    It cuts the path of ``ready``, and is where beats wait for each other
    (:class:`~xnorflow.hw.passes.size_fifos.SizeFifos`). It stands behind the layer's width
    converter, and before the units that make padding and windows for the layer. A fork needs none:
    its readers have one each.

    Windows that come all at once come in bursts, with pauses at the ends of rows. So there may be
    more FIFOs, which are taken out again unless beats wait in them: ``fifo_swu_NAME`` for the
    windows of an MVAU, ``fifo_dwc_NAME`` before a width converter that narrows.

    Parameters
    ----------
    depth_beats
        Depth of every FIFO, 2 or more.
    """

    name: ClassVar[str] = "insert-fifos"

    depth_beats: int = LEAST_FIFO_DEPTH

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with a FIFO before every layer that computes."""

        def fifo(maker: Layer, reader: Layer, port: int) -> Layer | None:
            which = place_of(maker, reader, dataflow)
            if which is None:
                return None
            return Fifo(
                name=f"fifo_{which}{port_name(reader, port, dataflow)}",
                inputs=(maker.name,),
                edge=maker.edge,
                depth_beats=self.depth_beats,
            )

        return insert_before(dataflow, fifo)


def place_of(maker: Layer, reader: Layer, dataflow: Dataflow) -> str | None:
    """Prefix of the name of the FIFO between two layers; None where there is none."""
    if isinstance(reader, WidthConverter):
        return DWC if reader.lanes < dataflow.types[maker.name].lanes else None
    if isinstance(maker, SlidingWindow):
        return SWU if makes_bursts(maker, reader) else None
    return None if isinstance(reader, Fork) or is_feeder(maker) else ""


def makes_bursts(maker: SlidingWindow, reader: Layer) -> bool:
    """Whether windows come faster than ``reader`` takes them, and not at all at ends of rows.

    A unit that has a line buffer keeps pixels there instead
    (:class:`~xnorflow.hw.passes.size_line_buffers.SizeLineBuffers`).
    """
    at_once = maker.taps_per_beat == maker.window.taps
    return at_once and isinstance(reader, MVAU) and reader.nf > 1


def is_optional(fifo: Fifo) -> bool:
    """Whether ``fifo`` is there only in case that beats wait in it."""
    return fifo.name.startswith((f"fifo_{SWU}", f"fifo_{DWC}"))
