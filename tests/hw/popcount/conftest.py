# SPDX-License-Identifier: Apache-2.0
"""A bench for pipelines without handshake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.sim import Simulator


def pipeline_run(component: Any, inputs: Sequence[Mapping[str, int]], output: str) -> list[int]:
    """``output`` for a new set of inputs in each cycle, ``component.latency`` cycles later."""
    results = []
    m = Module()
    m.domains.sync = ClockDomain()  # there is no other where nothing is pipelined
    m.submodules.component = component

    async def bench(ctx: Any) -> None:
        for values in [*inputs, *[inputs[-1]] * component.latency]:
            for name, value in values.items():
                ctx.set(Value.cast(getattr(component, name)), value)
            results.append(ctx.get(getattr(component, output)))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results[component.latency :]


@pytest.fixture(name="pipeline_run", scope="session")
def pipeline_run_fixture() -> Callable[..., list[int]]:
    return pipeline_run
