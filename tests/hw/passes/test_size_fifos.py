# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import FoldingError
from xnorflow.hw.cycle import simulate_cycles
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import FoldingPlan, compile_network, default_plan, parse_plan
from xnorflow.hw.passes.size_fifos import SizeFifos, deepened, most_waiting, with_depths
from xnorflow.ir import (
    BIPOLAR,
    Add,
    Conv,
    Fifo,
    Folding,
    Input,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
)


@pytest.fixture
def residual():
    """``image + act(conv(image))``."""
    table = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
    return Network(
        (
            Input(name="image", type=TensorType(BIPOLAR, (8, 8, 2))),
            Conv(
                name="conv",
                inputs=("image",),
                weights=np.ones((2, 3, 3, 2)),
                weight_type=BIPOLAR,
                window=Window((3, 3), padding=(1, 1, 1, 1)),
            ),
            Threshold(name="act", inputs=("conv",), table=table),
            Add(name="sum", inputs=("image", "act")),
        )
    )


PLAN = FoldingPlan({"image": Folding(2), "conv": Folding(2, 6), "sum": Folding(2)})


def depths(dataflow):
    return {n.name: n.depth_beats for n in dataflow.nodes if isinstance(n, Fifo)}


def test_branches_that_meet_wait_for_each_other(residual):
    found = depths(compile_network(residual, PLAN))
    assert found["fifo_sum_0"] > 8  # a row of the image is in the line buffer of the other branch
    assert found["fifo_sum_1"] == 2


@pytest.mark.parametrize(("simd", "waits"), [(2, False), (6, False), (18, True)])
def test_only_windows_that_come_all_at_once_wait_for_an_mvau(residual, simd, waits):
    """Others stay pixels in the line buffer."""
    layers = {**PLAN.layers, "conv": Folding(1, simd)}
    found = depths(compile_network(residual, FoldingPlan(layers)))
    assert ("fifo_swu_conv" in found) == waits


def interval_of(dataflow):
    """Cycles between frames in the rhythm; None for a standstill."""
    trace = simulate_cycles(dataflow, 300)
    return None if trace.standstill else int(np.diff(trace.frame_ends)[-100:].max())


def test_bursts_of_windows_do_not_hold_up_a_slow_way_of_a_fork():
    """Windows that come all at once come faster than the way that takes a lane a cycle."""

    def act(name, source):
        table = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
        return Threshold(name=name, inputs=(source,), table=table)

    network = Network(
        (
            Input(name="image", type=TensorType(BIPOLAR, (8, 7, 2))),
            Conv(
                name="conv",
                inputs=("image",),
                weights=np.ones((4, 3, 3, 2)),
                weight_type=BIPOLAR,
                window=Window((3, 3)),
            ),
            act("a", "conv"),
            act("b", "conv"),
            Add(name="sum", inputs=("a", "b")),
        )
    )
    folding = {"image": 2, "conv": 4, "a": 1, "b": 4, "sum": 4}
    layers = {name: Folding(pe, 18 if name == "conv" else 1) for name, pe in folding.items()}
    dataflow = compile_network(network, FoldingPlan(layers))
    assert frame_interval(dataflow) == 6 * 5 * 4
    assert interval_of(dataflow) == frame_interval(dataflow)


def test_given_depths_are_kept_where_they_suffice(residual):
    plan = replace(PLAN, fifo_depths={"sum": (200, 3)})
    found = depths(compile_network(residual, plan))
    assert (found["fifo_sum_0"], found["fifo_sum_1"]) == (200, 3)


def test_given_depths_that_are_deep_are_made_up_for_by_others(residual):
    """A memory passes a beat a cycle later than two registers, so the other branch holds more."""
    needed = depths(compile_network(residual, PLAN))["fifo_sum_0"]
    dataflow = compile_network(residual, replace(PLAN, fifo_depths={"conv": (9,)}))
    assert depths(dataflow)["fifo_conv"] == 9
    assert depths(dataflow)["fifo_sum_0"] >= needed
    assert interval_of(dataflow) == frame_interval(dataflow)


def test_a_design_that_no_depths_make_fast_enough_is_given_up(residual):
    dataflow = compile_network(residual, PLAN)
    with pytest.raises(FoldingError, match=r"^no depths of the other FIFOs make up for those "):
        deepened(dataflow, frame_interval(dataflow) - 1, {})


