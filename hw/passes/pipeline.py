# SPDX-License-Identifier: Apache-2.0
"""From an integer network to a dataflow graph: the passes and their order."""

from __future__ import annotations

from typing import Protocol

from xnorflow.hw.passes.fold import Fold
from xnorflow.hw.passes.folding import FoldingPlan
from xnorflow.hw.passes.fuse import Fuse
from xnorflow.hw.passes.insert_fifos import LEAST_FIFO_DEPTH, InsertFifos
from xnorflow.hw.passes.place_weights import check_places
from xnorflow.hw.passes.reach_clock import ReachClock
from xnorflow.hw.passes.remove_idle_converters import RemoveIdleConverters
from xnorflow.hw.passes.size_fifos import SizeFifos
from xnorflow.hw.passes.size_line_buffers import SizeLineBuffers
from xnorflow.hw.passes.skip_tiles import SkipTiles
from xnorflow.hw.passes.unroll import Unroll
from xnorflow.hw.passes.use_cells import UseCells
from xnorflow.ir import Dataflow, Device, Network

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
    plan: FoldingPlan,
    fifo_depth_beats: int = LEAST_FIFO_DEPTH,
    fifo_loss: float = 0.0,
    fifo_search: bool = True,
    dense: bool = False,
    device: Device | None = None,
    clock: ReachClock | None = None,
) -> tuple[DataflowPass, ...]:
    """The passes that follow :class:`Fuse`, in order."""
    skipped: tuple[DataflowPass, ...] = () if dense else (SkipTiles(),)
    celled: tuple[DataflowPass, ...] = () if device is None else (UseCells(device),)
    clocked: tuple[DataflowPass, ...] = () if clock is None else (clock,)
    return (
        Fold(plan),
        Unroll(device),
        *skipped,
        *celled,
        *clocked,
        RemoveIdleConverters(),
        SizeLineBuffers(),
        InsertFifos(fifo_depth_beats),
        SizeFifos(plan.fifo_depths, fifo_loss, fifo_search),
    )


def compile_network(
    network: Network,
    plan: FoldingPlan,
    *,
    fifo_depth_beats: int = LEAST_FIFO_DEPTH,
    fifo_loss: float = 0.0,
    fifo_search: bool = True,
    dense: bool = False,
    device: Device | None = None,
    clock: ReachClock | None = None,
) -> Dataflow:
    """The dataflow graph that computes ``network``, folded by ``plan``.

    Parameters
    ----------
    network
        What to compute; :class:`SelectOutput` chooses its output.
    plan
        Folding of every layer.
    fifo_depth_beats
        Least depth of the FIFO before each layer, 2 or more.
    fifo_loss
        Share of the throughput that may be lost for shallower FIFOs.
    fifo_search
        Whether to search for the least depths of FIFOs; depths that are enough are found at once.
    dense
        Whether layers visit all their weights, also where whole tiles of them are zeros.
    device
        Family whose cells layers are built of where it has some for them; None for plain Verilog.
    clock
        Pass that chooses the pipelining of layers with weights; None for the usual one.

    Raises
    ------
    GraphError
        If a node of the network has no hardware layer.
    FoldingError
        If the plan does not fit the network, its FIFO depths are too small, or weights are to be
        in SPRAM and ``device`` is not iCE40.
    """
    dataflow = Fuse().apply(network)
    passes = dataflow_passes(plan, fifo_depth_beats, fifo_loss, fifo_search, dense, device, clock)
    for step in passes:
        dataflow = step.apply(dataflow)
    check_places(dataflow, device)
    return dataflow
