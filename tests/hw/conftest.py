# SPDX-License-Identifier: Apache-2.0
"""A bench for components on streams: the fixture ``rtl_run``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator


@dataclass(frozen=True)
class Trace:
    """What went through a component."""

    beats: list[int]
    """Payload of each output beat."""
    cycles: list[int]
    """Cycle of each output beat."""
    accepted: list[int]
    """Cycle of each input beat."""


class Traffic:
    """Random pauses of source and sink; each seed has its own probabilities, None has none."""

    def __init__(self, seed: int | None) -> None:
        self._random = np.random.default_rng(seed)
        busy = (1.0, 1.0) if seed is None else self._random.choice([0.15, 0.5, 0.9, 1.0], 2)
        self._offers, self._takes = busy

    def offers(self) -> bool:
        return bool(self._random.random() < self._offers)

    def takes(self) -> bool:
        return bool(self._random.random() < self._takes)


QUIET_CYCLES = 12
MAX_CYCLES = 20_000


def rtl_run(
    component: Any,
    beats: Sequence[int],
    *,
    count: int,
    stalls: int | None = None,
    release: Sequence[int] | None = None,
) -> Trace:
    """Send ``beats`` into ``component.i`` until ``count`` beats came from ``component.o``.

    Beat ``j`` is offered in cycle ``release[j]`` at the earliest. Checks the rules of streams at
    the output, and that no beat comes after the last one.
    """
    traffic = Traffic(stalls)
    start = release or [0] * len(beats)
    trace = Trace([], [], [])

    async def bench(ctx: Any) -> None:
        offered = False
        waiting: int | None = None
        cycle = quiet = 0
        while quiet < QUIET_CYCLES:
            assert cycle < MAX_CYCLES, f"stuck after {len(trace.beats)} of {count} beats"
            sent = len(trace.accepted)
            offered = offered or (sent < len(beats) and cycle >= start[sent] and traffic.offers())
            ctx.set(component.i.valid, offered)
            ctx.set(Value.cast(component.i.payload), beats[sent] if offered else 0)
            ctx.set(component.o.ready, traffic.takes())
            valid = ctx.get(component.o.valid)
            payload = ctx.get(Value.cast(component.o.payload)) if valid else None
            assert waiting is None or payload == waiting, f"not stable in cycle {cycle}"
            taken = valid and ctx.get(component.o.ready)
            waiting = None if taken else payload
            if taken:
                trace.beats.append(payload)
                trace.cycles.append(cycle)
            if offered and ctx.get(component.i.ready):
                trace.accepted.append(cycle)
                offered = False
            quiet += len(trace.beats) >= count
            cycle += 1
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(trace.beats) == count
    return trace


@pytest.fixture(name="rtl_run", scope="session")
def rtl_run_fixture() -> Callable[..., Trace]:
    return rtl_run
