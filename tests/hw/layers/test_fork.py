# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers import make_component
from xnorflow.ir import BIPOLAR, Fork, StreamType, uint_type

PLAIN = StreamType(uint_type(3), 6, 2, 2)
FLAGGED = StreamType(BIPOLAR, 6, 6, 2, zero_flags=1)


def make_node(ways: int) -> Fork:
    return Fork(name="fork", inputs=("x",), edge="x", ways=ways)


@settings(max_examples=30)
@given(
    ways=st.integers(2, 5),
    source=st.sampled_from([PLAIN, FLAGGED]),
    seed=st.none() | st.integers(0, 2**20),
)
def test_each_way_gives_every_beat_once(
    streams_run: Any, ways: int, source: StreamType, seed: int | None
) -> None:
    beats = np.random.default_rng(seed).integers(0, 1 << source.width_bits, 24).tolist()
    outputs = [f"o_{way}" for way in range(ways)]
    fork = make_component(make_node(ways), (source,))
    traces = streams_run(fork, {"i": beats}, dict.fromkeys(outputs, len(beats)), stalls=seed)
    assert [traces[name].beats for name in outputs] == [beats] * ways
    last_taken = np.max([traces[name].cycles for name in outputs], axis=0)
    assert traces["i"].cycles == last_taken.tolist()


def test_cycles(streams_run: Any) -> None:
    fork = make_component(make_node(2), (PLAIN,))
    traces = streams_run(fork, {"i": [0] * 12}, {"o_0": 12, "o_1": 12})
    timing = layer_timing(make_node(2), (PLAIN,))
    assert traces["o_0"].cycles[0] - traces["i"].cycles[0] == timing.latency_first
    assert set(np.diff(traces["o_1"].cycles[:: PLAIN.beats_per_vector])) == {timing.ii_vector}
    assert set(np.diff(traces["o_1"].cycles[:: PLAIN.beats_per_frame])) == {timing.ii_frame}


def seen_by_fast_way(slow: int) -> list[int]:
    """Whether the other way sees a beat, cycle by cycle, while way ``slow`` takes none."""
    fork: Any = make_component(make_node(2), (PLAIN,))
    fast_way, slow_way = getattr(fork, f"o_{1 - slow}"), getattr(fork, f"o_{slow}")
    seen = []

    async def bench(ctx: Any) -> None:
        ctx.set(fork.i.valid, 1)
        ctx.set(fast_way.ready, 1)
        for _ in range(4):
            seen.append(ctx.get(fast_way.valid))
            assert ctx.get(slow_way.valid)
            assert not ctx.get(fork.i.ready)
            await ctx.tick()

    simulator = Simulator(fork)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize("slow", [0, 1])
def test_no_way_waits_for_another(slow: int) -> None:
    assert seen_by_fast_way(slow) == [1, 0, 0, 0]
