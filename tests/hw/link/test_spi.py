# SPDX-License-Identifier: Apache-2.0
"""Bytes over SPI, with a controller whose clock has nothing in common with the device's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.link import max_sck_hz
from xnorflow.hw.link.spi import FILLER, MIN_CYCLES_PER_BIT, SpiPeripheral

CYCLE_S = 1e-6
SETUP_CYCLES = 0.9
"""Time before the rising edge from which CIPO must stand: pads and the controller's setup time."""

HOLD_CYCLES = 1.9
"""Time after it for which CIPO must stay."""

OCTETS = bytes((0x00, 0xFF, 0x55, 0xAA, 0x7E, 0x01, 0x80, 0x12, 0xFE, 0x7F))


@dataclass
class Bench:
    """A device and a controller whose period of SCK is ``cycles`` of the device's.

    ``phase`` shifts the device's clock, as a share of it. The device has a byte of ``says`` when
    the draws of ``seed`` want it, or always with no seed.
    """

    says: bytes
    cycles: float
    phase: float = 0.3
    seed: int | None = None
    arrived: bytearray = field(default_factory=bytearray)
    read: bytearray = field(default_factory=bytearray)
    unsteady: bool = False

    def __post_init__(self) -> None:
        self.spi = SpiPeripheral()

    def run(self, transfers: Iterable[tuple[bytes, int]]) -> None:
        """Exchange the bytes of each transfer, and so many bits more before it ends."""

        async def controller(ctx: Any) -> None:
            for octets, more_bits in transfers:
                await self.transfer(ctx, octets, more_bits)

        self.simulate(controller)

    def simulate(self, controller: Callable[[Any], Any]) -> None:
        simulator = Simulator(self.spi)
        simulator.add_clock(CYCLE_S, phase=(1 + self.phase) * CYCLE_S)
        simulator.add_testbench(self.device, background=True)
        simulator.add_testbench(controller)
        simulator.run()

    async def device(self, ctx: Any) -> None:
        rng = np.random.default_rng(self.seed)
        left = list(self.says)
        offered = False
        while True:
            offered = bool(left) and (offered or self.seed is None or rng.random() < 0.03)
            ctx.set(self.spi.i.valid, offered)
            ctx.set(self.spi.i.payload, left[0] if left else 0x42)
            _, _, ready, valid, data = await ctx.tick().sample(
                self.spi.i.ready, self.spi.valid, self.spi.data
            )
            if ready and offered:
                left.pop(0)
                offered = False
            if valid:
                self.arrived.append(data)

    async def transfer(self, ctx: Any, octets: bytes, more_bits: int = 0) -> None:
        bits = [octet >> 7 - n & 1 for octet in octets for n in range(8)] + [1] * more_bits
        await ctx.delay(5 * CYCLE_S)
        ctx.set(self.spi.cs_n, 0)
        got = [await self.bit(ctx, bit) for bit in bits]
        ctx.set(self.spi.cs_n, 1)
        await ctx.delay(5 * CYCLE_S)
        for start in range(0, len(got) - 7, 8):
            self.read.append(sum(bit << 7 - n for n, bit in enumerate(got[start : start + 8])))

    async def bit(self, ctx: Any, level: int) -> int:
        half = self.cycles / 2
        ctx.set(self.spi.copi, level)
        await ctx.delay((half - SETUP_CYCLES) * CYCLE_S)
        before = ctx.get(self.spi.cipo)
        await ctx.delay(SETUP_CYCLES * CYCLE_S)
        ctx.set(self.spi.sck, 1)
        await ctx.delay(HOLD_CYCLES * CYCLE_S)
        after = ctx.get(self.spi.cipo)
        await ctx.delay((half - HOLD_CYCLES) * CYCLE_S)
        ctx.set(self.spi.sck, 0)
        self.unsteady |= before != after
        return after

    @property
    def said(self) -> bytes:
        """What the controller got from the device, without fillers."""
        return bytes(self.read).replace(bytes((FILLER,)), b"")


@pytest.mark.parametrize("phase", np.arange(0.01, 1, 0.07))
@pytest.mark.parametrize("cycles", [MIN_CYCLES_PER_BIT, 4.13, 5.5, 23])
def test_bytes_go_both_ways_at_any_phase(cycles: float, phase: float) -> None:
    """The first byte is a filler: it was chosen before the device had anything to say."""
    bench = Bench(OCTETS, cycles, phase)
    bench.run([(OCTETS, 0), (b"\x7e", 0)])
    assert bytes(bench.arrived) == OCTETS + b"\x7e"
    assert bytes(bench.read) == bytes((FILLER,)) + OCTETS
    assert not bench.unsteady


def test_a_faster_clock_is_too_fast() -> None:
    """So the limit of the other tests is one."""
    bench = Bench(OCTETS, 3.85)
    bench.run([(OCTETS, 0), (b"\x7e", 0)])
    assert bench.unsteady


@settings(deadline=None, max_examples=40)
@given(
    transfers=st.lists(st.tuples(st.binary(max_size=4), st.integers(0, 7)), max_size=8),
    says=st.binary(max_size=12).map(lambda octets: octets.replace(b"\xff", b"")),
    cycles=st.floats(MIN_CYCLES_PER_BIT, 12),
    phase=st.floats(0.01, 0.99),
    seed=st.none() | st.integers(0, 1000),
)
def test_transfers_that_end_anywhere_lose_and_double_nothing(
    transfers: list[tuple[bytes, int]], says: bytes, cycles: float, phase: float, seed: int | None
) -> None:
    bench = Bench(says, cycles, phase, seed)
    bench.run([*transfers, (20 * b"\x7e", 0)])
    whole = b"".join(octets for octets, _ in transfers) + 20 * b"\x7e"
    assert bytes(bench.arrived) == whole
    assert not bench.unsteady
    if seed is None:
        assert bench.said == says
    else:
        assert says.startswith(bench.said)


def test_a_byte_that_comes_late_waits_for_the_next_place() -> None:
    """What goes out is chosen at the end of the byte before."""
    bench = Bench(b"\x01\x02\x03", 6, seed=3)
    bench.run([(60 * b"\x7e", 0)])
    assert bench.said == b"\x01\x02\x03"
    assert bytes(bench.read).strip(b"\xff").count(FILLER) > 0


def test_edges_without_chip_select_are_not_for_us() -> None:
    bench = Bench(OCTETS, 6)

    async def controller(ctx: Any) -> None:
        for _ in range(21):
            await bench.bit(ctx, 1)
        await bench.transfer(ctx, b"\x81\x7e")

    bench.simulate(controller)
    assert bytes(bench.arrived) == b"\x81\x7e"
    assert bytes(bench.read) == bytes((FILLER, OCTETS[0]))


def test_the_highest_clock() -> None:
    assert max_sck_hz(12e6) == 3e6
