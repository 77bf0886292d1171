# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import FoldingPlan, compile_network, parse_plan, plan_for_interval
from xnorflow.hw.top import Accelerator, padded_width_bits
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Dataflow,
    Folding,
    Input,
    MatMul,
    Network,
    StreamInput,
    StreamType,
    TensorType,
    Thresholding,
    ThresholdTable,
    int_type,
    uint_type,
)

MAX_CYCLES = 20_000


@dataclass
class Trace:
    """Codes of every accepted beat, and its cycle, by node; then the output port."""

    beats: dict[str, list[int]]
    cycles: dict[str, list[int]]
    last: list[int] = field(default_factory=list)
    data: list[int] = field(default_factory=list)

    def values(self, node: str, stream: StreamType, frames: int) -> np.ndarray:
        mask = (1 << stream.element.width_bits) - 1
        codes = [
            (beat >> (lane * stream.element.width_bits)) & mask
            for beat in self.beats[node]
            for lane in range(stream.lanes)
        ]
        return stream.element.decode(np.array(codes)).reshape(
            frames, stream.vectors, stream.channels
        )


def input_beats(frames: np.ndarray, stream: StreamType) -> list[int]:
    codes = stream.element.encode(frames.reshape(-1, stream.lanes)).tolist()
    width = stream.element.width_bits
    return [sum(code << (lane * width) for lane, code in enumerate(row)) for row in codes]


def rtl_run(
    dataflow: Dataflow, frames: np.ndarray, stalls: int | None = None, garbage: int = 0
) -> Trace:
    """Send ``frames``; with ``stalls`` as a seed, source and sink pause at random."""
    top = Accelerator(dataflow)
    stream, result = (dataflow.types[node.name] for node in (dataflow.input, dataflow.output))
    beats = input_beats(frames, stream)
    expected = len(frames) * result.beats_per_frame
    rng = None if stalls is None else np.random.default_rng(stalls)
    trace = Trace({name: [] for name in top.taps}, {name: [] for name in top.taps})
    watched = [s for tap in top.taps.values() for s in (tap.valid, tap.ready, tap.payload)]

    def goes() -> int:
        return 1 if rng is None else int(rng.random() < 0.4)

    async def bench(ctx: Any) -> None:
        ctx.set(top.aresetn, 0)
        for _ in range(3):
            await ctx.tick()
        ctx.set(top.aresetn, 1)
        sent, offering = 0, 0
        for cycle in range(MAX_CYCLES):
            offering = offering or (goes() if sent < len(beats) else 0)
            ctx.set(top.s_axis_tvalid, offering)
            padding = garbage << stream.width_bits
            ctx.set(top.s_axis_tdata, (beats[sent] if offering else 0) | padding)
            ctx.set(top.m_axis_tready, goes())
            _, _, last, data, *taps = await ctx.tick().sample(
                top.m_axis_tlast, top.m_axis_tdata, *watched
            )
            for name, valid, ready, payload in zip(
                top.taps, taps[::3], taps[1::3], taps[2::3], strict=True
            ):
                if valid and ready:
                    trace.beats[name].append(payload)
                    trace.cycles[name].append(cycle)
            if taps[-3] and taps[-2]:
                trace.last.append(last)
                trace.data.append(data)
            if taps[0] and taps[1]:
                sent, offering = sent + 1, 0
            if len(trace.last) == expected:
                return
        pytest.fail(f"{len(trace.last)} of {expected} beats after {MAX_CYCLES} cycles")

    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return trace


NETWORKS = {
    "w1a1": {},
    "w1a1-odd": {"widths": (15, 10, 3)},
    "w1a1-scores": {"top_k": None},
    "w1a2": {"activation": uint_type(2), "top_k": 3},
    "w2a2": {"weight": int_type(2), "activation": int_type(2), "seed": 3},
    "ternary-pixels": {"weight": TERNARY, "input_type": None, "activation": TERNARY, "seed": 4},
    "raw-sums-between": {"widths": (6, 4), "weight": TERNARY, "input_type": None, "top_k": None},
}


@pytest.mark.parametrize(("interval", "stalls"), [(1, None), (11, 1), (60, None), (60, 2)])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tap_has_the_values_of_its_edge(lab, name, stalls, interval):
    network = lab.Mlp(**NETWORKS[name]).network()
    dataflow = compile_network(network, plan_for_interval(network, interval))
    frames = lab.random_frames(network, 4)
    trace = rtl_run(dataflow, frames, stalls)
    streams = lab.evaluate_dataflow(dataflow, frames)
    for node in dataflow.nodes:
        values = trace.values(node.name, dataflow.types[node.name], len(frames))
        np.testing.assert_array_equal(values, streams[node.name], err_msg=node.name)


@pytest.mark.parametrize("interval", [1, 2, 11, 60])
@pytest.mark.parametrize("name", NETWORKS)
def test_frames_leave_at_the_predicted_interval(lab, name, interval):
    network = lab.Mlp(**NETWORKS[name]).network()
    dataflow = compile_network(network, plan_for_interval(network, interval))
    trace = rtl_run(dataflow, lab.random_frames(network, 6))
    beats = dataflow.types[dataflow.output.name].beats_per_frame
    first = np.array(trace.cycles[dataflow.output.name])[::beats]
    assert np.diff(first)[-3:].tolist() == [frame_interval(dataflow)] * 3


