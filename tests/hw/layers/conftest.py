# SPDX-License-Identifier: Apache-2.0
"""Layers against numpy: values under any traffic, and cycles as documented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers import make_component
from xnorflow.ir import BIPOLAR, DataType, Layer, StreamType, ThresholdTable

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LayerBench:
    """Runs layers; one vector is a row everywhere."""

    rtl_run: Callable[..., Any]

    @staticmethod
    def beats(values: Array, stream: StreamType) -> list[int]:
        """Payloads of the beats that carry ``values``: lane 0 least significant."""
        width_bits = stream.element.width_bits
        rows = stream.element.encode(values).reshape(-1, stream.lanes).tolist()
        return [sum(code << (width_bits * i) for i, code in enumerate(row)) for row in rows]

    @staticmethod
    def values(beats: list[int], stream: StreamType) -> Array:
        """Inverse of :meth:`beats`."""
        width_bits = stream.element.width_bits
        mask = (1 << width_bits) - 1
        codes = [[beat >> (width_bits * i) & mask for i in range(stream.lanes)] for beat in beats]
        return stream.element.decode(np.array(codes)).reshape(-1, stream.channels)

    def check(
        self, node: Layer, source: StreamType, x: Array, expected: Array, stalls: int = 0
    ) -> None:
        """``node`` gives ``expected`` for ``x``, in the documented cycles and with stalls."""
        result = node.infer((source,))
        count = expected.size // result.lanes
        beats = self.beats(x, source)
        free = self.rtl_run(make_component(node, (source,)), beats, count=count)
        np.testing.assert_array_equal(self.values(free.beats, result), expected)
        self.check_cycles(node, source, free)
        stalled = self.rtl_run(make_component(node, (source,)), beats, count=count, stalls=stalls)
        np.testing.assert_array_equal(self.values(stalled.beats, result), expected)

    @staticmethod
    def check_cycles(node: Layer, source: StreamType, trace: Any) -> None:
        """First beat after ``latency_first``; a vector every ``ii_vector``, without a bubble."""
        timing = layer_timing(node, (source,))
        assert trace.cycles[0] - trace.accepted[0] == timing.latency_first
        starts = trace.cycles[:: node.infer((source,)).beats_per_vector]
        assert set(np.diff(starts)) <= {timing.ii_vector}

    def check_alone(self, node: Layer, source: StreamType, x: Array) -> None:
        """Vectors that come one by one, each to an idle layer, all have ``latency_first``."""
        timing = layer_timing(node, (source,))
        lanes = node.infer((source,)).beats_per_vector
        pause = 3 * timing.ii_vector + 2 * timing.latency_first
        release = [
            vector * pause for vector in range(len(x)) for _ in range(source.beats_per_vector)
        ]
        trace = self.rtl_run(
            make_component(node, (source,)),
            self.beats(x, source),
            count=len(x) * lanes,
            release=release,
        )
        first_in = np.array(trace.accepted[:: source.beats_per_vector])
        first_out = np.array(trace.cycles[::lanes])
        assert set(first_out - first_in) == {timing.latency_first}


@pytest.fixture(scope="session")
def bench(rtl_run: Callable[..., Any]) -> LayerBench:
    return LayerBench(rtl_run)


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
