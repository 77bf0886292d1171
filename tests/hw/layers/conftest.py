# SPDX-License-Identifier: Apache-2.0
"""Layers against numpy: values under any traffic, and cycles as documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator

from xnorflow.hw.cycle import Pauses, Traffic, simulate_cycles
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers import make_component
from xnorflow.ir import (
    BIPOLAR,
    Dataflow,
    DataType,
    Layer,
    StreamInput,
    StreamType,
    ThresholdTable,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LayerBench:
    """Runs layers; one vector is a row everywhere.

    Of a stream with flags for 0, a value 0 stands for a lane whose flag is set.
    """

    rtl_run: Callable[..., Any]
    pauses: Callable[[int | None, int], Any]

    @staticmethod
    def beats(values: Array, stream: StreamType) -> list[int]:
        """Payloads of the beats that carry ``values``: lane 0 least significant, then the flags."""
        rows = np.asarray(values).reshape(-1, stream.lanes)
        if stream.zero_flags:
            groups = rows.reshape(len(rows), stream.zero_flags, -1)
            zeros = (groups == 0).any(axis=2)
            assert not groups[zeros].any(), "a flag is that of all lanes of its group"
            any_code = np.random.default_rng(0).choice([-1, 1], rows.shape)
            rows = np.where(rows == 0, any_code, rows)
            flags = (zeros << np.arange(stream.zero_flags)).sum(axis=1).tolist()
        else:
            flags = [0] * len(rows)
        width_bits = stream.element.width_bits
        codes = stream.element.encode(rows).tolist()
        return [
            sum(code << (width_bits * i) for i, code in enumerate([*row, flag]))
            for row, flag in zip(codes, flags, strict=True)
        ]

    @staticmethod
    def values(beats: list[int], stream: StreamType) -> Array:
        """Inverse of :meth:`beats`."""
        width_bits = stream.element.width_bits
        mask = (1 << width_bits) - 1
        codes = [[beat >> (width_bits * i) & mask for i in range(stream.lanes)] for beat in beats]
        values = stream.element.decode(np.array(codes))
        if stream.zero_flags:
            flags = [beat >> (width_bits * stream.lanes) for beat in beats]
            zeros = np.array(flags)[:, None] >> np.arange(stream.zero_flags) & 1
            values[np.repeat(zeros == 1, stream.lanes // stream.zero_flags, axis=1)] = 0
        return values.reshape(-1, stream.channels)

    def check(
        self,
        node: Layer,
        source: StreamType,
        x: Array,
        expected: Array,
        stalls: int = 0,
        *,
        waits: bool = False,
    ) -> Any:
        """``node`` gives ``expected`` for ``x``, in the documented cycles and with stalls.

        All beats move in the cycles in which the cycle model lets them move.
        Vectors follow each other without a bubble unless they wait for input (``waits``). Gives
        the trace of the run that nothing held up.
        """
        result = node.infer((source,))
        count = expected.size // result.lanes
        beats = self.beats(x, source)
        traces = [
            self.rtl_run(make_component(node, (source,)), beats, count=count, stalls=seed)
            for seed in (None, stalls)
        ]
        for seed, trace in zip((None, stalls), traces, strict=True):
            self.check_model(node, source, trace, seed)
            got = self.values(trace.beats, result)
            np.testing.assert_array_equal(got, expected.reshape(got.shape))
        self.check_cycles(node, source, traces[0], waits=waits)
        return traces[0]

    def check_model(self, node: Layer, source: StreamType, trace: Any, seed: int | None) -> None:
        """The cycle model knows the cycle of every beat that came and left."""
        plain = replace(source, zero_flags=0)  # flags come from padding units alone
        dataflow = Dataflow((StreamInput(name="x", edge="x", type=plain), node))
        ends = (self.pauses(seed, port) for port in (0, 1))
        traffic = Traffic(*(Pauses(end.key, end.probability) for end in ends))
        frames = -(-len(trace.accepted) // source.beats_per_frame)
        model = simulate_cycles(dataflow, frames, traffic)
        assert model.standstill is None
        # The last beats of an image may be in no window, and never taken.
        accepted = model.cycles("x").reshape(-1)[: len(trace.accepted)]
        assert accepted.tolist() == trace.accepted
        assert model.cycles(node.name).reshape(-1).tolist() == trace.cycles

    @staticmethod
    def check_cycles(node: Layer, source: StreamType, trace: Any, *, waits: bool = False) -> None:
        """First beat after ``latency_first``; then vectors and frames at their intervals."""
        timing, result = layer_timing(node, (source,)), node.infer((source,))
        assert trace.cycles[0] - trace.accepted[0] == timing.latency_first
        starts = trace.cycles[:: result.beats_per_vector]
        intervals = set(np.diff(starts))
        assert min(intervals, default=timing.ii_vector) >= timing.ii_vector
        assert waits or intervals <= {timing.ii_vector}
        ends = trace.cycles[result.beats_per_frame - 1 :: result.beats_per_frame]
        assert set(np.diff(ends)) <= {timing.ii_frame}

    def check_alone(
        self, node: Layer, source: StreamType, x: Array, *, frames: bool = False
    ) -> None:
        """Vectors, or whole ``frames``, that come to an idle layer all have ``latency_first``."""
        timing, result = layer_timing(node, (source,)), node.infer((source,))
        taken, given = source.beats_per_vector, result.beats_per_vector
        pause = 3 * timing.ii_vector + 2 * timing.latency_first
        if frames:
            taken, given = source.beats_per_frame, result.beats_per_frame
            pause = 3 * timing.ii_frame + 2 * timing.latency_first
        beats = self.beats(x, source)
        trace = self.rtl_run(
            make_component(node, (source,)),
            beats,
            count=len(beats) // taken * given,
            release=[number // taken * pause for number in range(len(beats))],
        )
        first_in = np.array(trace.accepted[::taken])
        first_out = np.array(trace.cycles[::given])
        assert set(first_out - first_in) == {timing.latency_first}


@pytest.fixture(scope="session")
def bench(rtl_run: Callable[..., Any], pauses: Callable[[int | None, int], Any]) -> LayerBench:
    return LayerBench(rtl_run, pauses)


def random_values(rng: np.random.Generator, element: DataType, shape: tuple[int, ...]) -> Array:
    """All values of a type, its extremes more often."""
    values = element.min + element.step * rng.integers(0, element.levels, shape)
    extremes = rng.choice([element.min, element.max], shape)
    return np.where(rng.random(shape) < 0.2, extremes, values)


@pytest.fixture(name="random_values", scope="session")
def random_values_fixture() -> Callable[..., Array]:
    return random_values


def random_table(
    rng: np.random.Generator, rows: int, low: int, high: int, output: DataType, levels: int
) -> ThresholdTable:
    """Thresholds in and beyond ``low..high``, with repetitions, in either direction."""
    span = max(2, (high - low) // 8)
    middle = rng.integers(low, high + 1, (rows, 1))
    near = middle + rng.integers(-span, span + 1, (rows, levels))
    far = rng.choice([low - 10**6, low - 1, low, high, high + 1, high + 10**6], (rows, levels))
    values = np.sort(np.where(rng.random((rows, levels)) < 0.15, far, near), axis=1)
    room = (output.max - output.min) // output.step - levels
    base = output.min + (0 if output == BIPOLAR else int(rng.integers(0, room + 1)))
    return ThresholdTable(values, rng.random(rows) < rng.choice([0, 0.5, 1]), base, output)


@pytest.fixture(name="random_table", scope="session")
def random_table_fixture() -> Callable[..., ThresholdTable]:
    return random_table


def step_function(table: ThresholdTable, sums: Array) -> Array:
    """The definition of a threshold table, element by element."""
    results = np.empty_like(sums)
    for place, value in np.ndenumerate(sums):
        row = place[-1] if table.rows > 1 else 0
        if table.descending[row]:
            count = sum(1 for threshold in table.values[row] if value <= threshold)
        else:
            count = sum(1 for threshold in table.values[row] if value >= threshold)
        results[place] = table.base + table.output_type.step * count
    return results


@pytest.fixture(name="step_function", scope="session")
def step_function_fixture() -> Callable[..., Array]:
    return step_function


@dataclass(frozen=True)
class IdleReport:
    """What a component does whose output is never taken."""

    accepted_beats: int
    output_valid: bool
    combinational_paths: set[str]
    """Outputs that changed with an input within a cycle."""


def idle_run(component: Any, cycles: int = 80) -> IdleReport:
    """Offer a beat in every cycle, take none, and wiggle both handshakes within each cycle."""
    accepted, paths, valid = 0, set(), False

    async def watch(ctx: Any) -> None:
        nonlocal accepted, valid
        for _ in range(cycles):
            seen = set()
            for offer, take in [(0, 0), (0, 1), (1, 1), (1, 0)]:
                ctx.set(component.i.valid, offer)
                ctx.set(component.o.ready, take)
                seen.add((ctx.get(component.i.ready), ctx.get(component.o.valid)))
            paths.update(
                name
                for name, levels in zip(
                    ("i.ready", "o.valid"), zip(*seen, strict=True), strict=True
                )
                if len(set(levels)) > 1
            )
            accepted += ctx.get(component.i.ready)
            valid = bool(ctx.get(component.o.valid))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch)
    simulator.run()
    return IdleReport(accepted, valid, paths)


@pytest.fixture(name="idle_run", scope="session")
def idle_run_fixture() -> Callable[..., IdleReport]:
    return idle_run


@pytest.fixture(params=["old", "new"])
def whatever_a_memory_gives(request: pytest.FixtureRequest, monkeypatch: Any) -> None:
    """Run the test with both: what a read gives that meets a write to its place."""
    if request.param == "new":
        read_port = Memory.read_port
        monkeypatch.setattr(
            Memory,
            "read_port",
            lambda memory: read_port(memory, transparent_for=memory.write_ports),
        )


def memory_bits(component: Any) -> int:
    """Words times width of all memories of ``component``, as they are in its RTLIL."""
    text = rtlil.convert(component, emit_src=False)
    memories = re.findall(r"^  memory width (\d+) size (\d+) ", text, re.MULTILINE)
    return sum(int(width) * int(words) for width, words in memories)


@pytest.fixture(name="memory_bits", scope="session")
def memory_bits_fixture() -> Callable[..., int]:
    return memory_bits
