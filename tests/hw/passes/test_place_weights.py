# SPDX-License-Identifier: Apache-2.0
"""Which weights go to SPRAM, and designs that fit by it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from xnorflow.errors import ConfigError, FoldingError
from xnorflow.hw.build import BuildOptions
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.explore import Budget, plan_for_budget
from xnorflow.hw.passes import compile_network, parse_plan
from xnorflow.hw.passes.place_weights import Place, best_within, place_weights
from xnorflow.hw.weight_loading import loaded_layers
from xnorflow.ir import Dataflow, Device, Network, RamStyle


@pytest.fixture(scope="module")
def network(lab: Any) -> Network:
    """Weights of 16, 16, 8 and 4 block RAMs or so."""
    return lab.Mlp(widths=(256, 256, 256, 128, 128, 10)).network()


PLAN = '{"Defaults": {"PE": [4, "MVAU"], "SIMD": [4, "MVAU"]}, "fc5": {"PE": 1, "SIMD": 4}}'


def built(network: Network, plan: Any) -> Dataflow:
    return compile_network(network, plan, fifo_search=False, device=Device.ICE40)


def taken(dataflow: Dataflow) -> tuple[float, float]:
    resources = design_resources(dataflow, Device.ICE40)
    return resources.block_rams, resources.sprams


def test_as_few_as_need_be(network: Network) -> None:
    plan = parse_plan(PLAN, network)
    dataflow = built(network, plan)
    needed, none = taken(dataflow)
    assert none == 0
    assert place_weights(plan, dataflow, 4, int(needed)) == plan
    for limit, sprams in ((int(needed) - 1, 1), (int(needed) - 16, 1), (int(needed) - 17, 2)):
        placed = built(network, place_weights(plan, dataflow, 4, limit))
        assert taken(placed)[0] <= limit
        assert taken(placed)[1] == sprams
    names = {layer.name for layer in loaded_layers(placed)}
    assert names == {"fc1", "fc2"}


def test_what_is_too_much_for_all_goes_as_far_as_it_can(network: Network) -> None:
    plan = parse_plan(PLAN, network)
    dataflow = built(network, plan)
    placed = place_weights(plan, dataflow, 2, 0)
    styles = {name: folding.ram_style for name, folding in placed.layers.items()}
    assert [name for name, style in styles.items() if style is RamStyle.SPRAM] == ["fc1", "fc2"]
    assert RamStyle.DISTRIBUTED not in styles.values()


def test_small_memories_make_room(network: Network) -> None:
    """The last layer's 1,280 weights become logic where a block RAM is missing."""
    plan = parse_plan(PLAN, network)
    dataflow = built(network, plan)
    all_four = int(taken(built(network, place_weights(plan, dataflow, 4, 0)))[0])
    placed = place_weights(plan, dataflow, 4, all_four - 1)
    assert placed.layers["fc5"].ram_style is RamStyle.DISTRIBUTED
    assert taken(built(network, placed)) == (all_four - 1, 4)


def test_what_the_plan_says_stays(network: Network) -> None:
    text = PLAN.replace('"fc5"', '"fc1": {"PE": 4, "SIMD": 4, "ram_style": "block"}, "fc5"')
    plan = parse_plan(text, network)
    placed = place_weights(plan, built(network, plan), 4, 0)
    assert placed.layers["fc1"].ram_style is RamStyle.BLOCK


@pytest.mark.parametrize("limit", range(6))
def test_the_best_choice_of_all(limit: int) -> None:
    places = [
        Place(f"l{n}", 0, c, b)
        for n, (c, b) in enumerate([(2, 30), (1, 14), (1, 9), (3, 50), (4, 70), (1, 14)])
    ]
    every = [
        choice
        for count in range(len(places) + 1)
        for choice in itertools.combinations(places, count)
        if sum(place.sprams for place in choice) <= limit
    ]
    most = max(sum(place.block_rams for place in choice) for choice in every)
    assert sum(place.block_rams for place in best_within(places, limit)) == most


def test_a_budget_with_sprams_fits_what_one_without_does_not(network: Network) -> None:
    """Foldings are chosen so that few SPRAMs are full."""
    tight = Budget(luts=4000, block_rams=12)
    with pytest.raises(FoldingError, match=r"^the network does not fit: "):
        plan_for_budget(network, Device.ICE40, tight)
    plan = plan_for_budget(network, Device.ICE40, Budget(luts=4000, block_rams=12, sprams=4))
    block_rams, sprams = taken(built(network, plan))
    assert block_rams <= 12
    assert 1 <= sprams <= 4


def test_options_are_checked(network: Network) -> None:
    with pytest.raises(
        ConfigError,
        match=r"^SPRAMs serve where block RAMs do not suffice: give a budget of block RAMs too$",
    ):
        Budget(luts=4000, sprams=4)
    message = r"^SPRAMs are there on ice40 \(UltraPlus\) alone, not on ecp5$"
    with pytest.raises(ConfigError, match=message):
        plan_for_budget(network, Device.ECP5, Budget(block_rams=4, sprams=1))
    with pytest.raises(ConfigError, match=message):
        BuildOptions(device=Device.ECP5, budget=Budget(block_rams=4, sprams=1))
