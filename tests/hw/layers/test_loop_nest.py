# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.layers.loop_nest import Loop, LoopNest


@settings(max_examples=30)
@given(
    rounds=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    period=st.integers(0, 40),
    seed=st.integers(0, 2**20),
)
def test_changes_are_those_of_a_walk(rounds: list[int], period: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    offsets = [rng.integers(-20, 21, (count, 2)) for count in rounds]
    walk = np.array(
        [
            frame * period + sum(table[at] for table, at in zip(offsets, place, strict=True))
            for frame in range(3)
            for place in np.ndindex(*rounds)
        ]
    )
    loops = LoopNest([Loop(f"loop_{i}", table) for i, table in enumerate(offsets)], period)
    assert loops.first_positions() == walk[0].tolist()

    m, step = Module(), Signal()
    changes = [loops.change(m, step, column, lambda c: c, f"c{column}") for column in range(2)]
    inner = loops.ends(m, step, *(f"loop_{i}" for i in range(1, len(rounds))))
    loops.build_step(m, step)
    seen, ends = [], []

    async def bench(ctx: Any) -> None:
        while len(seen) < len(walk) - 1:
            taken = int(rng.integers(0, 2))
            ctx.set(step, taken)
            if taken:
                seen.append([ctx.get(change) for change in changes])
                ends.append(ctx.get(inner))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    np.testing.assert_array_equal(seen, np.diff(walk, axis=0))
    length = int(np.prod(rounds[1:]))
    assert ends == [int(place % length == length - 1) for place in range(len(walk) - 1)]
    for column in range(2):
        assert loops.largest_change(column) >= np.diff(walk[:, column]).max()
