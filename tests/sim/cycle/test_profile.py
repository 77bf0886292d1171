# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import SimulationError
from xnorflow.hw.cycle import simulate_cycles
from xnorflow.hw.estimate.cycles import frame_interval, layer_timing
from xnorflow.hw.passes import compile_network, default_plan
from xnorflow.hw.passes.size_fifos import with_depths
from xnorflow.ir import Fifo
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.cycle.profile import profile_of


@settings(max_examples=25)
@given(st.data())
def test_every_cycle_of_every_layer_is_accounted_for(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    profile = profile_of(dataflow)
    assert profile.interval_cycles == profile.frames * frame_interval(dataflow)
    for layer in profile.layers:
        node = dataflow.node(layer.name)
        cycles = (layer.busy, layer.starved, layer.blocked)
        assert min(cycles) >= 0, layer
        assert sum(cycles) == profile.interval_cycles, layer
        if node.mnemonic not in ("swu", "pad", "upsample", "sparse_mvau"):
            interval = layer_timing(node, dataflow.input_types(node)).ii_frame
            assert layer.busy == profile.frames * interval


@settings(max_examples=25)
@given(st.data())
def test_levels_of_fifos_are_those_of_the_whole_run(lab, data):
    network = data.draw(lab.cnns()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    profile = profile_of(dataflow)
    frames = profile.settled_frames + 30
    trace = simulate_cycles(dataflow, frames, every_frame=True)
    for fifo in profile.fifos:
        cycles, levels = trace.levels(dataflow.node(fifo.name), frames)
        assert 0 <= fifo.mean <= fifo.most <= fifo.depth_beats
        assert fifo.most == levels.max()
        # A frame in the middle of the run, cycle by cycle.
        stop = int(trace.moves[fifo.name][profile.settled_frames + 10, -1])
        window = np.arange(stop - profile.interval_cycles, stop) + 1
        level = levels[np.searchsorted(cycles, window, "right") - 1]
        assert fifo.mean == pytest.approx(level.mean())


def test_a_standstill_has_no_profile(lab):
    for seed in range(200):
        network = lab.Cnn(seed).network()
        dataflow = compile_network(network, default_plan(network))
        shallow = with_depths(dataflow, {n.name: 2 for n in dataflow.nodes if isinstance(n, Fifo)})
        if simulate_cycles(shallow, 3).standstill:
            break
    message = r"^standstill after cycle \d+, 0 frames have left: .* waits for a beat of .*$"
    with pytest.raises(SimulationError, match=message):
        profile_of(shallow)
    with pytest.raises(SimulationError, match=message):
        CycleEngine(shallow).run(1)
