# SPDX-License-Identifier: Apache-2.0
"""Layers of constant weights: values and cycles, as RTL and as netlists of each FPGA family.

The oracle of the values is the naive evaluation of the network.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xnorflow.sim.rtl.concatenations
import xnorflow.sim.rtl.simulator
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, compile_network
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Dataflow,
    DataType,
    Folding,
    Network,
    UnrolledMVAU,
    int_type,
    uint_type,
)
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.rtl import ObjectCache
from xnorflow.sim.rtl.concatenations import tabulated

FRAMES = 24


def unrolled(network: Network, widths: tuple[int, ...], device: Device | None) -> Dataflow:
    """All layers at once; the first one reads its inputs in beats of all of them."""
    pairs = enumerate(itertools.pairwise(widths), start=1)
    layers = {f"fc{number}": Folding(mh, mw) for number, (mw, mh) in pairs}
    others = {"image": Folding(widths[0]), "input_act": Folding(widths[0]), "label": Folding(1)}
    used = {n.name for n in network.nodes}
    plan = FoldingPlan({name: each for name, each in (layers | others).items() if name in used})
    return compile_network(network, plan, device=device)


def unrolled_layers(dataflow: Dataflow) -> list[UnrolledMVAU]:
    """The layers in question."""
    return [n for n in dataflow.nodes if isinstance(n, UnrolledMVAU)]


@pytest.mark.parametrize("device", [None, *Device])
def test_perceptron(
    lab: Any, tmp_path: Path, gates_cache: ObjectCache, device: Device | None
) -> None:
    widths = (36, 19, 14, 5)
    network = lab.Mlp(widths=widths, input_type=BIPOLAR).network()
    dataflow = unrolled(network, widths, device)
    assert len(unrolled_layers(dataflow)) == 3
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)
    if device is None:
        return
    frames = lab.random_frames(network, FRAMES, 1)
    want = lab.evaluate_network(network, frames)["label"].reshape(FRAMES, -1)
    got = GatesEngine(tmp_path, device.value, gates_cache).run(frames.reshape(FRAMES, -1)).values
    np.testing.assert_array_equal(got.reshape(FRAMES, -1), want)


@pytest.mark.parametrize(
    ("weight", "element", "device"),
    [
        (TERNARY, BIPOLAR, Device.XC7),
        (int_type(2), uint_type(2), Device.ECP5),
        (BIPOLAR, TERNARY, None),
        (int_type(4), uint_type(1), Device.GOWIN),
        (TERNARY, int_type(2), Device.XC7),
    ],
)
def test_types(
    lab: Any, tmp_path: Path, weight: DataType, element: DataType, device: Device | None
) -> None:
    widths = (18, 9, 6)
    mlp = lab.Mlp(widths=widths, input_type=element, weight=weight, activation=element, top_k=None)
    network = mlp.network()
    dataflow = unrolled(network, widths, device)
    assert len(unrolled_layers(dataflow)) == 2
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)


@pytest.mark.parametrize("device", [None, Device.XC7])
def test_weights_that_are_pruned(lab: Any, tmp_path: Path, device: Device | None) -> None:
    widths = (40, 24, 12)
    mlp = lab.Mlp(widths=widths, input_type=BIPOLAR)
    network = lab.prune(mlp.network(), (1, 1), 0.8, seed=2)
    dataflow = unrolled(network, widths, device)
    assert len(unrolled_layers(dataflow)) == 2
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)


@pytest.mark.parametrize("device", [None, Device.XC7])
def test_wiring_as_tables(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: Device | None
) -> None:
    """What large designs are simulated with, on a small one."""
    widths = (36, 19, 14, 5)
    network = lab.Mlp(widths=widths, input_type=BIPOLAR).network()
    texts: list[str] = []

    def spy(design: str) -> str:
        texts.append(tabulated(design))
        return texts[-1]

    monkeypatch.setattr(xnorflow.sim.rtl.concatenations, "WORTHWHILE", 0)
    monkeypatch.setattr(xnorflow.sim.rtl.simulator, "tabulated", spy)
    cache = ObjectCache(tmp_path / "cache")
    lab.check_rtl(network, unrolled(network, widths, device), tmp_path, FRAMES, cache)
    assert "= gather<" in texts[0] or "(gather<" in texts[0]


@pytest.mark.parametrize(
    ("seed", "device"), [(1, None), (2, Device.XC7), (3, Device.ECP5), (4, Device.ICE40)]
)
def test_convolutions(lab: Any, tmp_path: Path, seed: int, device: Device | None) -> None:
    network = lab.Cnn(seed).network()
    dataflow = compile_network(network, lab.largest_plan(network), device=device)
    assert unrolled_layers(dataflow)
    lab.check_rtl(network, dataflow, tmp_path, 3)
