# SPDX-License-Identifier: Apache-2.0
"""The gates engine against numpy and the RTL engine, and on designs that misbehave."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.errors import ArtifactError, ConfigError, DataError, SimulationError, ToolError
from xnorflow.hw.emit import write_design
from xnorflow.hw.families import Device
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import BIPOLAR, Dataflow, int_type, load_graph, uint_type
from xnorflow.sim.gates import GatesEngine
from xnorflow.sim.gates.library import open_netlist
from xnorflow.sim.rtl import ObjectCache, RtlEngine, Stalls

ECHO = """
  assign s_axis_tready = m_axis_tready;
  assign m_axis_tvalid = s_axis_tvalid;
  assign m_axis_tdata = s_axis_tdata;
  assign m_axis_tlast = 1;
"""

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def design(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small accelerator with 2-bit activations, threshold searches and a gearbox."""
    network = lab.Mlp(activation=uint_type(2), weight=int_type(2), top_k=2).network()
    folder = tmp_path_factory.mktemp("design")
    write_design(compile_network(network, plan_for_interval(network, 24)), folder)
    return folder


@pytest.fixture(scope="module")
def tiny(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer and a label, to be broken."""
    network = lab.Mlp(widths=(4, 2), pixel=BIPOLAR, input_type=None).network()
    folder = tmp_path_factory.mktemp("tiny")
    write_design(compile_network(network, plan_for_interval(network, 24)), folder)
    return folder


@pytest.fixture(scope="module")
def engine(design: Path, gates_cache: ObjectCache) -> GatesEngine:
    return GatesEngine(design, cache=gates_cache)


def frames_of(folder: Path, count: int) -> Array:
    stream = load_graph(Dataflow, folder).types["image"]
    values = np.arange(stream.element.min, stream.element.max + 1, stream.element.step)
    return np.random.default_rng(0).choice(values, (count, stream.vectors * stream.channels))


def labels_of(lab: Any, folder: Path, frames: Array) -> Array:
    want = lab.evaluate_dataflow(load_graph(Dataflow, folder), frames)
    return want["label"].reshape(len(frames), -1)


def check_against_rtl(engine: GatesEngine, folder: Path, frames: Array, stalls: Any) -> None:
    """With one lane the two engines see the same: beats, and the cycles in which they move."""
    rtl = RtlEngine(folder).run(frames, stalls)
    name = engine.dataflow.output.name
    trace = engine.run(frames, stalls, lanes=1)
    np.testing.assert_array_equal(trace.values, rtl.values[name])
    np.testing.assert_array_equal(trace.cycles, rtl.cycles[name])


@pytest.mark.parametrize("stalls", [None, Stalls(7), Stalls(8, 230, 0), Stalls(9, 0, 230)])
def test_values_are_numpys_and_cycles_the_rtl_engines(
    lab: Any, design: Path, engine: GatesEngine, stalls: Stalls | None
) -> None:
    frames = frames_of(design, 700)
    trace = engine.run(frames, stalls)
    assert trace.lanes == 512
    np.testing.assert_array_equal(trace.values, labels_of(lab, design, frames))
    rtl = RtlEngine(design).run(frames[:2], stalls)
    np.testing.assert_array_equal(trace.cycles, rtl.cycles["label"])
    check_against_rtl(engine, design, frames[:20], stalls)


@pytest.mark.parametrize("device", [Device.ICE40, Device.ECP5])
def test_families(lab: Any, design: Path, gates_cache: ObjectCache, device: Device) -> None:
    engine = GatesEngine(design, device, gates_cache)
    frames = frames_of(design, 40)
    np.testing.assert_array_equal(engine.run(frames).values, labels_of(lab, design, frames))
    for stalls in (None, Stalls(5)):
        check_against_rtl(engine, design, frames[:10], stalls)
    assert engine.facts.cells[{"ice40": "SB_LUT4", "ecp5": "LUT4"}[device]] > 50


@pytest.mark.parametrize("lanes", [1, 3, 64])
def test_lanes_in_use(lab: Any, design: Path, engine: GatesEngine, lanes: int) -> None:
    """Frame f of lane l is image f * lanes + l."""
    frames = frames_of(design, 65)
    trace = engine.run(frames, lanes=lanes)
    assert trace.cycles.shape == (-(-65 // lanes), 1)
    np.testing.assert_array_equal(trace.values, labels_of(lab, design, frames))


@pytest.mark.parametrize("word_lanes", [64, 128, 256])
@pytest.mark.slow
def test_words_of_fewer_lanes(
    lab: Any, design: Path, gates_cache: ObjectCache, word_lanes: int
) -> None:
    engine = GatesEngine(design, cache=gates_cache, word_lanes=word_lanes)
    frames = frames_of(design, 300)
    np.testing.assert_array_equal(engine.run(frames).values, labels_of(lab, design, frames))


@pytest.mark.slow
def test_gcc(lab: Any, design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    monkeypatch.setenv("XNORFLOW_CXX", "g++")
    frames = frames_of(design, 30)
    values = GatesEngine(design, cache=ObjectCache(tmp_path)).run(frames).values
    np.testing.assert_array_equal(values, labels_of(lab, design, frames))


def test_progress_and_no_frames(design: Path, engine: GatesEngine) -> None:
    seen: list[tuple[int, int]] = []
    engine.run(frames_of(design, 5), progress=lambda *now: seen.append(now))
    assert seen[-1] == (5, 5)
    assert engine.run(frames_of(design, 0)).values.shape == (0, 2)


def test_a_second_run_starts_from_reset(design: Path, engine: GatesEngine) -> None:
    frames = frames_of(design, 10)
    first, second = (engine.run(frames, Stalls(1)) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.cycles, second.cycles)


def test_the_cache_has_the_library(
    design: Path, engine: GatesEngine, gates_cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is synthesised twice; another family is another library."""
    monkeypatch.setattr("xnorflow.sim.gates.build.yosys_netlist", None)
    assert GatesEngine(design, cache=gates_cache).facts == engine.facts
    with pytest.raises(TypeError):
        GatesEngine(design, "xc7", gates_cache)


# ---- mistakes and misbehaviour ----------------------------------------------------------------


def test_user_errors(design: Path, engine: GatesEngine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^device must be one of ice40, ecp5, gowin, xc7, not '"):
        GatesEngine(design, "virtex")
    with pytest.raises(ConfigError, match=r"^word_lanes must be 64, 128, 256 or 512, not 100$"):
        GatesEngine(design, word_lanes=100)
    with pytest.raises(ConfigError, match=r"^lanes must be 1\.\.512, not 513$"):
        engine.run(frames_of(design, 3), lanes=513)
    with pytest.raises(DataError, match=r"^frames must have 12 values each"):
        engine.run(np.zeros((2, 3), int))
    with pytest.raises(ArtifactError):
        GatesEngine(tmp_path)


def test_too_few_cycles(design: Path, engine: GatesEngine) -> None:
    with pytest.raises(
        SimulationError, match=r"^0 of 3 images have left the netlist after max_cycles=20: allow"
    ):
        engine.run(frames_of(design, 3), max_cycles=20)


def edited(design: Path, folder: Path, *edits: tuple[str, str]) -> Path:
    """A copy with other pieces in its Verilog."""
    shutil.copytree(design, folder)
    text = (folder / "accelerator.v").read_text()
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "accelerator.v").write_text(text)
    return folder


TLAST = "assign m_axis_tlast = 1'h1"


def with_valid(expression: str) -> tuple[tuple[str, str], ...]:
    """Edits that change ``m_axis_tvalid``, which was ``label_valid``."""
    return (
        (".o__valid(m_axis_tvalid)", ".o__valid(label_valid)"),
        ("assign label_valid = m_axis_tvalid", f"assign m_axis_tvalid = {expression}"),
    )


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            ((TLAST, "assign m_axis_tlast = 1'h0"),),
            r"^m_axis_tlast must be high on the last of 1 beats .*: wrong on beat 0, cycle \d+$",
        ),
        (
            with_valid("label_valid & s_axis_tdata[0]"),
            r"^handshakes must not depend on data: the images differ in .* in cycle \d+$",
        ),
        (
            with_valid("label_valid & ~aresetn"),
            r"^standstill before cycle \d+, 0 of 9 images .*: each lane has taken \d+ beats and",
        ),
        (with_valid("label_valid | aresetn"), r"^cycle \d+: more beats than the images have"),
    ],
)
def test_broken_designs(
    tiny: Path, tmp_path: Path, gates_cache: ObjectCache, edits: Any, message: str
) -> None:
    engine = GatesEngine(edited(tiny, tmp_path / "broken", *edits), cache=gates_cache)
    with pytest.raises(SimulationError, match=message):
        engine.run(frames_of(tiny, 9), Stalls(8, 230, 0))


