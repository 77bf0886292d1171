# SPDX-License-Identifier: Apache-2.0
"""The gates engine against the RTL engine, on netlists and the Verilog of the same designs.

Both drive the same ports in the same way; that they give the same labels in the same cycles is
checked. An image-cycle is a cycle of one image: the gates engine computes 512 of them at a time.
Synthesis and compilation are not counted in the rate and have rows of their own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.networks import WIDTHS, make_mlp
from benchmarks.timing import Row, medians
from xnorflow.hw.emit import write_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl import ObjectCache, RtlEngine

__all__ = ["measure"]

TITLE = "Gates engine, one thread"
IMAGES = 10_000
"""A whole test set."""
RTL_IMAGES = 1000

SUBJECTS = (("TFC", 784), ("SFC", 896))
"""Network, and cycles of a frame."""
NETLISTS: tuple[Device | None, ...] = (None, Device.ICE40, Device.ECP5)


def measure() -> list[Row]:
    """Rows of all subjects."""
    return [row for subject in SUBJECTS for row in measure_design(*subject)]


def measure_design(name: str, interval_cycles: int) -> list[Row]:
    """Image-cycles a second, seconds of a test set, and seconds of compilation, on one design."""
    network = make_mlp(WIDTHS[name], 1, 1).network
    frames = np.random.default_rng(0).choice([-1, 1], (IMAGES, WIDTHS[name][0]))
    want = ReferenceEngine(network).run(frames)
    subject = f"{name} W1A1, {interval_cycles} cycles a frame"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = Path(scratch) / "rtl", ObjectCache(Path(scratch) / "cache")
        folder.mkdir()
        write_design(compile_network(network, plan_for_interval(network, interval_cycles)), folder)
        rtl = RtlEngine(folder, cache)
        for device in NETLISTS:
            who = f"netlist, {device or 'generic gates'}"
            start = time.perf_counter()
            engine = GatesEngine(folder, device, cache)
            compilation = time.perf_counter() - start
            check(engine, rtl, frames, want)
            rates, seconds = rates_of(engine, rtl, frames)
            rows += [
                Row(subject, f"{who}", rates["gates"], "image-cycles/s", None),
                Row(subject, "RTL engine", rates["rtl"], "cycles/s", rates["gates"] / rates["rtl"]),
                Row(subject, f"{who}, {IMAGES:,} images", seconds, "s", None),
                Row(subject, f"{who}, synthesis and compilation", compilation, "s", None),
            ]
    return rows


def check(engine: GatesEngine, rtl: RtlEngine, frames: np.ndarray, want: np.ndarray) -> None:
    """Every label is the reference's, and a lane's beats leave in the RTL's cycles."""
    trace = engine.run(frames)
    few = rtl.run(frames[: len(trace.cycles)]).cycles[engine.dataflow.output.name]
    if not np.array_equal(trace.values, want) or not np.array_equal(trace.cycles, few):
        raise AssertionError("the netlist does not agree with the reference or the RTL engine")


def rates_of(
    engine: GatesEngine, rtl: RtlEngine, frames: np.ndarray
) -> tuple[dict[str, float], float]:
    """Image-cycles a second of both, in turns, and seconds of the whole test set."""
    output = engine.dataflow.output.name
    part = frames[:RTL_IMAGES]
    calls: dict[str, Callable[[], object]] = {
        "gates": lambda: engine.run(frames),
        "rtl": lambda: rtl.run(part, taps=(output,)),
    }
    times = medians(calls, samples=5)
    trace = engine.run(frames)
    rtl_cycles = rtl.run(part, taps=(output,)).cycle_count
    rates = {
        "gates": trace.cycle_count * trace.lanes / times["gates"],
        "rtl": rtl_cycles / times["rtl"],
    }
    return rates, times["gates"]
