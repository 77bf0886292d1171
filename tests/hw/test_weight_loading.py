# SPDX-License-Identifier: Apache-2.0
"""Weights that are loaded: which, in which order, and what the accelerator makes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.errors import FoldingError, GraphError
from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import compile_network, parse_plan
from xnorflow.hw.passes.use_cells import check_family
from xnorflow.hw.top import Accelerator
from xnorflow.hw.weight_loading import LOAD_FILE, load_words, loaded_layers
from xnorflow.ir import BIPOLAR, TERNARY, Dataflow, Device, Network, graph_digest, uint_type
from xnorflow.sim.rtl import ObjectCache
from xnorflow.sim.verilog import simulate_with_iverilog, simulate_with_verilator
from xnorflow.toolchain import find_tool

PLAN = """{"image": {"PE": 4},
 "fc1": {"PE": 4, "SIMD": 6, "ram_style": "spram"}, "fc2": {"PE": 2, "SIMD": 4},
 "fc3": {"PE": 1, "SIMD": 2, "ram_style": "spram"}}"""


def design(lab: Any, plan: str = PLAN, **options: Any) -> tuple[Network, Dataflow]:
    network = lab.Mlp(widths=(24, 16, 8, 5), **options).network()
    return network, compile_network(network, parse_plan(plan, network), device=Device.ICE40)


def bits_in_order(layer: Any) -> list[int]:
    """The words of a layer of bits bit by bit, each filled up to whole parts, by the contract."""
    bits = []
    for fold in range(layer.nf):
        for beat in range(layer.sf):
            word = [
                int(layer.weights[fold * layer.folding.pe + p, beat * layer.folding.simd + i] > 0)
                for p in range(layer.folding.pe)
                for i in range(layer.folding.simd)
            ]
            bits += word + [0] * (-len(word) % 16)
    return bits


def test_order_of_the_words(lab: Any) -> None:
    """Layer by layer, fold by fold, beat by beat; neuron by neuron, lane 0 least significant."""
    _, dataflow = design(lab, input_type=None, activation=uint_type(2))
    first, third = loaded_layers(dataflow)
    assert (first.name, third.name) == ("fc1", "fc3")
    assert first.device is None
    words = load_words(dataflow)
    bits = (words[:, None] >> np.arange(16) & 1).reshape(-1).tolist()
    assert bits == bits_in_order(first) + bits_in_order(third)
    assert len(words) == 4 * 4 * 2 + 5 * 4


def test_nothing_is_loaded_where_all_is_in_block_ram(lab: Any) -> None:
    _, dataflow = design(lab, PLAN.replace("spram", "block"))
    assert load_words(dataflow).shape == (0,)
    ports = Accelerator(dataflow).signature.members
    assert not [name for name in ports if "weights" in name]


def test_another_weight_is_another_design(lab: Any) -> None:
    """What identifies a design covers weights that are not in its Verilog."""
    _, dataflow = design(lab)
    other = Dataflow(
        tuple(
            replace(node, weights=-node.weights) if node.name == "fc3" else node
            for node in dataflow.nodes
        )
    )
    assert load_words(other).tolist() != load_words(dataflow).tolist()
    assert graph_digest(other) != graph_digest(dataflow)


@pytest.mark.parametrize(
    "options",
    [{"top_k": None}, {"input_type": None, "activation": uint_type(2), "weight": TERNARY}],
    ids=["cells", "plain"],
)
def test_the_accelerator_computes_what_the_network_does(
    lab: Any, tmp_path: Path, options: Any
) -> None:
    network, dataflow = design(lab, **options)
    assert len(loaded_layers(dataflow)) == 2
    lab.check_rtl(network, dataflow, tmp_path, 6, ObjectCache(tmp_path / "cache"))


@pytest.mark.parametrize(
    "simulate",
    [simulate_with_iverilog, pytest.param(simulate_with_verilator, marks=pytest.mark.slow)],
)
def test_second_opinions_load_too(lab: Any, tmp_path: Path, simulate: Any) -> None:
    tool = simulate.__name__.removeprefix("simulate_with_")
    if find_tool(tool) is None:
        pytest.skip(f"{tool} is not installed")
    network, dataflow = design(lab)
    write_design(dataflow, tmp_path)
    text = (tmp_path / LOAD_FILE).read_text()
    assert [int(line, 16) for line in text.split()] == load_words(dataflow).tolist()
    frames = lab.random_frames(network, 5)
    want = lab.evaluate_network(network, frames)["label"]
    got = simulate(tmp_path, frames.reshape(5, -1))
    np.testing.assert_array_equal(got.values.reshape(5, -1), want.reshape(5, -1))


def test_no_image_before_all_weights(lab: Any) -> None:
    """An image that waits is taken once all are there, and no word is wanted then."""
    _, dataflow = design(lab)
    top, words = Accelerator(dataflow), load_words(dataflow).tolist()
    seen: list[tuple[int, int, int]] = []

    async def bench(ctx: Any) -> None:
        for _ in range(2):  # the second time after a reset in the middle
            ctx.set(top.aresetn, 0)
            ctx.set(top.s_axis_weights_tvalid, 0)
            await ctx.tick()
            ctx.set(top.aresetn, 1)
            ctx.set(top.s_axis_tvalid, 1)
            for number, word in enumerate(words):
                if not seen and number == len(words) // 2:
                    break
                ctx.set(top.s_axis_weights_tvalid, 1)
                ctx.set(top.s_axis_weights_tdata, word)
                assert (ctx.get(top.s_axis_tready), ctx.get(top.weights_loaded)) == (0, 0)
                assert ctx.get(top.s_axis_weights_tready) == 1
                await ctx.tick()
            status = (top.s_axis_tready, top.weights_loaded, top.s_axis_weights_tready)
            seen.append(tuple(ctx.get(bit) for bit in status))  # type: ignore[arg-type]

    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [(0, 0, 1), (1, 1, 0)]


def test_refused_but_on_ice40(lab: Any) -> None:
    network, dataflow = design(lab)
    plan = parse_plan(PLAN, network)
    message = r"^weights in spram must be built for ice40 \(--device ice40\), not "
    with pytest.raises(FoldingError, match=message + r"ecp5 \(layer 'fc1'\)$"):
        compile_network(network, plan, device=Device.ECP5)
    with pytest.raises(FoldingError, match=message + r"as plain Verilog \(layer 'fc1'\)$"):
        compile_network(network, plan)
    check_family(dataflow, Device.ICE40)


def test_a_layer_must_leave_the_ports_their_names(lab: Any) -> None:
    _, dataflow = design(lab)
    renamed = Dataflow(
        tuple(
            replace(
                node,
                name="weights_loaded" if node.name == "fc3" else node.name,
                inputs=tuple("weights_loaded" if n == "fc3" else n for n in node.inputs),
            )
            for node in dataflow.nodes
        )
    )
    with pytest.raises(GraphError, match=r"must leave 'weights_loaded' to one part of the top"):
        Accelerator(renamed)


def test_bits_are_relative_where_cells_count(lab: Any) -> None:
    """A layer that counts matches in iCE40's cells gets what these want to see."""
    _, dataflow = design(lab, input_type=BIPOLAR)
    first = loaded_layers(dataflow)[0]
    assert first.device is Device.ICE40
