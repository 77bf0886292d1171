# SPDX-License-Identifier: Apache-2.0
"""Random networks as netlists of every family: values of the integer network, cycles of the RTL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.emit import write_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes import compile_network
from xnorflow.ir import Network
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.rtl import ObjectCache, RtlEngine, Stalls

IMAGES = 40
SIDE_BY_SIDE = 8


def check(
    lab: Any, network: Network, plan: Any, folder: Path, device: Device | None, seed: int
) -> None:
    """Values of 40 images, and the cycles of 5 frames in 8 lanes, with and without pauses."""
    dataflow = compile_network(network, plan)
    folder.mkdir(exist_ok=True)
    write_design(dataflow, folder)
    frames = lab.random_frames(network, IMAGES, seed)
    want = lab.evaluate_dataflow(dataflow, frames)[dataflow.output.name].reshape(IMAGES, -1)
    cache = ObjectCache(folder / "cache")
    gates, rtl = GatesEngine(folder, device, cache), RtlEngine(folder, cache)
    rows = frames.reshape(IMAGES, -1)
    for stalls in (None, Stalls(seed), Stalls(seed, 230, 0)):
        trace = gates.run(rows, stalls, lanes=SIDE_BY_SIDE)
        np.testing.assert_array_equal(trace.values, want)
        cycles = rtl.run(rows[: IMAGES // SIDE_BY_SIDE], stalls).cycles[dataflow.output.name]
        np.testing.assert_array_equal(trace.cycles, cycles)


@pytest.mark.parametrize(
    ("cnn", "device"),
    [
        ((1, 1), None),
        ((3, 1), Device.ECP5),
        *(
            pytest.param((seed, 3), device, marks=pytest.mark.slow)
            for device in (None, *Device)
            for seed in range(8)
        ),
    ],
)
def test_random_network(
    lab: Any, tmp_path: Path, cnn: tuple[int, int], device: Device | None
) -> None:
    """Networks by seed and number of blocks."""
    network = lab.Cnn(*cnn).network()
    check(lab, network, lab.random_plan(network, cnn[0]), tmp_path / "rtl", device, cnn[0])


@pytest.mark.slow
@settings(max_examples=10)
@given(data=st.data())
def test_any_mlp(lab: Any, data: st.DataObject, tmp_path_factory: Any) -> None:
    network = data.draw(lab.mlps()).network()
    plan = data.draw(lab.plans(network))
    device = data.draw(st.sampled_from([None, *Device]))
    check(lab, network, plan, tmp_path_factory.mktemp("any"), device, 1)
