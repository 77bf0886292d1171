# SPDX-License-Identifier: Apache-2.0
"""Whole simplified networks in RTL: every stream has the values of the network before.

The oracle is the naive evaluation of the original, of which the channels kept are taken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wasteful import waste

from xnorflow.hw.emit import write_design
from xnorflow.hw.kept_channels import KeptChannels, check_streams
from xnorflow.hw.passes import compile_network, simplify
from xnorflow.ir import Conv
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.rtl import RtlEngine, Stalls
from xnorflow.sim.streams import expected_streams

FRAMES = 5
SEEDS = (22, 51, 66, 67)


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(30, 60))]
)
def test_random_network(lab: Any, tmp_path: Path, seed: int) -> None:
    network = waste(lab.Cnn(seed).network(), seed, 0.5)
    reduced = simplify(network)
    if seed in SEEDS:
        assert any(isinstance(network.node(edge), Conv) for edge in reduced.kept)
    dataflow = compile_network(reduced.network, lab.random_plan(reduced.network, seed))
    kept = KeptChannels(reduced.kept)
    check_streams(kept, dataflow, network)
    write_design(dataflow, tmp_path)
    frames = lab.random_frames(network, FRAMES, seed)
    edges = kept.of(lab.evaluate_network(network, frames))
    for stalls in (None, Stalls(seed)):
        trace = RtlEngine(tmp_path).run(frames.reshape(FRAMES, -1), stalls)
        model = CycleEngine(dataflow).run(FRAMES, stalls)
        for name, values in expected_streams(dataflow, edges):
            got = trace.values[name].reshape(values.shape)
            np.testing.assert_array_equal(got, values, err_msg=name)
            np.testing.assert_array_equal(model.cycles(name), trace.cycles[name], err_msg=name)
