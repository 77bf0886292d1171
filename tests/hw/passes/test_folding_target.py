# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.resources import layer_resources, rough_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes import (
    FoldingPlan,
    Fuse,
    compile_network,
    default_plan,
    plan_for_interval,
    plan_for_target,
)
from xnorflow.hw.passes.folding_choices import Choice, FoldingCosts, Prices
from xnorflow.hw.passes.folding_target import FoldingSearch, chains_of, cheapest_chain
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    Fifo,
    Folding,
    Input,
    Network,
    StreamInput,
    TensorType,
    Threshold,
    ThresholdTable,
    UnrolledMVAU,
    divisors,
    uint_type,
)


@given(st.data(), st.integers(1, 200))
def test_plan_meets_the_interval(lab, data, interval):
    network = data.draw(lab.mlps()).network()
    dataflow = compile_network(network, plan_for_interval(network, interval))
    assert frame_interval(dataflow) <= interval


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=3),
    st.integers(1, 40),
    st.sampled_from(list(Device)),
)
def test_no_other_plan_is_cheaper(lab, widths, interval, device):
    """Of all plans that meet the interval, by the resources of the whole design."""
    network = lab.Mlp(widths=tuple(widths), input_type=None, pixel=BIPOLAR, top_k=None).network()
    plan = plan_for_interval(network, interval, device)
    names = [name for name in plan.layers if name != "image"]
    sizes = {f"fc{i}": (mh, mw) for i, (mw, mh) in enumerate(itertools.pairwise(widths), 1)}
    foldings = [
        [
            Folding(pe, simd)
            for pe in divisors(mh)
            for simd in divisors(mw)
            if mh // pe * (mw // simd) <= interval
        ]
        for mh, mw in (sizes[name] for name in names)
    ]
    costs = {
        combination: design_cost(network, dict(zip(names, combination, strict=True)), device)
        for combination in itertools.product(*foldings)
    }
    chosen = tuple(plan.layers[name] for name in names)
    assert costs[chosen] == pytest.approx(min(costs.values()))


def resources(node, inputs, device):
    """As the search counts: unrolled layers by a formula."""
    if isinstance(node, UnrolledMVAU):
        return rough_resources(node, *inputs, device)
    return layer_resources(node, inputs, device)


def design_cost(network, layers, device):
    """Cost of a chain of MVAUs whose input comes in the lanes that the first one takes."""
    image = Folding(pe=next(iter(layers.values())).simd)
    dataflow = compile_network(network, FoldingPlan({"image": image, **layers}))
    swapped = {node.name: node for node in dataflow.nodes}  # FIFOs stand behind their converters
    total = 0.0
    for node in dataflow.nodes:
        inputs = dataflow.input_types(node)
        if isinstance(node, Fifo):
            reader = next(n for n in swapped.values() if node.name == f"fifo_{n.name}")
            inputs = (replace(inputs[0], lanes=layers[reader.name].simd),)
        if not isinstance(node, StreamInput):
            total += Prices().cost(resources(node, inputs, device))
    return total


@given(st.data())
def test_chain_is_the_cheapest_of_all(data):
    choice = st.builds(
        Choice, st.just(Folding()), *[st.sampled_from([1, 2, 3, 4, 6, 12])] * 2,
        st.sampled_from([BIPOLAR, uint_type(8)]), st.just(1), st.integers(0, 40),
    )  # fmt: skip
    choices = data.draw(st.lists(st.lists(choice, min_size=1, max_size=3), min_size=1, max_size=4))

    def joint(lanes_out, lanes_in, element):
        return (lanes_out != lanes_in) * (max(lanes_out, lanes_in) * element.width_bits + 5)

    def cost(chain):
        joints = sum(
            joint(a.lanes_out, b.lanes_in, b.element) for a, b in itertools.pairwise(chain)
        )
        return joints + sum(part.cost for part in chain)

    names = [f"layer{index}" for index in range(len(choices))]
    links = dict(zip(names, [(), *((name,) for name in names)], strict=False))
    assert chains_of(links) == [names]
    picked = cheapest_chain(names, dict(zip(names, choices, strict=True)), links, {}, joint)
    least = min(cost(chain) for chain in itertools.product(*choices))
    assert cost([picked[name] for name in names]) == least


