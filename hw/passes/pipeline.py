# SPDX-License-Identifier: Apache-2.0
"""From an integer network to a dataflow graph: the passes and their order."""

from __future__ import annotations

from typing import Protocol

from xnorflow.hw.passes.convert_widths import InsertWidthConverters, RemoveIdleConverters
from xnorflow.hw.passes.fold import Fold
from xnorflow.hw.passes.folding import FoldingPlan
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.insert_fifos import DEFAULT_FIFO_DEPTH, InsertFifos
from xnorflow.ir import Dataflow, Network

__all__ = ["DataflowPass", "compile_network", "dataflow_passes"]


class DataflowPass(Protocol):
    """A step between two valid dataflow graphs."""

    @property
    def name(self) -> str:
        """Name of the step."""
        ...

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """The graph after the step."""
        ...


def dataflow_passes(
    plan: FoldingPlan, fifo_depth_beats: int = DEFAULT_FIFO_DEPTH
) -> tuple[DataflowPass, ...]:
    """The passes that follow :class:`Fuse`, in order."""
    return (
        InsertWidthConverters(),
        Fold(plan),
        RemoveIdleConverters(),
        InsertFifos(fifo_depth_beats),
    )


def compile_network(
    network: Network, plan: FoldingPlan, *, fifo_depth_beats: int = DEFAULT_FIFO_DEPTH
) -> Dataflow:
    """The dataflow graph that computes ``network``, folded by ``plan``.

    Parameters
    ----------
    network
        What to compute; :class:`SelectOutput` chooses its output.
    plan
        Folding of every layer.
    fifo_depth_beats
        Depth of the FIFO before each layer, 2 or more.

    Raises
    ------
    GraphError
        If a node of the network has no hardware layer.
    FoldingError
        If the plan does not fit the network.
    """
    dataflow = Fuse().apply(network)
    for step in dataflow_passes(plan, fifo_depth_beats):
        dataflow = step.apply(dataflow)
    return dataflow
