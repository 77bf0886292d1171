# SPDX-License-Identifier: Apache-2.0
"""A bench for components on streams: the fixtures ``rtl_run`` and ``streams_run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from xnorflow.sim.stalls import mix


@dataclass(frozen=True)
class Trace:
    """What went through a component."""

    beats: list[int]
    """Payload of each output beat."""
    cycles: list[int]
    """Cycle of each output beat."""
    accepted: list[int]
    """Cycle of each input beat."""


@dataclass(frozen=True)
class PortTrace:
    """What went through a port."""

    beats: list[int]
    """Payload of each beat."""
    cycles: list[int]
    """Cycle of each beat."""


class Pauses:
    """Random pauses of one end of a stream; each seed has its own probability, None has none.

    Whether it goes depends on nothing but the cycle.
    """

    def __init__(self, seed: int | None, port: int) -> None:
        random = np.random.default_rng([seed or 0, port])
        self.probability = 0 if seed is None else int(random.choice([218, 128, 26, 0]))
        self.key = int(random.integers(0, 2**32))

    def goes(self, cycle: int) -> bool:
        return mix((self.key + cycle) & 0xFFFFFFFF) >> 24 >= self.probability


class Sender:
    """Offers beats to an input, each from its cycle of release on."""

    def __init__(
        self, stream: Any, beats: Sequence[int], release: Sequence[int], pauses: Pauses
    ) -> None:
        self._stream, self._beats, self._release = stream, beats, release
        self._pauses = pauses
        self._offered = False
        self.trace = PortTrace([], [])

    def drive(self, ctx: Any, cycle: int) -> None:
        sent = len(self.trace.beats)
        if not self._offered and sent < len(self._beats) and cycle >= self._release[sent]:
            self._offered = self._pauses.goes(cycle)
        ctx.set(self._stream.valid, self._offered)
        ctx.set(Value.cast(self._stream.payload), self._beats[sent] if self._offered else 0)

    def watch(self, ctx: Any, cycle: int) -> None:
        if self._offered and ctx.get(self._stream.ready):
            self.trace.beats.append(self._beats[len(self.trace.beats)])
            self.trace.cycles.append(cycle)
            self._offered = False


class Taker:
    """Takes beats from an output, and checks that they wait unchanged."""

    def __init__(self, stream: Any, pauses: Pauses) -> None:
        self._stream, self._pauses = stream, pauses
        self._waiting: int | None = None
        self.trace = PortTrace([], [])

    def drive(self, ctx: Any, cycle: int) -> None:
        ctx.set(self._stream.ready, self._pauses.goes(cycle))

    def watch(self, ctx: Any, cycle: int) -> None:
        valid = ctx.get(self._stream.valid)
        payload = ctx.get(Value.cast(self._stream.payload)) if valid else None
        assert self._waiting is None or payload == self._waiting, f"not stable in cycle {cycle}"
        taken = valid and ctx.get(self._stream.ready)
        self._waiting = None if taken else payload
        if taken:
            self.trace.beats.append(payload)
            self.trace.cycles.append(cycle)


QUIET_CYCLES = 12
MAX_CYCLES = 20_000


def streams_run(
    component: Any,
    beats: Mapping[str, Sequence[int]],
    counts: Mapping[str, int],
    *,
    stalls: int | None = None,
    release: Sequence[int] | None = None,
) -> dict[str, PortTrace]:
    """Send ``beats`` into each input until so many as in ``counts`` came from each output.

    Beat ``j`` of an input is offered in cycle ``release[j]`` at the earliest. Checks the rules of
    streams at the outputs, and that no beat comes after the last one.
    """
    senders = {
        name: Sender(
            getattr(component, name),
            sent,
            [0] * len(sent) if release is None else release,
            Pauses(stalls, port),
        )
        for port, (name, sent) in enumerate(beats.items())
    }
    takers = {
        name: Taker(getattr(component, name), Pauses(stalls, len(beats) + port))
        for port, name in enumerate(counts)
    }
    ends: list[Sender | Taker] = [*senders.values(), *takers.values()]

    async def bench(ctx: Any) -> None:
        cycle = quiet = 0
        while quiet < QUIET_CYCLES:
            come = {name: len(taker.trace.beats) for name, taker in takers.items()}
            assert cycle < MAX_CYCLES, f"stuck after {come} of {dict(counts)} beats"
            for end in ends:
                end.drive(ctx, cycle)
            for end in ends:
                end.watch(ctx, cycle)
            quiet += all(len(takers[name].trace.beats) >= count for name, count in counts.items())
            cycle += 1
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    for name, count in counts.items():
        assert len(takers[name].trace.beats) == count
    return {name: end.trace for name, end in {**senders, **takers}.items()}


@pytest.fixture(name="streams_run", scope="session")
def streams_run_fixture() -> Callable[..., dict[str, PortTrace]]:
    return streams_run


def rtl_run(component: Any, beats: Sequence[int], *, count: int, **options: Any) -> Trace:
    """:func:`streams_run` from ``component.i`` to ``component.o``."""
    traces = streams_run(component, {"i": beats}, {"o": count}, **options)
    return Trace(traces["o"].beats, traces["o"].cycles, traces["i"].cycles)


@pytest.fixture(name="pauses", scope="session")
def pauses_fixture() -> Callable[[int | None, int], Pauses]:
    """The pauses of a port: inputs are counted first, then outputs."""
    return Pauses


@pytest.fixture(name="rtl_run", scope="session")
def rtl_run_fixture() -> Callable[..., Trace]:
    return rtl_run
