# SPDX-License-Identifier: Apache-2.0
"""Bytes over a line, at the rates that a host may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.errors import ConfigError
from xnorflow.hw.link.baud import cycles_per_bit
from xnorflow.hw.link.uart import UartReceiver, UartTransmitter

OCTETS = [0x00, 0xFF, 0x55, 0xAA, 0x7E, 0x01, 0x80, *np.random.default_rng(0).integers(0, 256, 20)]


def levels_of(octets: list[int], bit_cycles: float, start: float = 3.3) -> list[int]:
    """The line in each cycle: bytes without a pause between them, then 3 bit times of rest."""
    bits = [bit for o in octets for bit in (0, *((int(o) >> n) & 1 for n in range(8)), 1)]
    edges = start + bit_cycles * np.arange(len(bits))
    cycles = np.arange(int(start + bit_cycles * (len(bits) + 3)))
    places = np.searchsorted(edges, cycles, side="right") - 1
    return [1 if place < 0 else bits[place] for place in places]


def receive(levels: list[int], cycles: int) -> tuple[list[int], int]:
    """Bytes that a receiver takes, and how many errors it sees."""
    receiver = UartReceiver(cycles)
    taken: list[int] = []
    errors = 0

    async def bench(ctx: Any) -> None:
        nonlocal errors
        for level in levels:
            ctx.set(receiver.rx, level)
            _, _, valid, data, error = await ctx.tick().sample(
                receiver.valid, receiver.data, receiver.error
            )
            if valid:
                taken.append(data)
            errors += error

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return taken, errors


@pytest.mark.parametrize("deviation", [-0.02, -0.01, 0.0, 0.01, 0.02])
@pytest.mark.parametrize("cycles", [4, 5, 12, 16])
def test_bytes_arrive_from_a_host_that_is_off_by_2_percent(cycles: int, deviation: float) -> None:
    levels = levels_of(OCTETS, cycles / (1 + deviation))
    assert receive(levels, cycles) == (OCTETS, 0)


@pytest.mark.parametrize("deviation", [-0.02, 0.02])
def test_both_deviations_at_once(deviation: float) -> None:
    """A clock that makes the rate to 2 % only, and a host that is off to the other side."""
    assert receive(levels_of(OCTETS, 25 * (1 - deviation) / (1 + deviation)), 25) == (OCTETS, 0)


def test_a_missing_stop_bit_is_an_error_and_the_next_byte_is_taken() -> None:
    broken = [1] * 9 + [0] * 12 * 12 + [1] * 30
    assert receive(broken + levels_of([0x42], 12), 12) == ([0x42], 1)


def test_a_short_pulse_is_no_start_bit() -> None:
    assert receive([1] * 9 + [0] * 3 + [1] * 30 + levels_of([0x42], 12), 12) == ([0x42], 0)


def test_a_line_that_is_low_from_the_beginning_is_not_taken_for_bytes() -> None:
    assert receive([0] * 500, 12)[0] == []


@pytest.mark.parametrize("cycles", [1, 4, 12])
def test_the_transmitter_sends_without_a_pause(cycles: int) -> None:
    transmitter = UartTransmitter(cycles)
    line: list[int] = []

    async def bench(ctx: Any) -> None:
        octets = list(OCTETS)
        ctx.set(transmitter.i.valid, 1)
        for _ in range(10 * cycles * len(OCTETS) + 1):
            ctx.set(transmitter.i.payload, int(octets[0]) if octets else 0)
            ctx.set(transmitter.i.valid, bool(octets))
            _, _, level, ready = await ctx.tick().sample(transmitter.tx, transmitter.i.ready)
            line.append(level)
            if ready and octets:
                octets.pop(0)

    simulator = Simulator(transmitter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert line == levels_of(OCTETS, cycles, start=1)[: len(line)]


@pytest.mark.parametrize(
    ("clock_hz", "baud", "cycles"),
    [(12e6, 1_000_000, 12), (12e6, 115_200, 104), (27e6, 1_000_000, 27), (12e6, 3_000_000, 4),
     (25e6, 1_000_000, 25), (48e6, 921_600, 52)],
)  # fmt: skip
def test_rates_that_a_clock_makes(clock_hz: float, baud: int, cycles: int) -> None:
    assert cycles_per_bit(clock_hz, baud) == cycles


@pytest.mark.parametrize(
    ("clock_hz", "baud", "nearest"),
    [
        (12e6, 2_000_000, None),
        (25e6, 2_000_000, r"2083333 \(12 cycles a bit\)"),
        (12e6, 3_500_000, r"3000000 \(4 cycles a bit\)"),
        (12e6, 6_000_000, r"3000000 \(4 cycles a bit\)"),
    ],
)
def test_rates_that_a_clock_does_not_make(clock_hz: float, baud: int, nearest: str | None) -> None:
    if nearest is None:
        assert cycles_per_bit(clock_hz, baud) == 6
        return
    with pytest.raises(
        ConfigError,
        match=rf"^baud must be a rate that a clock of {clock_hz / 1e6:g} MHz makes within 2 %, "
        rf"not {baud}: the nearest is {nearest}$",
    ):
        cycles_per_bit(clock_hz, baud)


@pytest.mark.parametrize(("clock_hz", "baud"), [(0, 9600), (12e6, 0), (-1, 9600)])
def test_rates_must_be_positive(clock_hz: float, baud: int) -> None:
    with pytest.raises(ConfigError, match=r"^clock_hz and baud must be positive, not "):
        cycles_per_bit(clock_hz, baud)
