# SPDX-License-Identifier: Apache-2.0
"""Whole pruned networks in RTL: every stream, under any traffic, in the cycles of the model.

The oracle of the values is the naive evaluation of the integer network, which multiplies by zeros.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.hw.emit import write_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import FoldingPlan, Fuse, compile_network, plan_for_interval
from xnorflow.hw.passes.folding_target import least_interval
from xnorflow.ir import BIPOLAR, Dataflow, Folding, Network, SparseMVAU
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.cycle.profile import profile_of
from xnorflow.sim.rtl import RtlEngine, Stalls
from xnorflow.sim.streams import expected_streams

FRAMES = 6


def check_design(lab: Any, network: Network, dataflow: Dataflow, folder: Path, seed: int) -> None:
    """Values and cycles on every stream, without and with stalls."""
    write_design(dataflow, folder)
    frames = lab.random_frames(network, FRAMES, seed)
    expected = dict(expected_streams(dataflow, lab.evaluate_network(network, frames)))
    for stalls in (None, Stalls(seed), Stalls(seed, 230, 0), Stalls(seed, 0, 230)):
        trace = RtlEngine(folder).run(frames.reshape(FRAMES, -1), stalls)
        model = CycleEngine(dataflow).run(FRAMES, stalls)
        for name, values in expected.items():
            got = trace.values[name].reshape(values.shape)
            np.testing.assert_array_equal(got, values, err_msg=name)
            np.testing.assert_array_equal(model.cycles(name), trace.cycles[name], err_msg=name)
    profile = profile_of(dataflow)
    assert profile.interval_cycles == profile.frames * frame_interval(dataflow)
    busy = {layer.name: layer.busy for layer in profile.layers}
    for node in sparse_layers(dataflow):
        vectors = dataflow.types[node.name].vectors
        assert busy[node.name] == profile.frames * vectors * node.kept


def sparse_layers(dataflow: Dataflow) -> list[SparseMVAU]:
    return [node for node in dataflow.nodes if isinstance(node, SparseMVAU)]


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_perceptron_of_bits(lab: Any, tmp_path: Path, share: float) -> None:
    """Every layer skips tiles, in one bit a weight but for what other tiles are cut from."""
    mlp = lab.Mlp(widths=(64, 32, 32, 16), input_type=BIPOLAR)
    network = lab.prune(mlp.network(), (4, 8), share, seed=3)
    plan = {"image": 8, "input_act": 8, "label": 4}
    layers = {name: Folding(4, 8) for name in ("fc1", "fc2", "fc3")}
    dataflow = compile_network(
        network, FoldingPlan({**{n: Folding(pe) for n, pe in plan.items()}, **layers})
    )
    assert len(sparse_layers(dataflow)) == 3
    assert dataflow.node("fc1").tile_type == BIPOLAR  # type: ignore[attr-defined]
    check_design(lab, network, dataflow, tmp_path, seed=1)


@pytest.mark.parametrize(
    "seed",
    [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 40))],
)
def test_random_network(lab: Any, tmp_path: Path, seed: int) -> None:
    """Convolutions with padding, residual sums and all else, at some rate and at random."""
    network = lab.prune(lab.Cnn(seed).network(), (2, 2 + seed % 3), 0.7, seed)
    slowest = FoldingPlan({n: Folding() for n in lab.random_plan(network, seed).layers})
    interval = frame_interval(compile_network(network, slowest, dense=True, fifo_search=False))
    least, _ = least_interval(Fuse().apply(network))
    plans = {
        "random": lab.random_plan(network, seed),
        "half": plan_for_interval(network, max(interval // 2, least)),
    }
    for name, plan in plans.items():
        folder = tmp_path / name
        folder.mkdir()
        check_design(lab, network, compile_network(network, plan), folder, seed)
