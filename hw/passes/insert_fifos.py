# SPDX-License-Identifier: Apache-2.0
"""FIFOs between layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xnorflow.hw.passes.rewrite import consumer, insert_before
from xnorflow.ir import Dataflow, Fifo, Layer, WidthConverter

__all__ = ["DEFAULT_FIFO_DEPTH", "InsertFifos"]

DEFAULT_FIFO_DEPTH = 2
"""Beats: the least depth that cuts ready paths and still passes a beat a cycle."""


@dataclass(frozen=True, slots=True)
class InsertFifos:
    """Put a FIFO, ``fifo_NAME``, on the stream that feeds each layer NAME.

    It cuts the path of ``ready``, which otherwise runs through all layers in one cycle. Where a
    width converter feeds the layer, the FIFO is on the converter's narrower side.

    Parameters
    ----------
    depth_beats
        Depth of every FIFO, 2 or more.
    """

    name: ClassVar[str] = "insert-fifos"

    depth_beats: int = DEFAULT_FIFO_DEPTH

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with a FIFO between any two layers."""

        def fifo(maker: Layer, reader: Layer) -> Layer | None:
            behind = isinstance(reader, WidthConverter) and not widens(reader, dataflow)
            if behind or (isinstance(maker, WidthConverter) and widens(maker, dataflow)):
                return None
            return Fifo(
                name=f"fifo_{consumer(reader, dataflow).name}",
                inputs=(maker.name,),
                edge=maker.edge,
                depth_beats=self.depth_beats,
            )

        return insert_before(dataflow, fifo)


def widens(converter: WidthConverter, dataflow: Dataflow) -> bool:
    """Whether ``converter`` gives more lanes than it takes."""
    return converter.lanes > dataflow.types[converter.inputs[0]].lanes