def test_standstill_is_found_before_verilog_is_written(residual):
    needed = depths(compile_network(residual, PLAN))["fifo_sum_0"]
    with pytest.raises(
        FoldingError,
        match=rf"^the FIFO before input 0 of layer 'sum' must hold {needed} beats, not 3: "
        r"the design would come to a standstill \(.*fifo_sum_1.*\) "
        r"\(leave inFIFODepths out to have depths computed\)$",
    ):
        compile_network(residual, replace(PLAN, fifo_depths={"sum": (3, 2)}))


def test_loss_of_throughput_is_found(residual):
    needed = depths(compile_network(residual, PLAN))["fifo_sum_0"]
    slower = None
    for depth in range(needed - 1, 2, -1):
        try:
            compile_network(residual, replace(PLAN, fifo_depths={"sum": (depth, 2)}))
        except FoldingError as error:
            slower = str(error)
            break
    assert slower is not None
    assert "a frame would take" in slower
    assert f"instead of {frame_interval(compile_network(residual, PLAN))}" in slower


def test_depths_come_from_a_folding_file(residual):
    text = '{"conv": {"PE": 2, "SIMD": 6}, "sum": {"PE": 2, "inFIFODepths": [99, 4]}}'
    plan = parse_plan(text, residual)
    assert plan.fifo_depths == {"sum": (99, 4)}
    assert parse_plan(plan.to_json(), residual) == plan


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[2]", r"^inFIFODepths must have a depth for each of 2 input\(s\), not \[2\] \('sum'\)$"),
        ("[2, 1]", r"^inFIFODepths must be a list of integers, 2 or more each, not \[2, 1\] "),
        ("7", r"^inFIFODepths must be a list of integers, 2 or more each, not 7 \('sum'\)$"),
    ],
)
def test_mistakes_in_depths(residual, value, message):
    with pytest.raises(FoldingError, match=message):
        parse_plan(f'{{"sum": {{"inFIFODepths": {value}}}}}', residual)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.data())
def test_most_waiting_is_what_a_queue_holds(gaps, data):
    arrivals = np.cumsum(np.array(gaps) + 1)
    waits = data.draw(st.lists(st.integers(1, 9), min_size=len(gaps), max_size=len(gaps)))
    departures = np.maximum.accumulate(arrivals + np.array(waits) - np.arange(len(gaps)))
    departures = np.maximum(departures + np.arange(len(gaps)), arrivals + 1)
    departures = np.maximum.accumulate(departures)
    held = [
        sum(a <= t for a in arrivals) - sum(d < t for d in departures)
        for t in range(int(departures[-1]) + 1)
    ]
    assert most_waiting(arrivals, departures) == max(held)


@settings(max_examples=40)
@given(st.data())
def test_any_network_keeps_the_interval_of_its_slowest_layer(lab, data):
    network = data.draw(lab.cnns()).network()
    plan = data.draw(lab.plans(network) | st.just(default_plan(network)))
    dataflow = compile_network(network, plan)
    assert interval_of(dataflow) == frame_interval(dataflow)


@settings(max_examples=25)
@given(st.data())
def test_one_beat_less_loses_throughput(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    for name, depth in depths(dataflow).items():
        if depth > 2:
            interval = interval_of(with_depths(dataflow, {name: depth - 1}))
            assert interval is None or interval > frame_interval(dataflow), name


def test_without_an_optional_fifo_others_are_tried_again(lab):
    """``fifo_dwc_add1_0`` is deeper than it needs to be at first, and then taken out."""
    foldings = {"image": 2, "threshold1": 1, "add1": 1, "threshold3": 1}
    layers = {name: Folding(pe) for name, pe in foldings.items()} | {"conv1": Folding(4, 36)}
    dataflow = compile_network(lab.Cnn(326, 1).network(), FoldingPlan(layers))
    assert "fifo_dwc_add1_0" not in depths(dataflow)
    deep = {name: depth for name, depth in depths(dataflow).items() if depth > 2}
    assert deep.keys() == {"fifo_add1_1"}
    interval = frame_interval(dataflow)
    shallower = with_depths(dataflow, {"fifo_add1_1": deep["fifo_add1_1"] - 1})
    assert interval_of(dataflow) == interval < interval_of(shallower)


def test_a_loss_that_is_accepted_saves_places(residual):
    exact = compile_network(residual, PLAN)
    lossy = compile_network(residual, PLAN, fifo_loss=0.2)
    assert sum(depths(lossy).values()) < sum(depths(exact).values())
    assert frame_interval(exact) < interval_of(lossy) <= frame_interval(exact) / 0.8


@pytest.mark.parametrize("loss", [-0.1, 1.0])
def test_a_loss_is_a_share(loss):
    with pytest.raises(FoldingError, match=rf"^loss must be 0 or more and less than 1, not {loss}"):
        SizeFifos(loss=loss)
