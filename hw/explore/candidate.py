# SPDX-License-Identifier: Apache-2.0
"""A plan, and what the design by it takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorflow.hw.estimate.cycles import frame_interval, layer_timing
from xnorflow.hw.estimate.resources import Resources, design_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, compile_network
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.hw.passes.folding_target import FoldingSearch
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import Dataflow, Network

__all__ = ["Candidate", "Candidates"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan and its estimates.

    Parameters
    ----------
    plan
        The plan.
    interval_cycles
        Cycles between frames.
    slowest
        The first layer that takes so long.
    resources
        Of the whole design.
    """

    plan: FoldingPlan
    interval_cycles: int
    slowest: str
    resources: Resources


def as_it_is(plan: FoldingPlan, _dataflow: Dataflow) -> FoldingPlan:
    """``plan``."""
    return plan


class Candidates:
    """The cheapest plans of a network for any frame interval.

    Their FIFOs have depths that are enough, not the least: a design that is built from the plan
    takes no more than these estimates.

    Parameters
    ----------
    network
        The network.
    device
        The family for which it is to be cheap.
    prices
        What counts how much.
    dense
        Whether no layer skips tiles of zeros.
    cells
        Whether layers are built of the family's cells.
    place
        Changes a plan, by which the given graph is built, where weights are to be elsewhere.
    """

    def __init__(
        self,
        network: Network,
        device: Device,
        prices: Prices | None = None,
        *,
        dense: bool = False,
        cells: bool = True,
        place: Callable[[FoldingPlan, Dataflow], FoldingPlan] = as_it_is,
    ) -> None:
        self._network = network
        self._device = device
        self._dense = dense
        self._built_for = device if cells else None
        self._place = place
        self._search = FoldingSearch(network, device, prices, dense=dense, cells=cells)

    @property
    def intervals(self) -> list[int]:
        """All frame intervals to ask for, the least first."""
        return self._search.intervals

    def at(self, interval_cycles: int) -> Candidate:
        """The cheapest plan with a frame interval of at most ``interval_cycles``."""
        plan = self._search.plan(interval_cycles)
        dataflow = self._compiled(plan)
        placed = self._place(plan, dataflow)
        if placed != plan:
            plan, dataflow = placed, self._compiled(placed)
        interval = frame_interval(dataflow)
        slowest = next(
            layer.name
            for layer in layers_of(dataflow)
            if layer_timing(layer, dataflow.input_types(layer)).ii_frame == interval
        )
        return Candidate(plan, interval, slowest, design_resources(dataflow, self._device))

    def _compiled(self, plan: FoldingPlan) -> Dataflow:
        return compile_network(
            self._network, plan, fifo_search=False, dense=self._dense, device=self._built_for
        )