def test_verilog_that_yosys_does_not_read(
    tiny: Path, tmp_path: Path, gates_cache: ObjectCache
) -> None:
    broken = edited(tiny, tmp_path / "broken", (TLAST, "assign assign"))
    with pytest.raises(ToolError, match=r"^Yosys cannot synthesise accelerator\.v: .*rror"):
        GatesEngine(broken, cache=gates_cache)


@pytest.mark.parametrize(
    ("device", "cell", "message"),
    [
        (
            Device.ECP5,
            'DP16KD #(.REGMODE_B("OUTREG"), .DATA_WIDTH_B(36)) \\fc1.ram (.CLKB(aclk), '
            ".CEB(s_axis_tdata[0]), .DOB0(m_axis_tdata[0]));",
            r"^cell 'DP16KD_with_such_output_registers' is not .* \(layer 'fc1', cell fc1\.ram\.",
        ),
        (
            Device.ICE40,
            "SB_HFOSC clock (.CLKHFEN(s_axis_tdata[0]), .CLKHF(m_axis_tdata[0]));",
            r"^cell 'SB_HFOSC' of ice40 is not supported by the gates engine$",
        ),
        (
            None,
            "reg q; always @(negedge aclk) q <= s_axis_tdata[0]; assign m_axis_tdata = q;",
            r"^every cell must be clocked by the rising edge of aclk: '\$_DFF_P_' is not \(the top",
        ),
        (
            None,
            "reg q; always @* if (s_axis_tdata[1]) q = s_axis_tdata[0]; assign m_axis_tdata = q;",
            r"^cell '\$_\w+_' is not supported by the gates engine \(the top module, cell ",
        ),
        (
            None,
            "wire x, y; assign x = !(y & s_axis_tdata[0]), y = !(x & s_axis_tdata[1]), "
            "m_axis_tdata = x;",
            r"^the netlist has a loop of gates",
        ),
    ],
)
def test_netlists_that_are_refused(
    build: Callable[..., Path], device: Device | None, cell: str, message: str
) -> None:
    body = ECHO.replace("assign m_axis_tdata = s_axis_tdata;", "")
    with pytest.raises(SimulationError, match=message):
        build(body + cell, 8, device)


def test_a_netlist_that_is_not_refused(build: Callable[..., Path]) -> None:
    """The same module without such a cell."""
    with open_netlist(build(ECHO)) as simulator:
        assert simulator.facts["flip_flops"] == 0
        assert (simulator.s_width_bits, simulator.m_width_bits) == (8, 8)