@settings(max_examples=15)
@given(st.data())
def test_any_plan_keeps_values_and_interval(lab, data):
    network = data.draw(lab.mlps()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    frames = lab.random_frames(network, 12)
    trace = rtl_run(dataflow, frames)
    streams = lab.evaluate_dataflow(dataflow, frames)
    for node in dataflow.nodes:
        values = trace.values(node.name, dataflow.types[node.name], len(frames))
        np.testing.assert_array_equal(values, streams[node.name], err_msg=node.name)
    beats = dataflow.types[dataflow.output.name].beats_per_frame
    first = np.array(trace.cycles[dataflow.output.name])[::beats]
    assert set(np.diff(first)[-5:].tolist()) == {frame_interval(dataflow)}


def test_frames_enter_at_the_predicted_interval_once_all_buffers_are_full(lab):
    network = lab.Mlp().network()
    dataflow = compile_network(network, plan_for_interval(network, 11))
    trace = rtl_run(dataflow, lab.random_frames(network, 60))
    first = np.array(trace.cycles["image"])[:: dataflow.types["image"].beats_per_frame]
    assert np.diff(first)[-20:].tolist() == [frame_interval(dataflow)] * 20


def test_unequal_lanes_and_deep_fifos(lab):
    network = lab.Mlp().network()
    plan = parse_plan(
        '{"image": {"PE": 4}, "input_act": {"PE": 3}, "fc1": {"PE": 8, "SIMD": 2}, '
        '"fc2": {"PE": 3, "SIMD": 8}, "fc3": {"PE": 5, "SIMD": 2}, "label": {"PE": 1}}',
        network,
    )
    dataflow = compile_network(network, plan, fifo_depth_beats=5)
    frames = lab.random_frames(network, 6)
    for stalls in (None, 5):
        trace = rtl_run(dataflow, frames, stalls)
        label = trace.values("label", dataflow.types["label"], len(frames))
        expected = lab.evaluate_network(network, frames)["label"]
        np.testing.assert_array_equal(label[:, 0], expected)


def test_tlast_ends_each_frame_and_padding_is_zero(lab):
    network = lab.Mlp(top_k=None).network()
    foldings = {"image": (2,), "input_act": (2,), "fc1": (2, 3), "fc2": (3, 2), "fc3": (1, 6)}
    plan = FoldingPlan({name: Folding(*folding) for name, folding in foldings.items()})
    dataflow = compile_network(network, plan)
    result = dataflow.types["fc3"]
    assert (result.beats_per_frame, result.width_bits) == (5, 4)
    trace = rtl_run(dataflow, lab.random_frames(network, 3), stalls=2)
    assert trace.last == [0, 0, 0, 0, 1] * 3
    assert trace.data == trace.beats["fc3"]
    assert max(trace.data) < 1 << result.width_bits


def test_padding_of_the_input_is_ignored(lab):
    network = lab.Mlp(pixel=BIPOLAR, input_type=None).network()
    dataflow = compile_network(network, plan_for_interval(network, 60))
    frames = lab.random_frames(network, 3)
    stream = dataflow.types["image"]
    assert padded_width_bits(stream) > stream.width_bits
    trace = rtl_run(dataflow, frames, garbage=1)
    expected = lab.evaluate_network(network, frames)["label"]
    assert trace.beats["label"] == expected.ravel().tolist()


def test_vectors_of_a_frame(lab):
    stream = StreamType(uint_type(4), 3, 3, 4)
    table = ThresholdTable([[3], [7], [9]], [False, True, False], -1, BIPOLAR)
    dataflow = Dataflow(
        (
            StreamInput(name="image", edge="image", type=stream),
            Thresholding(
                name="act", inputs=("image",), edge="act", table=table, channels=3,
                folding=Folding(3),
            ),
        )
    )  # fmt: skip
    frames = np.random.default_rng(0).integers(0, 16, (3, 4, 3))
    trace = rtl_run(dataflow, frames)
    np.testing.assert_array_equal(
        trace.values("act", dataflow.types["act"], 3),
        lab.evaluate_dataflow(dataflow, frames)["act"],
    )
    assert trace.last == [0, 0, 0, 1] * 3


@pytest.mark.parametrize(("bits", "padded"), [(1, 8), (8, 8), (9, 16), (49, 56)])
def test_whole_bytes(bits, padded):
    assert padded_width_bits(StreamType(BIPOLAR, bits, bits)) == padded


@pytest.mark.parametrize(
    ("name", "clash"),
    [("accelerator", "accelerator"), ("aclk", "aclk"), ("x_valid", "x_valid"), ("rst", "rst")],
)
def test_names_must_not_meet(name, clash):
    network = Network(
        (
            Input(name="x", type=TensorType(BIPOLAR, (2,))),
            MatMul(name=name, inputs=("x",), weights=[[1, 1]], weight_type=BIPOLAR),
        )
    )
    dataflow = compile_network(network, plan_for_interval(network, 8))
    with pytest.raises(
        GraphError,
        match=rf"^names of layers must leave '{clash}' to one part of the top module: rename one$",
    ):
        Accelerator(dataflow)