def test_equal_lanes_cost_no_converter(lab):
    costs = FoldingCosts(Fuse().apply(lab.Mlp().network()), Device.ECP5)
    assert costs.joint(8, 8, uint_type(2)) == 0
    assert 0 < costs.joint(4, 8, uint_type(2)) < costs.joint(6, 8, uint_type(2))


def test_intervals_are_those_of_all_foldings(lab):
    network = lab.Mlp(widths=(6, 4), input_type=None, pixel=BIPOLAR, top_k=None).network()
    search = FoldingSearch(network)
    assert search.intervals == [1, 2, 3, 4, 6, 8, 12, 24]
    for interval in search.intervals:
        dataflow = compile_network(network, search.plan(interval))
        assert frame_interval(dataflow) <= interval


def test_target_rate(lab):
    network = lab.Mlp().network()
    dataflow = compile_network(network, plan_for_target(network, 1e6, 24))
    assert frame_interval(dataflow) <= 24
    assert plan_for_target(network, 1e6, 24) == plan_for_interval(network, 24)


@pytest.mark.parametrize("interval", [11, 163, 167, 179])
def test_rate_of_a_whole_interval_is_met_despite_rounding(lab, interval):
    """As doubles, ``100e6 / (100e6 / 11)`` is a little less than 11."""
    network = lab.Mlp(widths=(interval, 1), input_type=None).network()
    plan = plan_for_target(network, 100e6 / interval, 100)
    assert plan.layers["fc1"] == Folding(1, 1)


def test_out_of_reach(lab):
    network = lab.Mlp().network()
    with pytest.raises(
        FoldingError,
        match=r"^2e\+08 frames/s at 100 MHz is out of reach: fully parallel, layer 'image' takes "
        r"1 cycle\(s\) a frame; the best reachable is 1e\+08 frames/s$",
    ):
        plan_for_target(network, 2e8, 100)
    assert frame_interval(compile_network(network, plan_for_target(network, 1e8, 100))) == 1


def test_out_of_reach_by_vectors():
    table = ThresholdTable([[3]], [False], -1, BIPOLAR)
    network = Network(
        (
            Input(name="image", type=TensorType(uint_type(4), (5, 5, 3))),
            Threshold(name="act", inputs=("image",), table=table),
        )
    )
    plan = plan_for_interval(network, 25)
    assert plan.layers == {"image": Folding(3), "act": Folding(3)}
    with pytest.raises(
        FoldingError,
        match=r"^a frame interval must be at least 25 cycle\(s\), which layer 'image' takes fully "
        r"parallel, not 24$",
    ):
        plan_for_interval(network, 24)


@pytest.mark.parametrize(
    ("fps", "clock", "message"),
    [
        (0.0, 100.0, r"^target_fps must be positive, not 0$"),
        (float("nan"), 100.0, r"^target_fps must be positive, not nan$"),
        (1.0, -5.0, r"^clock_mhz must be positive, not -5$"),
        (1.0, float("inf"), r"^clock_mhz must be positive, not inf$"),
    ],
)
def test_targets_are_checked(lab, fps, clock, message):
    with pytest.raises(FoldingError, match=message):
        plan_for_target(lab.Mlp().network(), fps, clock)


def test_default_plan_is_balanced(lab):
    network = lab.Mlp(widths=(256, 256, 256, 10)).network()
    dataflow = compile_network(network, default_plan(network))
    assert 512 <= frame_interval(dataflow) <= 1024


def test_default_plan_bounds_operations(lab):
    network = lab.Mlp(widths=(1024, 2048, 2048, 10)).network()
    dataflow = compile_network(network, default_plan(network))
    layers = [node for node in dataflow.nodes if isinstance(node, MVAU)]
    operations = sum(layer.folding.pe * layer.folding.simd for layer in layers)
    assert operations <= 2 * 1024
    assert frame_interval(dataflow) > 1024


@given(st.data())
def test_default_plan_is_legal(lab, data):
    network = data.draw(lab.mlps()).network()
    assume(len(network.nodes) > 2)
    compile_network(network, default_plan(network))
