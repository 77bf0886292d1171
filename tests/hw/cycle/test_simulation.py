# SPDX-License-Identifier: Apache-2.0
"""Properties of the cycle model that need no hardware; layers and networks are compared with RTL
where these are tested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.cycle import Pauses, Traffic, simulate_cycles
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import compile_network, default_plan
from xnorflow.hw.passes.size_fifos import with_depths
from xnorflow.ir import BIPOLAR, Dataflow, Fifo, StreamInput, StreamType, WidthConverter

FRAMES = 40


@settings(max_examples=20)
@given(st.data())
def test_frames_that_are_not_simulated_repeat_the_last_one(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    short = simulate_cycles(dataflow, FRAMES)
    whole = simulate_cycles(dataflow, FRAMES, every_frame=True)
    assert whole.simulated_frames == FRAMES
    for name in dataflow.types:
        np.testing.assert_array_equal(short.cycles(name), whole.cycles(name), err_msg=name)
    assert short.cycle_count == whole.cycle_count
    np.testing.assert_array_equal(short.frame_ends, whole.moves[dataflow.output.name][:, -1])


@pytest.mark.parametrize(("seed", "folding", "period"), [(1150, "random", 2), (1074, "random", 3)])
def test_a_rhythm_of_several_frames(lab, seed, folding, period):
    """Frames leave evenly, but on a stream inside only every second or third one is alike."""
    network = lab.Cnn(seed, 1 + seed % 4).network()
    plan = default_plan(network) if folding == "default" else lab.random_plan(network, seed)
    dataflow = compile_network(network, plan, fifo_search=False)
    short = simulate_cycles(dataflow, 100)
    whole = simulate_cycles(dataflow, 100, every_frame=True)
    assert short.period_frames == period
    assert short.simulated_frames < 60
    assert short.period_cycles == period * frame_interval(dataflow)
    for name in dataflow.types:
        np.testing.assert_array_equal(short.cycles(name), whole.cycles(name), err_msg=name)
    assert short.cycle_count == whole.cycle_count


@settings(max_examples=20)
@given(st.data())
def test_frames_do_not_depend_on_those_that_follow(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    traffic = Traffic(Pauses(data.draw(st.integers(0, 99)), 100), Pauses(7, 100))
    few, many = (simulate_cycles(dataflow, frames, traffic) for frames in (2, 5))
    for name in dataflow.types:
        np.testing.assert_array_equal(few.cycles(name), many.cycles(name, 0, 2), err_msg=name)


@settings(max_examples=20)
@given(st.data())
def test_a_paced_source_offers_beats_evenly(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, default_plan(network))
    pace = 2 * frame_interval(dataflow)
    trace = simulate_cycles(dataflow, FRAMES, Traffic(pace_cycles=pace))
    beats = dataflow.types[dataflow.input.name].beats_per_frame
    sent = trace.cycles(dataflow.input.name).reshape(-1)
    assert (sent >= np.arange(FRAMES * beats) * pace // beats).all()
    assert trace.period_cycles == pace
    assert trace.simulated_frames < FRAMES


def chain(*depths: int) -> Dataflow:
    """Twelve lanes one by one, through FIFOs, to a converter."""
    nodes = [StreamInput(name="x", edge="x", type=StreamType(BIPOLAR, 12, 1))]
    for number, depth in enumerate(depths):
        source = nodes[-1].name
        nodes.append(Fifo(name=f"f{number}", inputs=(source,), edge="x", depth_beats=depth))
    nodes.append(WidthConverter(name="wide", inputs=(nodes[-1].name,), edge="x", lanes=12))
    return Dataflow(tuple(nodes))


def test_cycles_of_a_chain_worked_out_by_hand():
    trace = simulate_cycles(chain(2, 5), 2)
    assert trace.cycles("x").tolist() == [list(range(12)), list(range(12, 24))]
    assert trace.cycles("f0")[0].tolist() == list(range(1, 13))  # a register
    assert trace.cycles("f1")[0].tolist() == list(range(3, 15))  # a memory and a register
    assert trace.cycles("wide").tolist() == [[16], [28]]  # collects, then its output register
    assert trace.cycle_count == 29


def test_levels_are_what_came_and_has_not_left():
    dataflow = Dataflow(chain(5).nodes[:-1])
    fifo = dataflow.node("f0")
    traffic = Traffic(sink=Pauses(3, 240))
    trace = simulate_cycles(dataflow, 3, traffic)
    cycles, levels = trace.levels(fifo, 3)
    come, left = trace.moves["x"].reshape(-1), trace.moves["f0"].reshape(-1)
    for cycle, level in zip(cycles, levels, strict=True):
        assert level == sum(c < cycle for c in come) - sum(c < cycle for c in left)
    assert levels.max() == 5
    assert levels[-1] == 0


def test_a_standstill_is_explained_by_those_who_wait_for_each_other(lab):
    """A residual network whose short branch holds two beats."""
    for seed in range(200):
        network = lab.Cnn(seed).network()
        dataflow = compile_network(network, default_plan(network))
        shallow = with_depths(dataflow, {n.name: 2 for n in dataflow.nodes if isinstance(n, Fifo)})
        trace = simulate_cycles(shallow, 3)
        if trace.standstill:
            break
    standstill = trace.standstill
    assert standstill is not None
    circle = standstill.circle
    assert {wait.for_beat for wait in circle} == {True, False}
    for wait, following in zip(circle, [*circle[1:], circle[0]], strict=True):
        assert wait.other == following.unit
        streams = shallow.node(wait.unit).inputs if wait.for_beat else ()
        if wait.for_beat:
            assert wait.other in streams
        else:
            assert wait.unit in shallow.node(wait.other).inputs
    assert str(standstill).startswith(f"standstill after cycle {standstill.cycle}, 0 frames")
    moved = max(moves.max() for moves in trace.moves.values())
    assert standstill.cycle >= moved


@pytest.mark.parametrize("probability", [0, 128])
def test_the_same_traffic_gives_the_same_cycles(probability):
    traffic = Traffic(sink=Pauses(1, probability))
    first, second = (simulate_cycles(chain(3), 5, traffic) for _ in range(2))
    assert all(np.array_equal(first.cycles(n), second.cycles(n)) for n in first.moves)
