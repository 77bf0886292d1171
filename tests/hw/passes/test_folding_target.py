# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import (
    compile_network,
    default_plan,
    plan_for_interval,
    plan_for_target,
)
from xnorflow.hw.passes.folding_choices import Choice, converter_bits
from xnorflow.hw.passes.folding_target import chains_of, cheapest_chain
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    Folding,
    Input,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    WidthConverter,
    divisors,
    uint_type,
)


@given(st.data(), st.integers(1, 200))
def test_plan_meets_the_interval_with_the_least_parallelism(lab, data, interval):
    network = data.draw(lab.mlps()).network()
    dataflow = compile_network(network, plan_for_interval(network, interval))
    assert frame_interval(dataflow) <= interval
    for layer in dataflow.nodes:
        if isinstance(layer, MVAU):
            least = min(
                pe * simd
                for pe in divisors(layer.mh)
                for simd in divisors(layer.mw)
                if layer.mh * layer.mw <= interval * pe * simd
            )
            assert layer.folding.pe * layer.folding.simd == least


@given(st.data())
def test_chain_is_the_cheapest_of_all(data):
    choice = st.builds(
        Choice, st.just(Folding()), *[st.sampled_from([1, 2, 3, 4, 6, 12])] * 2,
        st.integers(1, 3), st.integers(0, 40),
    )  # fmt: skip
    choices = data.draw(st.lists(st.lists(choice, min_size=1, max_size=3), min_size=1, max_size=4))

    def cost(chain):
        joints = sum(
            converter_bits(a.lanes_out, b.lanes_in, b.element_bits)
            for a, b in itertools.pairwise(chain)
        )
        return joints + sum(part.register_bits for part in chain)

    names = [f"layer{index}" for index in range(len(choices))]
    links = dict(zip(names, [(), *((name,) for name in names)], strict=False))
    assert chains_of(links) == [names]
    picked = cheapest_chain(names, dict(zip(names, choices, strict=True)), links, {})
    least = min(cost(chain) for chain in itertools.product(*choices))
    assert cost([picked[name] for name in names]) == least


def test_equal_lanes_cost_no_converter():
    assert converter_bits(8, 8, 2) == 0
    assert converter_bits(4, 8, 2) < converter_bits(6, 8, 2)


def test_neighbours_avoid_converters(lab):
    network = lab.Mlp(widths=(64, 64, 64, 64), input_type=None, pixel=BIPOLAR).network()
    dataflow = compile_network(network, plan_for_interval(network, 64))
    lanes = [node.lanes for node in dataflow.nodes if isinstance(node, WidthConverter)]
    assert len(lanes) <= 1


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
