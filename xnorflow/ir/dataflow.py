# SPDX-License-Identifier: Apache-2.0
"""Stage two, *dataflow*: which hardware layer computes what, on streams, with its folding."""

from __future__ import annotations

from typing import Any, ClassVar

from xnorflow.ir.graph import Graph
from xnorflow.ir.movers import (
    ConcatUnit,
    Fifo,
    Fork,
    PadUnit,
    SlidingWindow,
    StreamInput,
    UpsampleUnit,
    WidthConverter,
)
from xnorflow.ir.node import Node
from xnorflow.ir.sparse_mvau import SparseMVAU
from xnorflow.ir.streams import StreamType
from xnorflow.ir.units import (
    MVAU,
    VVAU,
    AddUnit,
    GlobalPoolUnit,
    LabelSelect,
    PoolUnit,
    ThermometerUnit,
    Thresholding,
)
from xnorflow.ir.unrolled_mvau import UnrolledMVAU

__all__ = ["Dataflow"]


class Dataflow(Graph[StreamType]):
    """The graph of hardware layers.

    A stream is read once, that of a :class:`~xnorflow.ir.Fork` as often as the fork has ways. The
    last stream leaves the graph; it is no fork's.
    """

    stage: ClassVar[str] = "dataflow"
    kinds: ClassVar[tuple[type[Node[Any]], ...]] = (
        StreamInput,
        ThermometerUnit,
        Thresholding,
        PadUnit,
        SlidingWindow,
        MVAU,
        SparseMVAU,
        UnrolledMVAU,
        VVAU,
        PoolUnit,
        GlobalPoolUnit,
        UpsampleUnit,
        Fork,
        AddUnit,
        ConcatUnit,
        WidthConverter,
        Fifo,
        LabelSelect,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.output, Fork):
            raise self.output.fail("the stream of a fork must be read, not leave the graph")
        for node in self.nodes[:-1]:
            ways = node.ways if isinstance(node, Fork) else 1
            reads = sum(other.inputs.count(node.name) for other in self.nodes)
            if reads != ways:
                raise node.fail(
                    f"the stream of {node.mnemonic} must be read {ways} time(s), not {reads}"
                )
