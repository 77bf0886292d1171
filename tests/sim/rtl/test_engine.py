# SPDX-License-Identifier: Apache-2.0
"""The RTL engine against numpy, Icarus Verilog and Verilator, and on designs that misbehave."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import ArtifactError, ConfigError, DataError, SimulationError, ToolError
from xnorflow.hw.emit import write_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import compile_network, default_plan, parse_plan
from xnorflow.ir import BIPOLAR, TERNARY, Dataflow, int_type, load_graph, uint_type
from xnorflow.sim.rtl import ObjectCache, RtlEngine, Stalls
from xnorflow.sim.stalls import mix
from xnorflow.sim.verilog import (
    lint_with_verilator,
    simulate_with_iverilog,
    simulate_with_verilator,
)
from xnorflow.toolchain import find_tool


@pytest.fixture(scope="module")
def design(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small accelerator with every kind of layer, 2-bit activations and a gearbox."""
    network = lab.Mlp(activation=uint_type(2), weight=int_type(2), top_k=2).network()
    folder = tmp_path_factory.mktemp("design")
    folding = '{"fc1": {"PE": 4, "SIMD": 3}, "fc2": {"PE": 3, "SIMD": 4}, "fc3": {"SIMD": 3}}'
    write_design(compile_network(network, parse_plan(folding, network)), folder)
    return folder


