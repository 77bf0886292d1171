# SPDX-License-Identifier: Apache-2.0
"""Registers for a clock: the cheapest that are expected to reach it, or a refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.clock import design_clock, layer_clock_mhz
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.resources import layer_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, ReachClock, check_clock, compile_network
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.hw.passes.reach_clock import PIPELININGS
from xnorflow.ir import BIPOLAR, MVAU, Dataflow, Folding, Pipelining, RamStyle, UnrolledMVAU

ECP5 = Device.ECP5


def built(lab: Any, target_mhz: float | None, device: Device = ECP5) -> Dataflow:
    network = lab.Mlp(widths=(128, 64, 64, 8), input_type=BIPOLAR).network()
    layers = {
        "fc1": Folding(8, 32, RamStyle.BLOCK),
        "fc2": Folding(8, 32, RamStyle.DISTRIBUTED),
        "fc3": Folding(1, 8),
    }
    others = {"image": Folding(32), "input_act": Folding(32), "label": Folding(1)}
    clock = None if target_mhz is None else ReachClock(device, target_mhz)
    return compile_network(network, FoldingPlan(layers | others), device=device, clock=clock)


def pipelinings(dataflow: Dataflow) -> dict[str, Pipelining]:
    return {node.name: node.pipelining for node in dataflow.nodes if isinstance(node, MVAU)}


def test_usual_pipelining_of_families(lab: Any) -> None:
    assert set(pipelinings(built(lab, None)).values()) == {Pipelining(True, 1)}
    assert set(pipelinings(built(lab, None, Device.ICE40)).values()) == {Pipelining(False, 2)}


def test_a_slow_clock_takes_no_registers(lab: Any) -> None:
    assert set(pipelinings(built(lab, 10)).values()) == {Pipelining(False, 2)}


@pytest.mark.parametrize("device", [Device.ICE40, Device.ECP5])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.85, 1.0])
def test_each_layer_takes_the_cheapest_that_reaches(lab: Any, device: Device, share: float) -> None:
    best = design_clock(built(lab, 1e3, device), device).expected_mhz
    target = share * best
    dataflow = built(lab, target, device)
    check_clock(dataflow, device, target)
    for node in dataflow.nodes:
        if not isinstance(node, MVAU):
            continue
        inputs = dataflow.input_types(node)

        def cost(layer: MVAU, inputs: Any = inputs) -> float:
            return Prices().cost(layer_resources(layer, inputs, device))

        assert layer_clock_mhz(node, inputs, device) >= target
        for pipelining in PIPELININGS:
            other = replace(node, pipelining=pipelining)
            if cost(other) < cost(node):
                assert layer_clock_mhz(other, inputs, device) < target


@pytest.mark.parametrize("device", [Device.ICE40, Device.ECP5])
def test_unrolled_layers_take_registers_for_faster_clocks(lab: Any, device: Device) -> None:
    network = lab.Mlp(widths=(40, 24), input_type=BIPOLAR, top_k=None).network()
    plan = FoldingPlan(
        {name: Folding(40) for name in ("image", "input_act")} | {"fc1": Folding(24, 40)}
    )
    levels, latencies = [], []
    for target in (20, 100):
        clock = ReachClock(device, target)
        dataflow = compile_network(network, plan, device=device, clock=clock)
        (layer,) = [node for node in dataflow.nodes if isinstance(node, UnrolledMVAU)]
        inputs = dataflow.input_types(layer)
        assert layer_clock_mhz(layer, inputs, device) >= target
        levels.append(layer.pipelining.levels)
        latencies.append(layer_timing(layer, inputs).latency_first)
    assert levels[0] > levels[1]
    assert latencies[0] < latencies[1]


def test_layers_differ_by_where_their_weights_are(lab: Any) -> None:
    found = pipelinings(built(lab, 110))
    assert found["fc1"].operands
    assert not found["fc2"].operands


def test_a_clock_out_of_reach_is_refused(lab: Any) -> None:
    dataflow = built(lab, 1000)
    best = design_clock(dataflow, ECP5)
    message = (
        rf"^1000 MHz is out of reach on ecp5: the best expected is {int(best.expected_mhz)} MHz, "
        rf"which layer '{best.layer}' bounds$"
    )
    with pytest.raises(FoldingError, match=message):
        check_clock(dataflow, ECP5, 1000)
    check_clock(built(lab, int(best.expected_mhz)), ECP5, int(best.expected_mhz))
