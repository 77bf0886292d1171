# SPDX-License-Identifier: Apache-2.0
"""Memories that are loaded: what is read is what was sent, in the order of the documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.hw.layers.loaded_memory import LoadedMemory


def parts_of(words: list[int], width_bits: int) -> list[int]:
    """Parts of 16 bits, the low one of each word first, nonsense above the word."""
    count = -(-width_bits // 16)
    padded = [word | ~0 << width_bits for word in words]
    return [word >> 16 * part & 0xFFFF for word in padded for part in range(count)]


def read_back(words: list[int], width_bits: int, fetches: int, seed: int | None) -> list[int]:
    """Load ``words``, and fetch; with ``seed`` the sender and the reader pause at random."""
    memory = LoadedMemory(len(words), width_bits)
    rng = np.random.default_rng(seed)
    read: list[int] = []

    def goes() -> bool:
        return seed is None or bool(rng.random() < 0.5)

    async def bench(ctx: Any) -> None:
        for part in parts_of(words, width_bits):
            while not goes():
                ctx.set(memory.load.valid, 0)
                await ctx.tick()
            ctx.set(memory.load.valid, 1)
            ctx.set(memory.load.payload, part)
            assert ctx.get(memory.load.ready)
            assert not ctx.get(memory.loaded)
            await ctx.tick()
        ctx.set(memory.load.payload, 0x5A5A)  # one too many: not taken
        assert ctx.get(memory.loaded)
        assert not ctx.get(memory.load.ready)
        await ctx.tick()
        for _ in range(fetches):
            ctx.set(memory.fetch, 0)
            while not goes():
                await ctx.tick()
                assert not read or ctx.get(memory.word) == read[-1]
            ctx.set(memory.fetch, 1)
            await ctx.tick()
            read.append(ctx.get(memory.word))

    simulator = Simulator(memory)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return read


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize(("count", "width_bits"), [(2, 1), (5, 16), (16, 17), (7, 40), (3, 64)])
def test_words_come_in_order_over_and_over(count: int, width_bits: int, seed: int | None) -> None:
    rng = np.random.default_rng(count)
    words = [int.from_bytes(rng.bytes(8), "big") % (1 << width_bits) for _ in range(count)]
    fetches = 2 * count + 1
    read = read_back(words, width_bits, fetches, seed)
    assert read == [words[n % count] for n in range(fetches)]


@pytest.mark.slow  # some seconds of Amaranth's simulator
def test_more_words_than_one_ram_has() -> None:
    """Around the boundary between the two, and at the end, words are the right ones."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 16, 16384 + 5).tolist()
    read = read_back(words, 16, len(words) + 3, None)
    assert read == [*words, *words[:3]]
