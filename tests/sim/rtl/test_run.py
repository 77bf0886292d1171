# SPDX-License-Identifier: Apache-2.0
"""Long runs, chosen streams, and what the waves show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vcd.reader import TokenKind, tokenize

import xnorflow.sim.rtl.run
from xnorflow.errors import GraphError, OutputError
from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import Dataflow, load_graph, uint_type
from xnorflow.ir.beats import payloads_of
from xnorflow.sim.rtl import RtlEngine, RtlTrace, Stalls

FRAMES = 40
CYCLE_NS = 10


@pytest.fixture(scope="module")
def design(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An accelerator that gives raw sums in several beats."""
    network = lab.Mlp(activation=uint_type(2), top_k=None).network()
    folder = tmp_path_factory.mktemp("design")
    write_design(compile_network(network, plan_for_interval(network, 60)), folder)
    return folder


@pytest.fixture(scope="module")
def frames(design: Path) -> np.ndarray:
    stream = load_graph(Dataflow, design).types["image"]
    size = (FRAMES, stream.vectors * stream.channels)
    return np.random.default_rng(0).integers(0, 256, size)


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xnorflow.sim.rtl.run, "FIRST_CHUNK_CYCLES", 100)
    monkeypatch.setattr(xnorflow.sim.rtl.run, "CHUNK_SECONDS", 0)


def assert_equal(got: RtlTrace, want: RtlTrace, frames: int = FRAMES) -> None:
    for name in got.values:
        np.testing.assert_array_equal(got.values[name], want.values[name][:frames], name)
        np.testing.assert_array_equal(got.cycles[name], want.cycles[name][:frames], name)


def test_progress(design: Path, frames: np.ndarray, short_chunks: None) -> None:
    calls: list[tuple[int, int]] = []
    engine = RtlEngine(design)
    trace = engine.run(frames, progress=lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert len(calls) == -(-trace.cycle_count // 100)
    assert done == sorted(done)
    assert done[0] < done[-1] == FRAMES
    assert {call[1] for call in calls} == {FRAMES}
    assert_equal(trace, engine.run(frames))


def test_interrupted(design: Path, frames: np.ndarray, short_chunks: None) -> None:
    """Ctrl-C between two chunks stops the run; the engine can run again."""
    engine = RtlEngine(design)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(frames, progress=interrupt)
    assert engine.run(frames).cycle_count > 100


def test_chosen_streams(design: Path, frames: np.ndarray) -> None:
    engine = RtlEngine(design)
    trace = engine.run(frames, Stalls(2), taps=("fc3",))
    assert list(trace.values) == ["fc3"]
    assert_equal(trace, engine.run(frames, Stalls(2)))


def test_unknown_streams(design: Path, frames: np.ndarray) -> None:
    with pytest.raises(GraphError, match=r"^no node is called 'fc9' \(there are: image, "):
        RtlEngine(design).run(frames, taps=("fc3", "fc9"))


def test_no_frames(design: Path, frames: np.ndarray) -> None:
    trace = RtlEngine(design).run(frames[:0])
    assert trace.cycle_count == 0
    assert {values.shape[0] for values in trace.values.values()} == {0}


@pytest.mark.parametrize("stalls", [None, Stalls(3)])
def test_waves_show_every_beat(
    design: Path, frames: np.ndarray, tmp_path: Path, stalls: Stalls | None
) -> None:
    """Read by another program: beats and cycles are those of a run without waves."""
    engine, path = RtlEngine(design), tmp_path / "waves.vcd"
    trace = engine.run(frames[:3], stalls, waves=path)
    assert_equal(trace, engine.run(frames, stalls), frames=3)
    shown = beats_in(path, list(trace.values))
    for name, stream in engine.dataflow.types.items():
        words = payloads_of(trace.values[name], stream)
        payloads = [sum(int(word) << (32 * i) for i, word in enumerate(row)) for row in words]
        want = list(zip(payloads, trace.cycles[name].reshape(-1).tolist(), strict=True))
        assert shown[name] == want, name


def beats_in(path: Path, names: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Payload and cycle of each beat on each stream of the top module, from a VCD file."""
    scope: list[str] = []
    ids: dict[str, str] = {}
    values: dict[str, int] = {}
    beats: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    time_ns, clock = 0, 0
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is TokenKind.VAR and scope == ["accelerator"]:
                ids[token.var.reference] = token.var.id_code
            elif token.kind is TokenKind.CHANGE_TIME:
                time_ns = token.time_change
                rises = time_ns % CYCLE_NS == CYCLE_NS // 2
                clock += rises
                for name in names if rises else ():
                    now = [values[ids[f"{name}_{wire}"]] for wire in ("valid", "ready", "payload")]
                    if now[0] and now[1]:
                        beats[name].append((now[2], time_ns // CYCLE_NS))
            elif token.kind is TokenKind.CHANGE_SCALAR:
                values[token.scalar_change.id_code] = int(token.scalar_change.value)
            elif token.kind is TokenKind.CHANGE_VECTOR:
                values[token.vector_change.id_code] = token.vector_change.value
    assert clock > 0
    return beats


def test_waves_that_cannot_be_written(design: Path, frames: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^cannot write .*waves\.vcd: the file cannot be made$"):
        RtlEngine(design).run(frames, waves=tmp_path / "missing" / "waves.vcd")
