# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from xnorflow.hw.layers.delay_lines import MAX_REGISTERS, DelayLines, delay_words


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.usefixtures("whatever_a_memory_gives")
def test_any_delay(steps: int, count: int) -> None:
    rng = np.random.default_rng(steps)
    words = rng.integers(0, 16, (60, count)).tolist()
    lines = DelayLines(unsigned(4), count, steps)
    seen = []

    async def bench(ctx: Any) -> None:
        for word in words:
            for lane, value in enumerate(word):
                ctx.set(lines.i[lane], value)
            for step in [0] * int(rng.integers(0, 3)) + [1]:
                ctx.set(lines.step, step)
                await ctx.tick()
            seen.append([ctx.get(lines.o[lane]) for lane in range(count)])

    simulator = Simulator(lines)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen[steps - 1 :] == words[: len(words) - steps + 1]


def test_words() -> None:
    assert delay_words(MAX_REGISTERS) == 0
    assert delay_words(MAX_REGISTERS + 1) == MAX_REGISTERS + 1
