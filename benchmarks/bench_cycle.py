# SPDX-License-Identifier: Apache-2.0
"""The cycle model against the compiled RTL engine, on the same design in the same run.

The cycles of every beat are the same (which is checked). With ends that never pause the model
stops when frames repeat, and the frames to come are known: so a whole test set is asked for. With
pauses it goes through all frames.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.networks import make_cnv
from benchmarks.timing import Row, medians
from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.rtl import RtlEngine, Stalls

__all__ = ["measure"]

TITLE = "Cycle model, one thread"
TEST_SET = 10_000
"""Frames."""
FEW = 3
"""Frames for RTL, and for the model under pauses."""
INTERVALS = (32_768, 524_288)
"""Cycles of a frame, at most."""
STALLS = Stalls(seed=1)


def measure() -> list[Row]:
    """Rows of all foldings."""
    return [row for interval in INTERVALS for row in measure_design(interval)]


def measure_design(interval_cycles: int) -> list[Row]:
    """Cycles a second of model and RTL on CNV."""
    network = make_cnv(1, 1).network
    dataflow = compile_network(network, plan_for_interval(network, interval_cycles))
    subject = f"CNV W1A1, {interval_cycles:,} cycles a frame at most"
    image = dataflow.types[dataflow.input.name]
    frames = np.random.default_rng(0).integers(0, 256, (FEW, image.size))
    with tempfile.TemporaryDirectory() as scratch:
        write_design(dataflow, Path(scratch))
        rtl = RtlEngine(Path(scratch))
        check(rtl, CycleEngine(dataflow), frames)
        return rates(subject, rtl, CycleEngine(dataflow), frames)


def check(rtl: RtlEngine, model: CycleEngine, frames: np.ndarray) -> None:
    """Both agree on the cycle of every beat, without and with pauses."""
    for stalls in (None, STALLS):
        trace, predicted = rtl.run(frames, stalls), model.run(len(frames), stalls)
        for name, cycles in trace.cycles.items():
            if not np.array_equal(predicted.cycles(name), cycles):
                raise AssertionError(f"the cycle model does not agree with RTL on {name}")


def rates(subject: str, rtl: RtlEngine, model: CycleEngine, frames: np.ndarray) -> list[Row]:
    """Cycles a second of each."""
    output = model.dataflow.output.name
    calls = {
        "ours": lambda: model.run(TEST_SET),
        "ours, with pauses": lambda: model.run(FEW, STALLS),
        "RTL engine": lambda: rtl.run(frames, taps=(output,)),
    }
    cycles = {
        "ours": model.run(TEST_SET).cycle_count,
        "ours, with pauses": model.run(FEW, STALLS).cycle_count,
        "RTL engine": model.run(FEW).cycle_count,
    }
    times = medians(calls, samples=5)
    rate = {name: cycles[name] / times[name] for name in calls}
    labels = {"ours": f"ours, {TEST_SET:,} frames"}
    return [
        Row(
            subject,
            labels.get(name, name),
            value,
            "cycles/s",
            None if name == "ours" else rate["ours"] / value,
        )
        for name, value in rate.items()
    ]
