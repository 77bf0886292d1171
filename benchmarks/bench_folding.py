# SPDX-License-Identifier: Apache-2.0
"""The folding search against FINN's greedy one, at the same throughput, on the same hardware.

The greedy search, as FINN's documentation of ``SetFolding`` describes it: layer by layer, SIMD is
raised until the target is met or the weights of a PE are 36 bits wide a cycle, then PE until the
target is met; if a layer misses the target, all are folded again for what was reached. Both plans
become designs of this project, whose resources are estimated.
"""

from __future__ import annotations

from benchmarks.networks import WIDTHS, make_cnv, make_mlp
from benchmarks.timing import Row
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.resources import Resources, design_resources
from xnorflow.hw.explore.curve import spread
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, Fuse, compile_network
from xnorflow.hw.passes.folding import is_folded
from xnorflow.hw.passes.folding_choices import cycles, foldings
from xnorflow.hw.passes.folding_target import FoldingSearch
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import MVAU, Dataflow, Folding, LabelSelect, Layer, Network, StreamInput

__all__ = ["greedy_plan", "measure"]

TITLE = "Folding search against FINN's greedy, estimated for Xilinx 7: LUTs at no less throughput"
DEVICE = Device.XC7
WEIGHT_BITS = 36
"""Most bits of weights that a PE takes a cycle while SIMD is raised."""
POINTS = 10
"""Targets for each network."""

NETWORKS = {
    **{name: make_mlp(widths, 1, 1).network for name, widths in WIDTHS.items()},
    "CNV": make_cnv(1, 1).network,
}


def measure() -> list[Row]:
    """Rows of all networks and targets."""
    return [row for name, network in NETWORKS.items() for row in measure_network(name, network)]


def measure_network(name: str, network: Network) -> list[Row]:
    """LUTs of both at each target."""
    search = FoldingSearch(network, DEVICE)
    rows = []
    for target in spread(search.intervals, POINTS):
        greedy, interval = built(network, greedy_plan(network, target))
        ours, reached = built(network, search.plan(interval))
        if reached > interval:
            raise AssertionError(f"{name}: {reached} cycles a frame instead of {interval}")
        subject = f"{name}, {interval:,} cycles a frame"
        rows += [
            Row(subject, f"ours, {ours.block_rams:.0f} BRAM", ours.luts, "LUT"),
            Row(
                subject,
                f"greedy, {greedy.block_rams:.0f} BRAM",
                greedy.luts,
                "LUT",
                greedy.luts / ours.luts,
            ),
        ]
    return rows


def built(network: Network, plan: FoldingPlan) -> tuple[Resources, int]:
    """What the design by ``plan`` takes, and its frame interval."""
    dataflow = compile_network(network, plan, fifo_search=False)
    return design_resources(dataflow, DEVICE), frame_interval(dataflow)


def greedy_plan(network: Network, target_cycles: int) -> FoldingPlan:
    """FINN's plan for frames every ``target_cycles``, or what it reaches instead."""
    dataflow = Fuse().apply(network)
    plan, reached = greedy_pass(dataflow, target_cycles)
    return plan if reached <= target_cycles else greedy_pass(dataflow, reached)[0]


def greedy_pass(dataflow: Dataflow, target_cycles: int) -> tuple[FoldingPlan, int]:
    """Each layer by itself; gives the plan and the cycles of its slowest layer."""
    layers = [layer for layer in layers_of(dataflow) if is_folded(layer)]
    plan: dict[str, Folding] = {}
    for layer in layers[1:]:
        plan[layer.name] = greedy_folding(layer, dataflow, target_cycles)
    taken = plan[layers[1].name]
    lanes = taken.simd if isinstance(layers[1], MVAU) else taken.pe
    source = dataflow.types[layers[0].name]
    while source.channels % lanes:
        lanes -= 1
    layers_plan = {layers[0].name: Folding(lanes), **plan}
    slowest = max(cycles(layer, plan[layer.name], dataflow) for layer in layers[1:])
    return FoldingPlan(layers_plan), max(slowest, source.size // lanes)


def greedy_folding(layer: Layer, dataflow: Dataflow, target_cycles: int) -> Folding:
    """SIMD first, as far as weights are narrow, then PE."""
    assert not isinstance(layer, StreamInput)
    if isinstance(layer, LabelSelect):
        return Folding()
    choices = foldings(layer, dataflow)
    simd = 1
    if isinstance(layer, MVAU):
        for value in sorted({folding.simd for folding in choices}):
            if value * layer.weight_type.width_bits > WEIGHT_BITS:
                break
            simd = value
            if cycles(layer, Folding(1, simd), dataflow) <= target_cycles:
                break
    for pe in sorted({folding.pe for folding in choices}):
        folding = Folding(pe, simd)
        if cycles(layer, folding, dataflow) <= target_cycles:
            break
    return folding
