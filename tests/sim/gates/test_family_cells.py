# SPDX-License-Identifier: Apache-2.0
"""Designs in the cells of each FPGA family, simulated and as netlists: values and cycles.

The oracle of the values is the naive evaluation of the network. Simulators read what stands for
the cells; Yosys synthesises the cells themselves, and its models of them make the netlist.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.errors import ToolError
from xnorflow.hw.emit import VERILOG_FILE, write_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, compile_network
from xnorflow.hw.passes.use_cells import check_family
from xnorflow.ir import BIPOLAR, MVAU, Dataflow, Folding, Network, Pipelining, RamStyle, SparseMVAU
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.rtl import ObjectCache, Stalls
from xnorflow.sim.verilog import lint_with_verilator
from xnorflow.toolchain import find_tool

FRAMES = 6

PIPELININGS = [Pipelining(operands, levels) for operands in (False, True) for levels in (1, 2, 3)]


def piped(dataflow: Dataflow, pipelining: Pipelining) -> Dataflow:
    """``dataflow`` with other registers in all layers with weights."""
    return Dataflow(
        tuple(
            replace(node, pipelining=pipelining) if isinstance(node, MVAU) else node
            for node in dataflow.nodes
        )
    )


def in_cells(dataflow: Dataflow) -> set[str]:
    """Names of the layers that use cells."""
    return {n.name for n in dataflow.nodes if getattr(n, "device", None) is not None}


def perceptron(lab: Any, device: Device | None) -> tuple[Network, Dataflow]:
    """Layers with an odd and an even number of lanes, one of them pruned, and raw sums."""
    mlp = lab.Mlp(widths=(36, 32, 30, 5), input_type=BIPOLAR)
    network = mlp.network()
    layers = {"fc1": Folding(4, 18), "fc2": Folding(5, 16), "fc3": Folding(1, 15)}
    others = {"image": Folding(6), "input_act": Folding(6), "label": Folding(1)}
    return network, compile_network(network, FoldingPlan(layers | others), device=device)


@pytest.mark.parametrize("device", Device)
def test_perceptron(lab: Any, tmp_path: Path, gates_cache: ObjectCache, device: Device) -> None:
    network, dataflow = perceptron(lab, device)
    assert in_cells(dataflow) == {"fc1", "fc2", "fc3"}
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)
    frames = lab.random_frames(network, FRAMES, 1).reshape(FRAMES, -1)
    engine = GatesEngine(tmp_path, device.value, gates_cache)
    labels = lab.evaluate_network(network, frames.reshape(FRAMES, *network.input.type.shape))
    got = engine.run(frames).values
    np.testing.assert_array_equal(got.reshape(FRAMES, -1), labels["label"].reshape(FRAMES, -1))


@pytest.mark.parametrize("device", [None, *Device])
@pytest.mark.parametrize("pipelining", PIPELININGS, ids=str)
def test_pipelining(
    lab: Any, tmp_path: Path, device: Device | None, pipelining: Pipelining
) -> None:
    network, dataflow = perceptron(lab, device)
    lab.check_rtl(network, piped(dataflow, pipelining), tmp_path, FRAMES)


def test_weights_behind_output_registers_of_block_ram(
    lab: Any, tmp_path: Path, gates_cache: ObjectCache
) -> None:
    """Both ways of filling the block RAM, by the length of the memory."""
    network = lab.Mlp(widths=(36, 32, 30, 5), input_type=BIPOLAR).network()
    block = RamStyle.BLOCK
    layers = {"fc1": Folding(1, 2, block), "fc2": Folding(5, 16, block), "fc3": Folding(1, 15)}
    others = {"image": Folding(6), "input_act": Folding(6), "label": Folding(1)}
    dataflow = compile_network(network, FoldingPlan(layers | others), device=Device.ECP5)
    write_design(dataflow, tmp_path)
    frames = lab.random_frames(network, FRAMES, 1)
    labels = lab.evaluate_network(network, frames)["label"]
    engine = GatesEngine(tmp_path, "ecp5", gates_cache)
    for stalls in (None, Stalls(4)):
        got = engine.run(frames.reshape(FRAMES, -1), stalls).values
        np.testing.assert_array_equal(got.reshape(FRAMES, -1), labels.reshape(FRAMES, -1))
    assert engine.facts.cells["DP16KD"] == 1 + 3


def test_weights_in_spram(lab: Any, tmp_path: Path, gates_cache: ObjectCache) -> None:
    """Cells side by side, loaded through the port; one layer in cells, one in plain Verilog."""
    network = lab.Mlp(widths=(36, 32, 30, 5), input_type=None).network()
    spram = RamStyle.SPRAM
    layers = {"fc1": Folding(4, 6, spram), "fc2": Folding(5, 8, spram), "fc3": Folding(1, 15)}
    others = {"image": Folding(6), "label": Folding(1)}
    dataflow = compile_network(network, FoldingPlan(layers | others), device=Device.ICE40)
    assert "fc2" in in_cells(dataflow)
    write_design(dataflow, tmp_path)
    frames = lab.random_frames(network, 70, 1)
    labels = lab.evaluate_network(network, frames)["label"]
    engine = GatesEngine(tmp_path, "ice40", gates_cache, word_lanes=64)
    for stalls in (None, Stalls(4)):
        got = engine.run(frames.reshape(70, -1), stalls).values
        np.testing.assert_array_equal(got.reshape(70, -1), labels.reshape(70, -1))
    assert engine.facts.cells["SB_SPRAM256KA"] == 2 + 3


@pytest.mark.parametrize(
    ("device", "seed"),
    [(Device.ICE40, 8), (Device.ECP5, 28), (Device.GOWIN, 37), (Device.XC7, 30)],
)
def test_convolutions(lab: Any, tmp_path: Path, device: Device, seed: int) -> None:
    """Networks of many kinds of layers: those that cannot use cells stay as they are."""
    network = lab.Cnn(seed).network()
    plan = lab.random_plan(network, seed)
    dataflow = compile_network(network, plan, device=device)
    assert in_cells(dataflow)
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)


@pytest.mark.parametrize("device", Device)
def test_lint_has_nothing_to_say(lab: Any, tmp_path: Path, device: Device) -> None:
    if find_tool("verilator") is None:
        pytest.skip("verilator is not installed")
    _, dataflow = perceptron(lab, device)
    write_design(dataflow, tmp_path)
    assert f"module {device}_" in (tmp_path / VERILOG_FILE).read_text()
    assert lint_with_verilator(tmp_path) == ()


def test_tiles_that_are_skipped(lab: Any, tmp_path: Path) -> None:
    mlp = lab.Mlp(widths=(64, 32, 16), input_type=BIPOLAR)
    network = lab.prune(mlp.network(), (4, 8), 0.7, seed=3)
    others = {"image": Folding(8), "input_act": Folding(8), "label": Folding(4)}
    layers = {name: Folding(4, 8) for name in ("fc1", "fc2")}
    dataflow = compile_network(network, FoldingPlan(layers | others), device=Device.ICE40)
    sparse = {n.name for n in dataflow.nodes if isinstance(n, SparseMVAU)}
    assert sparse
    assert sparse <= in_cells(dataflow)
    lab.check_rtl(network, dataflow, tmp_path, FRAMES)


def test_another_family_is_refused(lab: Any) -> None:
    _, dataflow = perceptron(lab, Device.ECP5)
    check_family(dataflow, Device.ECP5)
    message = "^the design is built for ecp5, not xc7: build it with --device xc7 or --portable$"
    with pytest.raises(ToolError, match=message):
        check_family(dataflow, Device.XC7)
    _, plain = perceptron(lab, None)
    check_family(plain, Device.XC7)
