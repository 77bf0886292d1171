# SPDX-License-Identifier: Apache-2.0
"""Parts of layers of constant weights, counted one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np

from xnorflow.hw.estimate.resources.structure import LUT_INPUTS, Structure
from xnorflow.hw.families import Device
from xnorflow.hw.layers.unrolled_mvau import unrolled_plan
from xnorflow.hw.primitives import row_luts
from xnorflow.hw.unrolled.bit_graph import BitGate, GateKind
from xnorflow.hw.unrolled.gates import ADDER_ROWS, lut_pairs
from xnorflow.hw.unrolled.plan import UnrolledPlan, seen_bits
from xnorflow.hw.unrolled.schedule import TABLES, Schedule
from xnorflow.ir import StreamType, UnrolledMVAU

__all__ = ["add_rough_neurons", "unrolled_mvau_structure"]

COUNTER_LUTS = 2

ROUGH_LUTS = {
    Device.ICE40: (1.45, 0.85, 2.4),
    Device.ECP5: (1.45, 0.7, 2.4),
    Device.GOWIN: (1.45, 0.7, 2.4),
    Device.XC7: (0.56, 0.26, 1.4),
}
"""LUTs of a bit that a neuron adds up, how many of them its neighbours may save, and LUTs that all
neurons share for each input; fitted to random weights (see :func:`add_rough_neurons`)."""

ROUGH_FLIP_FLOPS = 0.5
"""Flip-flops of such a bit."""


def unrolled_mvau_structure(build: Structure, node: UnrolledMVAU, source: StreamType) -> None:
    """The gates level by level, their registers, comparisons and the output buffer."""
    plan = unrolled_plan(node, source)
    for gates in plan.schedule.levels:
        build.cell_luts += level_luts(build.device, node.device, plan.schedule, gates)
    build.cell_luts += comparison_luts(build.device, plan)
    build.add_registers(plan.schedule.register_bits + plan.schedule.registers)
    build.add_output(node.mh * node.infer((source,)).element.width_bits)


def level_luts(
    device: Device, laid_out_for: Device | None, schedule: Schedule, gates: list[BitGate]
) -> int:
    """LUTs of the gates of a level."""
    tables = [
        (gate, literal)
        for gate in gates
        if gate.kind in TABLES
        for literal in schedule.given[gate.first]
    ]
    widths = Counter(gate.outputs - 1 for gate in gates if gate.kind is GateKind.ADDER)
    counters = sum(gate.kind is GateKind.COUNTER for gate in gates)
    luts = COUNTER_LUTS * counters + len(tables)
    if device is laid_out_for is Device.XC7:
        luts -= len(lut_pairs(tables)[0])
    rows = device in ADDER_ROWS
    return luts + sum(
        row_luts(device, count, width) if rows else count * width for width, count in widths.items()
    )


def comparison_luts(device: Device, plan: UnrolledPlan) -> int:
    """LUTs that compare the sums with constants, but for those of the output buffer."""
    inputs = LUT_INPUTS[device]
    luts = 0
    for bits, row in zip(plan.sums, plan.thresholds, strict=True):
        for threshold in row.tolist():
            seen = len(seen_bits(bits, row[row == threshold]))
            luts += max(0, -((1 - seen) // (inputs - 1)))
    return luts


def add_rough_neurons(build: Structure, node: UnrolledMVAU, source: StreamType) -> None:
    """About what :func:`unrolled_mvau_structure` counts, without the gates.

    Neurons share what they have in common if they have all three inputs of a full adder: the
    denser the weights, the more.
    """
    alone, shared, inputs = ROUGH_LUTS[build.device]
    share = np.count_nonzero(node.weights) / node.weights.size
    bits = np.count_nonzero(node.weights) * source.element.width_bits
    build.cell_luts += bits * (alone - shared * share**2) + inputs * share**2 * source.width_bits
    build.add_registers(ROUGH_FLIP_FLOPS * bits)
    build.add_output(node.mh * node.infer((source,)).element.width_bits)
