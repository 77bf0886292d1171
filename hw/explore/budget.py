# SPDX-License-Identifier: Apache-2.0
"""The fastest design that fits a budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xnorflow.errors import ConfigError, FoldingError
from xnorflow.hw.estimate.resources import Resources
from xnorflow.hw.explore.candidate import Candidate, Candidates
from xnorflow.hw.explore.curve import spread
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.hw.passes.place_weights import place_weights
from xnorflow.ir import Dataflow, Network

__all__ = ["Budget", "plan_for_budget"]


LOOKS = 16
"""Designs to look at, from the fastest to the slowest."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a design may take, by estimate, before place and route.

    Parameters
    ----------
    luts, block_rams, dsps
        At most; None for no limit.
    sprams
        At most: SPRAMs of iCE40 UltraPlus, which are used only where block RAMs do not suffice.
    """

    luts: int | None = None
    block_rams: int | None = None
    dsps: int | None = None
    sprams: int = 0

    def __post_init__(self) -> None:
        for name, limit in self._limits():
            if limit < 0:
                raise ConfigError(f"a budget of {name} must be 0 or more, not {limit}")
        if self.sprams and self.block_rams is None:
            raise ConfigError(
                "SPRAMs serve where block RAMs do not suffice: give a budget of block RAMs too"
            )

    def _limits(self) -> list[tuple[str, int]]:
        limits = (
            ("LUTs", self.luts),
            ("block RAMs", self.block_rams),
            ("DSPs", self.dsps),
            ("SPRAMs", self.sprams),
        )
        return [(name, limit) for name, limit in limits if limit is not None]

    def priced(self, prices: Prices) -> Prices:
        """``prices`` by which an SPRAM counts as the block RAMs that there are for each."""
        if self.sprams == 0 or self.block_rams is None:
            return prices
        return replace(prices, spram=prices.block_ram * self.block_rams / self.sprams)

    def check_device(self, device: Device) -> None:
        """Refuse SPRAMs of a family that has none."""
        if self.sprams and device is not Device.ICE40:
            raise ConfigError(f"SPRAMs are there on ice40 (UltraPlus) alone, not on {device}")

    def place(self, plan: FoldingPlan, dataflow: Dataflow) -> FoldingPlan:
        """``plan``, by which ``dataflow`` is built, with weights in SPRAM if there must be some.

        See :func:`~xnorflow.hw.passes.place_weights.place_weights`.
        """
        if self.sprams == 0 or self.block_rams is None:
            return plan
        return place_weights(plan, dataflow, self.sprams, self.block_rams)

    def excess(self, resources: Resources) -> list[str]:
        """Each resource that is exceeded, in words."""
        taken = {
            "LUTs": resources.luts,
            "block RAMs": resources.block_rams,
            "DSPs": resources.dsps,
            "SPRAMs": resources.sprams,
        }
        return [
            f"{taken[name]:,.0f} {name} of {limit:,}"
            for name, limit in self._limits()
            if taken[name] > limit
        ]


def plan_for_budget(
    network: Network,
    device: Device,
    budget: Budget,
    *,
    dense: bool = False,
    cells: bool = True,
) -> FoldingPlan:
    """The fastest plan whose design fits ``budget`` on ``device``.

    Plans are looked for that save LUTs, and others that save block RAMs. With ``dense`` no layer
    skips tiles of zeros.

    Raises
    ------
    ConfigError
        If there are SPRAMs in the budget, and the family has none.
    FoldingError
        If even the cheapest design does not fit; says what it takes.
    """
    budget.check_device(device)
    found = [
        fastest(
            Candidates(network, device, prices, dense=dense, cells=cells, place=budget.place),
            budget,
        )
        for prices in map(budget.priced, (Prices(), Prices.scarce_memory(device)))
    ]
    best = min(found, key=lambda c: (len(budget.excess(c.resources)), c.interval_cycles))
    if excess := budget.excess(best.resources):
        raise FoldingError(
            f"the network does not fit: folded as far as it can be, it takes {', '.join(excess)} "
            f"on {device}"
        )
    return best.plan


def fastest(candidates: Candidates, budget: Budget) -> Candidate:
    """The fastest candidate that fits ``budget``, or the slowest of all if none does.

    A faster design may take less of one resource: short memories become logic. So the first look
    is at designs of all speeds; then, between the fastest that fits and the next one, the boundary
    is found by bisection.
    """
    intervals = candidates.intervals
    grid = sorted(intervals.index(interval) for interval in spread(intervals, LOOKS))
    fits, best = None, candidates.at(intervals[-1])
    too_fast = -1
    for place in grid:
        candidate = candidates.at(intervals[place])
        if not budget.excess(candidate.resources):
            fits, best = place, candidate
            break
        too_fast = place
    while fits is not None and fits - too_fast > 1:
        middle = (too_fast + fits) // 2
        candidate = candidates.at(intervals[middle])
        if budget.excess(candidate.resources):
            too_fast = middle
        else:
            fits, best = middle, candidate
    return best
