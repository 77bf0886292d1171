# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from xnorflow.hw.layers.line_buffer import LineBuffer


def simulate(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
def test_takes_its_depth(depth: int) -> None:
    """Without reads, and again as many beats as a read frees."""
    buffer = LineBuffer(unsigned(4), depth, [0], 3)
    counts = []

    async def bench(ctx: Any) -> None:
        ctx.set(buffer.i.valid, 1)
        ctx.set(buffer.fill_change, -3)
        for _ in range(2):
            accepted = 0
            for _ in range(12):
                accepted += ctx.get(buffer.i.ready)
                await ctx.tick()
            counts.append(accepted)
            ctx.set(buffer.advance, 1)
            await ctx.tick()
            ctx.set(buffer.advance, 0)

    simulate(buffer, bench)
    assert counts == [depth, 3]


@pytest.mark.usefixtures("whatever_a_memory_gives")
@pytest.mark.parametrize("depth", [5, 6, 8])
def test_two_places_that_jump(depth: int) -> None:
    """Reads at ``p`` and ``p + 4`` with ``p`` from 0, 1, 7, 8, 14, ...: beyond what has come."""
    rng = np.random.default_rng(depth)
    data = rng.integers(0, 256, 200).tolist()
    distances = [1, 6] * 20
    places = np.cumsum([0, *distances])[:-1].tolist()
    buffer = LineBuffer(unsigned(8), depth, [0, 4], 6)
    seen: list[list[int]] = []
    sent = 0

    async def bench(ctx: Any) -> None:
        nonlocal sent
        while len(seen) < len(places):
            distance = distances[len(seen)]
            for copy in range(2):
                ctx.set(buffer.steps[copy], distance % depth)
            ctx.set(buffer.surplus_change, -distance)
            ctx.set(buffer.fill_change, -distance)
            ctx.set(buffer.advance, int(rng.integers(0, 2)))
            offered = int(rng.integers(0, 2))
            ctx.set(buffer.i.valid, offered)
            ctx.set(buffer.i.payload, data[sent] if offered else 0)
            sent += offered and ctx.get(buffer.i.ready)
            read = ctx.get(buffer.read)
            await ctx.tick()
            if read:
                seen.append([ctx.get(buffer.beats[copy]) for copy in range(2)])

    simulate(buffer, bench)
    assert seen == [[data[place], data[place + 4]] for place in places]