@pytest.fixture
def broken(design: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    folder = tmp_path / "broken"
    shutil.copytree(design, folder)
    return folder


def frames_of(folder: Path, count: int, seed: int = 0) -> np.ndarray:
    stream = load_graph(Dataflow, folder).types["image"]
    values = np.arange(stream.element.min, stream.element.max + 1, stream.element.step)
    return np.random.default_rng(seed).choice(values, (count, stream.vectors * stream.channels))


def edit(folder: Path, pattern: str, replacement: str) -> None:
    """Replace ``pattern`` in the Verilog, where it must stand exactly once."""
    path = folder / "accelerator.v"
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1
    path.write_text(text)


@pytest.mark.parametrize("stalls", [None, Stalls(7), Stalls(8, 230, 0), Stalls(9, 0, 230)])
def test_every_stream_equals_numpy(lab: Any, design: Path, stalls: Stalls | None) -> None:
    dataflow = load_graph(Dataflow, design)
    frames = frames_of(design, 30)
    want = lab.evaluate_dataflow(dataflow, frames)
    trace = RtlEngine(design).run(frames, stalls)
    for name, stream in dataflow.types.items():
        np.testing.assert_array_equal(trace.values[name], want[name].reshape(30, -1), name)
        assert trace.cycles[name].shape == (30, stream.beats_per_frame)
        assert np.all(np.diff(trace.cycles[name].reshape(-1)) > 0)
    assert trace.cycle_count > trace.cycles["label"][-1, -1]


def test_cycles_between_frames_are_those_predicted(design: Path) -> None:
    trace = RtlEngine(design).run(frames_of(design, 20))
    assert set(np.diff(trace.cycles["label"][:, -1])[10:]) == {
        frame_interval(load_graph(Dataflow, design))
    }


@pytest.mark.parametrize("tool", ["iverilog", "verilator"])
@pytest.mark.parametrize("stalls", [None, Stalls(3), Stalls(4, 200, 200)])
def test_second_opinions_agree_in_values_and_cycles(
    design: Path, tool: str, stalls: Stalls | None
) -> None:
    if find_tool(tool) is None:
        pytest.skip(f"{tool} is not installed")
    simulate = simulate_with_iverilog if tool == "iverilog" else simulate_with_verilator
    frames = frames_of(design, 8)
    trace = RtlEngine(design).run(frames, stalls)
    port = simulate(design, frames, stalls)
    np.testing.assert_array_equal(port.values, trace.values["label"])
    np.testing.assert_array_equal(port.cycles, trace.cycles["label"])


def test_lint_is_silent_and_would_speak(design: Path, broken: Path) -> None:
    if find_tool("verilator") is None:
        pytest.skip("verilator is not installed")
    assert lint_with_verilator(design) == ()
    stray = "  wire stray, copy;\n  assign copy = stray;\n"
    edit(broken, r"(?m)^(module accelerator\(.*\n)", rf"\1{stray}")
    message, *_ = lint_with_verilator(broken)
    assert message.startswith("%Warning-UNDRIVEN: accelerator.v:")


def test_stalls_follow_from_the_seed(design: Path) -> None:
    engine, frames = RtlEngine(design), frames_of(design, 6)
    first, again, other = (engine.run(frames, Stalls(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.cycles["label"], again.cycles["label"])
    assert np.any(first.cycles["image"] != other.cycles["image"])
    np.testing.assert_array_equal(first.values["label"], other.values["label"])


def test_the_sink_is_ready_when_its_stalls_say_so(design: Path) -> None:
    stalls = Stalls(5, 0, 128)
    trace = RtlEngine(design).run(frames_of(design, 10), stalls)
    goes = stalls.sink_goes(trace.cycle_count)
    assert goes[trace.cycles["label"].reshape(-1)].all()
    assert 0.4 < goes.mean() < 0.6


def test_mix_is_a_bijection_on_a_sample() -> None:
    """Known values of MurmurHash3's finaliser: 0 stays, 1 goes to 0x514e28b7."""
    assert mix(0) == 0
    assert mix(1) == 0x514E28B7


def test_a_standstill_is_explained(broken: Path) -> None:
    """Layer fc2 sees no beat and takes none."""
    edit(
        broken,
        r" fc2 \(\n(.*\n.*)\n +\.i__ready\(\w+\),\n +\.i__valid\(\w+\)",
        r" fc2 (\n\1\n.i__ready(),\n.i__valid(1'h0)",
    )
    message = r"f\w+_fc2 holds a beat that fc2 does not take \(0 beats moved, \d+ a frame\); .*"
    with pytest.raises(SimulationError, match=rf"{message}m_axis waits for a beat of label"):
        RtlEngine(broken).run(frames_of(broken, 20))


def test_a_beat_taken_twice_is_found(broken: Path) -> None:
    """Nothing tells the source that its beats are taken."""
    edit(broken, r"\.i__ready\(s_axis_tready\)", ".i__ready()")
    with pytest.raises(
        SimulationError, match=r"^cycle \d+: more beats than 2 frames have on fifo_"
    ):
        RtlEngine(broken).run(frames_of(broken, 2))


def test_too_few_cycles(design: Path) -> None:
    with pytest.raises(SimulationError, match=r"\b40\b"):
        RtlEngine(design).run(frames_of(design, 30), max_cycles=40)


def test_compiled_once(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ObjectCache(tmp_path / "cache")
    frames = frames_of(design, 3)
    first = RtlEngine(design, cache).run(frames)
    (library,) = cache.folder.iterdir()
    monkeypatch.setattr(
        "xnorflow.sim.rtl.simulator.translate", lambda *_: pytest.fail("translated again")
    )
    again = RtlEngine(design, cache).run(frames)
    np.testing.assert_array_equal(first.values["label"], again.values["label"])
    assert list(cache.folder.iterdir()) == [library]


def test_other_memory_contents_are_another_simulator(broken: Path, tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache")
    RtlEngine(broken, cache)
    path = broken / "fc1_weights.mem"
    path.write_text("0" + path.read_text()[1:])
    RtlEngine(broken, cache)
    assert len(list(cache.folder.iterdir())) == 2


def test_waves(design: Path, tmp_path: Path) -> None:
    """The label's payload in the waves is the label in the trace, at the same cycles."""
    path = tmp_path / "waves.vcd"
    trace = RtlEngine(design).run(frames_of(design, 3), waves=path)
    text = path.read_text()
    assert "$enddefinitions" in text
    for name in ("aclk", "label_valid", "fc1_payload"):
        assert re.search(rf"\$var \w+ \d+ \S+ {name} ", text), name
    assert f"#{10 * int(trace.cycles['label'][-1, -1])}\n" in text


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 3), np.int64), r"12"),
        (np.full((2, 12), 300), r"UINT8"),
    ],
)
def test_wrong_frames(design: Path, frames: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        RtlEngine(design).run(frames)


def test_wrong_stalls() -> None:
    with pytest.raises(
        ConfigError, match=r"^sink_probability must be 0\.\.255 \(in 1/256\), not 256$"
    ):
        Stalls(0, 0, 256)
    with pytest.raises(ConfigError, match=r"^seed of the stalls must be 0\.\."):
        Stalls(-1)


def test_missing_parts(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (broken / "accelerator.v").unlink()
    with pytest.raises(ArtifactError, match=r"accelerator\.v is missing"):
        RtlEngine(broken)
    monkeypatch.setenv("XNORFLOW_CXX", "no-such-compiler")
    with pytest.raises(ToolError, match=r"no-such-compiler"):
        find_tool("c++")


def test_broken_verilog_is_a_tool_error(broken: Path) -> None:
    (broken / "accelerator.v").write_text("module accelerator(;\n")
    with pytest.raises(ToolError, match=r"^Yosys cannot translate accelerator\.v: .*rror"):
        RtlEngine(broken)


@pytest.mark.slow
@settings(max_examples=25)
@given(data=st.data())
def test_any_network(lab: Any, data: st.DataObject, tmp_path_factory: Any) -> None:
    network = data.draw(lab.mlps()).network()
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    folder = tmp_path_factory.mktemp("any")
    write_design(dataflow, folder)
    frames = lab.random_frames(network, 4)
    want = lab.evaluate_dataflow(dataflow, frames)
    trace = RtlEngine(folder, ObjectCache(folder / "cache")).run(
        frames.reshape(4, -1), Stalls(data.draw(st.integers(0, 99)))
    )
    for name in dataflow.types:
        np.testing.assert_array_equal(trace.values[name], want[name].reshape(4, -1), name)


@pytest.mark.parametrize("weight", [BIPOLAR, TERNARY, int_type(4)])
def test_kinds_of_weights(lab: Any, tmp_path: Path, weight: Any) -> None:
    network = lab.Mlp(widths=(16, 8, 4), weight=weight, activation=TERNARY).network()
    dataflow = compile_network(network, default_plan(network))
    write_design(dataflow, tmp_path)
    frames = lab.random_frames(network, 5)
    want = lab.evaluate_dataflow(dataflow, frames)
    trace = RtlEngine(tmp_path).run(frames.reshape(5, -1), Stalls(1))
    np.testing.assert_array_equal(trace.values["label"], want["label"].reshape(5, -1))
