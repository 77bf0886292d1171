# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from xnorflow.hw.streams import WrapCounter


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
def test_counts_and_wraps(length: int) -> None:
    m = Module()
    m.domains.sync = ClockDomain()  # there is no other without a register
    counter = WrapCounter(length, "place")
    m.d.sync += counter.step()
    seen = []

    async def watch(ctx: Any) -> None:
        for _ in range(2 * length + 1):
            seen.append((ctx.get(counter.value), bool(ctx.get(counter.last))))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    expected = [(place, place == length - 1) for place in range(length)]
    assert seen == [*expected, *expected, expected[0]]
