# SPDX-License-Identifier: Apache-2.0
"""The RTL engine on the emitted Verilog against Amaranth's simulator on the design itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import compile_network, default_plan, plan_for_interval
from xnorflow.hw.top import Accelerator
from xnorflow.ir import BIPOLAR, TERNARY, Dataflow, int_type, uint_type
from xnorflow.ir.beats import payloads_of
from xnorflow.sim.rtl import RtlEngine, Stalls
from xnorflow.sim.stalls import NO_STALLS

CYCLES = 3000
RESET_CYCLES = 2

Moves = dict[str, list[tuple[int, int]]]
"""Payload and cycle of each beat that moved, by node."""


def simulate(dataflow: Dataflow, frames: np.ndarray, stalls: Stalls) -> Moves:
    """All streams in Amaranth's simulator, with the same pauses as the RTL engine makes."""
    top = Accelerator(dataflow)
    words = payloads_of(frames, dataflow.types[dataflow.input.name])
    beats = [sum(int(word) << (32 * i) for i, word in enumerate(row)) for row in words]
    source, sink = stalls.source_goes(CYCLES), stalls.sink_goes(CYCLES)
    moves: Moves = {name: [] for name in top.taps}
    watched = [s for tap in top.taps.values() for s in (tap.valid, tap.ready, tap.payload)]

    async def bench(ctx: Any) -> None:
        ctx.set(top.aresetn, 0)
        for _ in range(RESET_CYCLES):
            await ctx.tick()
        ctx.set(top.aresetn, 1)
        offering = False
        for cycle in range(CYCLES):
            offering = offering or (bool(source[cycle]) and bool(beats))
            ctx.set(top.s_axis_tvalid, offering)
            ctx.set(top.s_axis_tdata, beats[0] if offering else 0)
            ctx.set(top.m_axis_tready, int(sink[cycle]))
            _, _, *values = await ctx.tick().sample(*watched)
            states = zip(moves, values[0::3], values[1::3], values[2::3], strict=True)
            for name, valid, ready, payload in states:
                if valid and ready:
                    moves[name].append((payload, cycle))
            if values[0] and values[1]:
                beats.pop(0)
                offering = False

    simulator = Simulator(top)
    simulator.add_clock(1e-8, domain="sync")
    simulator.add_testbench(bench)
    simulator.run()
    return moves


@pytest.mark.parametrize("stalls", [None, Stalls(11), Stalls(12, 220, 40)])
@pytest.mark.parametrize("options", ["bipolar", "ternary", "unsigned"])
def test_equal_beats_in_equal_cycles(
    lab: Any, tmp_path: Path, options: str, stalls: Stalls | None
) -> None:
    mlp = {
        "bipolar": lab.Mlp(),
        "ternary": lab.Mlp(input_type=None, weight=TERNARY, activation=BIPOLAR, top_k=None),
        "unsigned": lab.Mlp(weight=int_type(2), activation=uint_type(2), top_k=3),
    }[options]
    network = mlp.network()
    plan = default_plan(network) if options == "bipolar" else plan_for_interval(network, 30)
    dataflow = compile_network(network, plan)
    write_design(dataflow, tmp_path)
    frames = lab.random_frames(network, 4).reshape(4, -1)
    trace = RtlEngine(tmp_path).run(frames, stalls)
    want = simulate(dataflow, frames, stalls or NO_STALLS)
    for name, stream in dataflow.types.items():
        words = payloads_of(trace.values[name], stream)
        payloads = [sum(int(word) << (32 * i) for i, word in enumerate(row)) for row in words]
        got = list(zip(payloads, trace.cycles[name].reshape(-1).tolist(), strict=True))
        assert got == want[name], name
