# SPDX-License-Identifier: Apache-2.0
"""The RTL engine against Verilator and Icarus Verilog, on the same emitted Verilog.

All of them drive the same ports in the same way and give the same labels in the same cycles (which
is checked). Compilation is not counted in the rate and has a row of its own.
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
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.sim.rtl import ObjectCache, RtlEngine
from xnorflow.sim.verilog import (
    Command,
    compile_with_iverilog,
    compile_with_verilator,
    run_testbench,
)
from xnorflow.toolchain import find_tool

__all__ = ["measure"]

TITLE = "RTL engine, one thread"
FRAMES = 1000
"""Enough for starting a process and reading its output not to count."""

OTHERS: dict[str, tuple[Callable[[Path, Path], Command], int]] = {
    "verilator": (compile_with_verilator, FRAMES),
    "iverilog": (compile_with_iverilog, 2),
}
"""How to compile for each other simulator, and how many frames it can be asked for."""

SUBJECTS = (("TFC", 784), ("SFC", 896))
"""Network, and cycles of a frame."""


def measure() -> list[Row]:
    """Rows of all subjects."""
    return [row for subject in SUBJECTS for row in measure_design(*subject)]


def measure_design(name: str, interval_cycles: int) -> list[Row]:
    """Cycles a second, and seconds of compilation, on one design."""
    network = make_mlp(WIDTHS[name], 1, 1).network
    dataflow = compile_network(network, plan_for_interval(network, interval_cycles))
    subject = f"{name} W1A1, {interval_cycles} cycles a frame"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "rtl"
        folder.mkdir()
        write_design(dataflow, folder)
        start = time.perf_counter()
        engine = RtlEngine(folder, ObjectCache(Path(scratch) / "cache"))
        seconds = {"ours": time.perf_counter() - start}
        commands: dict[str, Command] = {}
        for other, (compiled, _) in OTHERS.items():
            if find_tool(other) is not None:
                start = time.perf_counter()
                commands[other] = compiled(folder, Path(scratch))
                seconds[other] = time.perf_counter() - start
        rates = cycles_per_second(engine, commands, folder)
    rows = [
        Row(subject, who, rate, "cycles/s", None if who == "ours" else rates["ours"] / rate)
        for who, rate in rates.items()
    ]
    return rows + [
        Row(
            subject,
            f"{who}, compilation",
            taken,
            "s",
            None if who == "ours" else taken / seconds["ours"],
        )
        for who, taken in seconds.items()
    ]


def cycles_per_second(
    engine: RtlEngine, commands: dict[str, Command], folder: Path
) -> dict[str, float]:
    """Rate of each simulator, after checking that all agree."""
    output = engine.dataflow.output.name
    source = engine.dataflow.types[engine.dataflow.input.name]
    frames = np.random.default_rng(0).choice([-1, 1], (FRAMES, source.channels))
    trace = engine.run(frames, taps=(output,))
    counts = {"ours": FRAMES} | {name: OTHERS[name][1] for name in commands}
    calls: dict[str, Callable[[], object]] = {"ours": lambda: engine.run(frames, taps=(output,))}
    for name, command in commands.items():
        part = frames[: counts[name]]
        port = run_testbench(command, folder, part)
        if not np.array_equal(port.cycles, trace.cycles[output][: len(part)]):
            raise AssertionError(f"{name} does not agree with the RTL engine")
        calls[name] = lambda command=command, part=part: run_testbench(command, folder, part)
    times = medians(calls, samples=5)
    return {name: float(trace.cycles[output][counts[name] - 1, -1]) / times[name] for name in calls}
