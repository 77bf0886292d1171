# SPDX-License-Identifier: Apache-2.0
"""Throughput against area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorflow.errors import ConfigError
from xnorflow.hw.estimate.resources import Resources
from xnorflow.hw.explore.candidate import Candidate, Candidates
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.ir import Network

__all__ = ["Curve", "CurvePoint", "explore_network"]

Progress = Callable[[int, int], None]
"""Called with the points done, and the points in all."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A design on the curve.

    Parameters
    ----------
    throughput_fps
        Frames a second at the clock of the curve.
    interval_cycles
        Cycles between frames.
    slowest
        The first layer that takes so long.
    resources
        Estimates, before place and route.
    plan
        Its folding.
    """

    throughput_fps: float
    interval_cycles: int
    slowest: str
    resources: Resources
    plan: FoldingPlan


@dataclass(frozen=True, slots=True)
class Curve:
    """What each throughput costs.

    Parameters
    ----------
    device
        The family.
    clock_mhz
        Clock assumed for the rates.
    points
        From the slowest to the fastest; each costs more than the one before.
    """

    device: Device
    clock_mhz: float
    points: tuple[CurvePoint, ...]


def explore_network(
    network: Network,
    device: Device,
    clock_mhz: float,
    points: int = 16,
    progress: Progress | None = None,
) -> Curve:
    """The trade-off between throughput and area of ``network``.

    Parameters
    ----------
    network
        The network.
    device
        The family.
    clock_mhz
        Clock assumed for the rates.
    points
        Points to look for, evenly on a logarithmic scale between one multiplication a cycle in
        each layer and all of them.
    progress
        Told how far it is.

    Raises
    ------
    ConfigError
        If there is to be less than one point, or the clock is not positive.
    """
    if points < 1:
        raise ConfigError(f"a curve must have 1 point or more, not {points}")
    if not clock_mhz > 0:
        raise ConfigError(f"clock_mhz must be positive, not {clock_mhz:g}")
    candidates = Candidates(network, device)
    wanted = spread(candidates.intervals, points)
    found = []
    for number, interval in enumerate(wanted):
        found.append(candidates.at(interval))
        if progress is not None:
            progress(number + 1, len(wanted))
    return Curve(device, clock_mhz, tuple(point(c, clock_mhz) for c in frontier(found)))


def spread(intervals: list[int], points: int) -> list[int]:
    """About ``points`` of ``intervals``, evenly on a logarithmic scale, the greatest first.

    Examples
    --------
    >>> spread([1, 2, 3, 4, 6, 8, 12, 16], 3)
    [16, 4, 1]
    """
    scale = np.log(intervals)
    wanted = np.linspace(scale[-1], scale[0], points)
    nearest = np.abs(scale - wanted[:, np.newaxis]).argmin(axis=1)
    return [intervals[place] for place in dict.fromkeys(nearest.tolist())]


def frontier(found: list[Candidate]) -> list[Candidate]:
    """Those of ``found`` that are cheaper than all that are as fast, the slowest first."""
    cost = Prices().cost
    best: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: (c.interval_cycles, cost(c.resources))):
        if not best or cost(candidate.resources) < cost(best[-1].resources):
            best.append(candidate)
    return best[::-1]


def point(candidate: Candidate, clock_mhz: float) -> CurvePoint:
    """``candidate`` at a clock."""
    return CurvePoint(
        clock_mhz * 1e6 / candidate.interval_cycles,
        candidate.interval_cycles,
        candidate.slowest,
        candidate.resources,
        candidate.plan,
    )
