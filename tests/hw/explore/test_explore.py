# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest

from xnorflow.errors import ConfigError, FoldingError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.explore import Budget, explore_network, plan_for_budget
from xnorflow.hw.explore.candidate import Candidates
from xnorflow.hw.explore.curve import frontier, spread
from xnorflow.hw.families import Device
from xnorflow.hw.passes import compile_network


@pytest.fixture(scope="module")
def network(lab):
    return lab.Mlp(widths=(64, 32, 32, 10)).network()


@pytest.fixture(scope="module")
def curve(network):
    return explore_network(network, Device.ICE40, 50.0, points=12)


def test_faster_costs_more(curve):
    assert len(curve.points) > 4
    for slow, fast in pairwise(curve.points):
        assert fast.interval_cycles < slow.interval_cycles
        assert fast.resources.luts > 0.9 * slow.resources.luts


def test_every_point_is_the_design_that_is_built_from_its_plan(network, curve):
    for point in curve.points:
        dataflow = compile_network(network, point.plan)
        assert frame_interval(dataflow) == point.interval_cycles
        assert point.throughput_fps == pytest.approx(50e6 / point.interval_cycles)
        built = design_resources(dataflow, Device.ICE40)
        assert built.luts <= point.resources.luts
        assert built.block_rams <= point.resources.block_rams


def test_the_curve_ends_with_everything_in_parallel(network, curve):
    assert curve.points[-1].interval_cycles == 1
    assert curve.points[0].interval_cycles <= max(Candidates(network, Device.ICE40).intervals)


def test_candidates_know_of_tiles_that_are_skipped(lab, network):
    """The same rate takes less, unless all layers are to be dense."""
    pruned = lab.prune(network, (8, 16), 0.7)
    sparse, dense = (Candidates(pruned, Device.ECP5, dense=dense).at(64) for dense in (False, True))
    assert sparse.interval_cycles <= 64
    assert dense.interval_cycles <= 64
    assert sparse.resources.luts < 0.8 * dense.resources.luts


def test_points_that_are_slower_and_dearer_are_left_out(network):
    candidates = Candidates(network, Device.ECP5)
    found = [candidates.at(interval) for interval in (1, 16, 64, 64)]
    assert [c.interval_cycles for c in frontier([*found, found[0]])] == [64, 16, 1]


def test_progress_is_told(network):
    seen = []
    explore_network(network, Device.ECP5, 100.0, 3, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_points_are_spread_on_a_logarithmic_scale():
    assert spread(list(range(1, 1001)), 4) == [1000, 100, 10, 1]
    assert spread([5], 9) == [5]


@pytest.mark.parametrize("luts", [1200, 1500, 4000, 10**6])
def test_the_fastest_design_within_a_budget(network, luts):
    plan = plan_for_budget(network, Device.ICE40, Budget(luts=luts))
    dataflow = compile_network(network, plan, fifo_search=False)
    assert design_resources(dataflow, Device.ICE40).luts <= luts
    candidates = Candidates(network, Device.ICE40)
    fitting = [
        candidate.interval_cycles
        for candidate in map(candidates.at, candidates.intervals)
        if candidate.resources.luts <= luts
    ]
    assert frame_interval(dataflow) <= min(fitting) * 1.3  # costs are not monotone everywhere


def test_a_budget_of_memory_is_kept(lab):
    """With fewer block RAMs than the design for the least LUTs takes, another one is found."""
    network = lab.Mlp(widths=(256, 128, 128, 10)).network()
    free = plan_for_budget(network, Device.ICE40, Budget(luts=6000))
    used = design_resources(compile_network(network, free), Device.ICE40).block_rams
    limit = int(used) * 3 // 4
    plan = plan_for_budget(network, Device.ICE40, Budget(luts=6000, block_rams=limit))
    design = compile_network(network, plan, fifo_search=False)
    assert 0 < design_resources(design, Device.ICE40).block_rams <= limit


def test_what_does_not_fit_is_refused(network):
    with pytest.raises(
        FoldingError,
        match=r"^the network does not fit: folded as far as it can be, it takes "
        r"[\d,]+ LUTs of 10, \d+ block RAMs of 0 on ice40$",
    ):
        plan_for_budget(network, Device.ICE40, Budget(luts=10, block_rams=0))


def test_options_are_checked(network):
    with pytest.raises(ConfigError, match=r"^a curve must have 1 point or more, not 0$"):
        explore_network(network, Device.ECP5, 100.0, 0)
    with pytest.raises(ConfigError, match=r"^clock_mhz must be positive, not -1$"):
        explore_network(network, Device.ECP5, -1.0)
    with pytest.raises(ConfigError, match=r"^a budget of block RAMs must be 0 or more, not -1$"):
        Budget(block_rams=-1)
