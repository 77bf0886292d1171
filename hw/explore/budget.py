# SPDX-License-Identifier: Apache-2.0
"""The fastest design that fits a budget."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.errors import ConfigError, FoldingError
from xnorflow.hw.estimate.resources import Resources
from xnorflow.hw.explore.candidate import Candidate, Candidates
from xnorflow.hw.explore.curve import spread
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.ir import Network

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
    """

    luts: int | None = None
    block_rams: int | None = None
    dsps: int | None = None

    def __post_init__(self) -> None:
        for name, limit in self._limits():
            if limit < 0:
                raise ConfigError(f"a budget of {name} must be 0 or more, not {limit}")

    def _limits(self) -> list[tuple[str, int]]:
        limits = (("LUTs", self.luts), ("block RAMs", self.block_rams), ("DSPs", self.dsps))
        return [(name, limit) for name, limit in limits if limit is not None]

    def excess(self, resources: Resources) -> list[str]:
        """Each resource that is exceeded, in words."""
        taken = {
            "LUTs": resources.luts,
            "block RAMs": resources.block_rams,
            "DSPs": resources.dsps,
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
    FoldingError
        If even the cheapest design does not fit; says what it takes.
    """
    found = [
        fastest(Candidates(network, device, prices, dense=dense, cells=cells), budget)
        for prices in (Prices(), Prices.scarce_memory(device))
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
