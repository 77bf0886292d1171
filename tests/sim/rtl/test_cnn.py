# SPDX-License-Identifier: Apache-2.0
"""Whole convolutional networks in RTL: every stream, under any traffic, at the predicted pace.

The oracle of the values is the naive evaluation of the integer network, put into the order of the
streams; nothing of it knows the hardware.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.errors import SimulationError
from xnorflow.hw.cycle import simulate_cycles
from xnorflow.hw.emit import write_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import FoldingPlan, compile_network, default_plan
from xnorflow.hw.passes.size_fifos import with_depths
from xnorflow.ir import (
    BIPOLAR,
    Add,
    Conv,
    Dataflow,
    Fifo,
    Folding,
    Input,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
)
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.rtl import RtlEngine, RtlTrace, Stalls
from xnorflow.sim.streams import expected_streams

FRAMES = 5
SETTLING_FRAMES = 60


def run_design(
    dataflow: Dataflow, frames: np.ndarray, folder: Path, stalls: Stalls | None = None
) -> RtlTrace:
    folder.mkdir(exist_ok=True)
    if not (folder / "accelerator.v").exists():
        write_design(dataflow, folder)
    return RtlEngine(folder).run(frames.reshape(len(frames), -1), stalls)


def check_streams(dataflow: Dataflow, edges: Any, trace: RtlTrace) -> None:
    for name, expected in expected_streams(dataflow, edges):
        values = trace.values[name].reshape(expected.shape)
        np.testing.assert_array_equal(values, expected, err_msg=name)


def check_pace(dataflow: Dataflow, trace: RtlTrace) -> None:
    """Frames leave at the interval of the slowest layer once the pipeline has settled.

    That may be after more frames than were simulated: then the cycle model, which has the cycles
    of those, says what follows.
    """
    interval = frame_interval(dataflow)
    model = CycleEngine(dataflow).run(SETTLING_FRAMES)
    assert model.simulated_frames < SETTLING_FRAMES
    assert model.period_cycles == model.period_frames * interval
    ends = trace.cycles[dataflow.output.name][model.settled_frames :, -1]
    assert set(np.diff(ends)) <= {interval}


def check_cycles(dataflow: Dataflow, trace: RtlTrace, stalls: Stalls | None) -> None:
    """Every beat on every stream moves in the cycle that the cycle model says."""
    model = CycleEngine(dataflow).run(FRAMES, stalls)
    for name, cycles in trace.cycles.items():
        np.testing.assert_array_equal(model.cycles(name), cycles, err_msg=name)
    assert model.cycle_count == trace.cycle_count


@pytest.mark.parametrize(
    "seed",
    [
        *range(6),
        *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 60)),
    ],
)
def test_random_network(lab: Any, tmp_path: Path, seed: int) -> None:
    network = lab.Cnn(seed).network()
    plans = {"random": lab.random_plan(network, seed), "default": default_plan(network)}
    frames = lab.random_frames(network, FRAMES, seed)
    edges = lab.evaluate_network(network, frames)
    for name, plan in plans.items():
        dataflow = compile_network(network, plan)
        for stalls in (None, Stalls(seed), Stalls(seed, 230, 0), Stalls(seed, 0, 230)):
            trace = run_design(dataflow, frames, tmp_path / name, stalls)
            check_streams(dataflow, edges, trace)
            check_cycles(dataflow, trace, stalls)
            if stalls is None:
                check_pace(dataflow, trace)


# ---- branches that meet again -----------------------------------------------------------------


def residual() -> Network:
    """A convolution beside a path that only waits."""
    rng = np.random.default_rng(0)
    table = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
    return Network(
        (
            Input(name="image", type=TensorType(BIPOLAR, (8, 8, 2))),
            Conv(
                name="conv",
                inputs=("image",),
                weights=rng.choice([-1, 1], (2, 3, 3, 2)),
                weight_type=BIPOLAR,
                window=Window((3, 3), padding=(1, 1, 1, 1)),
            ),
            Threshold(name="act", inputs=("conv",), table=table),
            Add(name="sum", inputs=("image", "act")),
        )
    )


PLAN = FoldingPlan({"image": Folding(2), "conv": Folding(2, 6), "sum": Folding(2)})


def depth_of_the_short_branch(dataflow: Dataflow) -> int:
    fifo = dataflow.node("fifo_sum_0")
    assert isinstance(fifo, Fifo)
    return fifo.depth_beats


def with_short_branch(dataflow: Dataflow, depth_beats: int) -> Dataflow:
    return with_depths(dataflow, {"fifo_sum_0": depth_beats})


def test_the_short_branch_holds_what_the_long_one_has_under_way(lab: Any, tmp_path: Path) -> None:
    network = residual()
    dataflow = compile_network(network, PLAN)
    frames = lab.random_frames(network, FRAMES)
    trace = run_design(dataflow, frames, tmp_path)
    check_streams(dataflow, lab.evaluate_network(network, frames), trace)
    check_pace(dataflow, trace)
    # A window waits for a row and two pixels.
    assert depth_of_the_short_branch(dataflow) >= 8 + 2


def test_a_branch_that_holds_too_little_stands_still_in_rtl_and_in_the_cycle_model(
    lab: Any, tmp_path: Path
) -> None:
    network = residual()
    sized = compile_network(network, PLAN)
    frames = lab.random_frames(network, 3)
    standing = {}
    for depth in range(2, depth_of_the_short_branch(sized) + 1):
        dataflow = with_short_branch(sized, depth)
        standing[depth] = stands_still(dataflow, frames, tmp_path / str(depth))
        model = simulate_cycles(dataflow, 3)
        assert (model.standstill is not None) == standing[depth], f"depth {depth}"
    assert standing[2]
    assert not standing[max(standing)]


@pytest.mark.parametrize(
    "seed", [None, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12))]
)
def test_a_beat_less_in_any_fifo_loses_throughput_in_rtl(
    lab: Any, tmp_path: Path, seed: int | None
) -> None:
    """The depths are the least ones: full throughput with them, and less with any one less."""
    network = residual() if seed is None else lab.Cnn(seed).network()
    plan = PLAN if seed is None else lab.random_plan(network, seed)
    dataflow = compile_network(network, plan)
    frames = lab.random_frames(network, 12)
    interval = frame_interval(dataflow)
    assert last_interval(dataflow, frames, tmp_path / "least") == interval
    for fifo in [n for n in dataflow.nodes if isinstance(n, Fifo) and n.depth_beats > 2]:
        shallow = with_depths(dataflow, {fifo.name: fifo.depth_beats - 1})
        found = last_interval(shallow, frames, tmp_path / fifo.name)
        assert found is None or found > interval, fifo.name


def last_interval(dataflow: Dataflow, frames: np.ndarray, folder: Path) -> int | None:
    """Cycles between the last two frames in RTL; None for a standstill."""
    if stands_still(dataflow, frames, folder):
        return None
    trace = run_design(dataflow, frames, folder)
    return int(np.diff(trace.cycles[dataflow.output.name][:, -1])[-1])


def stands_still(dataflow: Dataflow, frames: np.ndarray, folder: Path) -> bool:
    try:
        run_design(dataflow, frames, folder)
    except SimulationError as error:
        if "standstill" not in str(error):
            raise
        return True
    return False
