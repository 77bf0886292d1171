# SPDX-License-Identifier: Apache-2.0
"""``build``, ``estimate`` and ``simulate`` as commands, and the mistakes that users make."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import error_of, json_of

from xnorflow.cli import main
from xnorflow.hw.build import build
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Dataflow,
    Flatten,
    Input,
    MatMul,
    Network,
    Pipelining,
    TensorType,
    Threshold,
    ThresholdTable,
    load_graph,
    save_graph,
    uint_type,
)

START_TIMEOUT_S = 120


def write_model(run: Path, width: int) -> None:
    """A random W1A1 network 64-width-10 as ``run/model``."""
    rng = np.random.default_rng(0)
    signs = np.array([-1, 1])
    table = ThresholdTable(rng.integers(-99, 99, (width, 1)), np.zeros(width, bool), -1, BIPOLAR)
    network = Network(
        (
            Input(name="image", type=TensorType(uint_type(8), (8, 8, 1))),
            Flatten(name="flat", inputs=("image",)),
            MatMul(
                name="fc1",
                inputs=("flat",),
                weights=rng.choice(signs, (width, 64)),
                weight_type=BIPOLAR,
            ),
            Threshold(name="act1", inputs=("fc1",), table=table),
            MatMul(
                name="fc2",
                inputs=("act1",),
                weights=rng.choice(signs, (10, width)),
                weight_type=BIPOLAR,
            ),
            ArgMax(name="label", inputs=("fc2",)),
        )
    )
    (run / "model").mkdir(parents=True)
    save_graph(network, run / "model")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN folder with a model only."""
    folder = tmp_path / "run"
    write_model(folder, 32)
    return folder


def test_build_meets_its_target_and_estimate_agrees(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--target-fps", "200000", "--clock-mhz", "50")
    built = json_of(capsys, "build", str(run), *options)
    assert built["throughput_fps"] >= 200_000
    assert built["interval_cycles"] <= 250
    assert built["memory"]["weight_bits"] == 64 * 32 + 32 * 10
    estimated = json_of(capsys, "estimate", str(run))
    assert estimated == {key: value for key, value in built.items() if key != "rtl"}
    halved = json_of(capsys, "estimate", str(run), "--clock-mhz", "25")
    assert halved["throughput_fps"] == built["throughput_fps"] / 2


def test_pruned_tiles_are_skipped_unless_it_is_to_be_dense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "pruned"
    write_model(run, 32)
    network = load_graph(Network, run / "model")
    nodes = list(network.nodes)
    fc1 = nodes[2]
    assert isinstance(fc1, MatMul)
    kept = np.kron(np.eye(8, dtype=np.int8), np.ones((4, 8), np.int8))
    nodes[2] = replace(fc1, weights=fc1.weights * kept, weight_type=TERNARY)
    save_graph(Network(tuple(nodes)), run / "model")
    file = tmp_path / "folding.json"
    file.write_text('{"fc1": {"PE": 4, "SIMD": 8}, "fc2": {"PE": 2, "SIMD": 8}}')
    built = {
        options: json_of(capsys, "build", str(run), "--folding", str(file), "--force", *options)
        for options in ((), ("--dense",))
    }
    rows = [
        next(layer for layer in document["layers"] if layer["name"] == "fc1")
        for document in built.values()
    ]
    assert [(row["kind"], row["cycles"], row["memory"]["weight_bits"]) for row in rows] == [
        ("sparse_mvau", 8, 8 * (32 + 4)),
        ("mvau", 64, 64 * 64),
    ]
    targets = (("build", str(run), "--target-fps", "500000", "--force"), ("--dense",))
    sparse, dense = json_of(capsys, *targets[0]), json_of(capsys, *targets[0], *targets[1])
    assert sparse["memory"]["weight_bits"] < dense["memory"]["weight_bits"]
    assert {layer["kind"] for layer in dense["layers"]}.isdisjoint({"sparse_mvau"})


def test_same_inputs_same_bytes(run: Path) -> None:
    assert main(["build", str(run)]) == 0
    first = {path.name: path.read_bytes() for path in (run / "rtl").iterdir()}
    assert main(["build", str(run), "--force"]) == 0
    assert {path.name: path.read_bytes() for path in (run / "rtl").iterdir()} == first


def test_an_edited_folding_file_is_used(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(run)]) == 0
    plan = json.loads((run / "rtl" / "folding.json").read_text())
    plan["fc1"] = {"PE": 8, "SIMD": 16}
    file = run / "mine.json"
    file.write_text(json.dumps(plan))
    capsys.readouterr()
    built = json_of(capsys, "build", str(run), "--folding", str(file), "--force")
    (fc1,) = [layer for layer in built["layers"] if layer["name"] == "fc1"]
    assert (fc1["pe"], fc1["simd"], fc1["cycles"]) == (8, 16, 4 * 4)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"fc1": {"PE": 1, "SIMD": 5}},
            "error: simd must divide mw=64, not 5 (layer 'fc1'; legal: 1, 2, 4, 8, 16, 32, 64)",
        ),
        ({"fc9": {"PE": 1}}, "error: no layer is called 'fc9': did you mean 'fc"),
        ({"fc1": {"PEE": 1}}, "error: mvau 'fc1' has no key 'PEE': did you mean 'PE'?"),
    ],
)
def test_wrong_folding_files(
    run: Path, capsys: pytest.CaptureFixture[str], plan: dict[str, Any], message: str
) -> None:
    file = run / "plan.json"
    file.write_text(json.dumps(plan))
    assert error_of(capsys, "build", str(run), "--folding", str(file)).startswith(message)
    assert not (run / "rtl").exists()


def test_mistakes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(capsys, "build", str(run / "nowhere")).endswith(
        "nowhere is not a RUN folder: there is no such folder"
    )
    assert error_of(capsys, "estimate", str(run)).endswith(
        f"has no rtl: run `xnorflow build {run}` first"
    )
    assert (
        error_of(capsys, "build", str(run), "--target-fps", "1", "--folding", "f.json")
        == "error: give a folding file or a target rate, not both"
    )
    assert error_of(capsys, "build", str(run), "--target-fps", "1e12").startswith(
        "error: 1e+12 frames/s at 100 MHz is out of reach: "
    )
    assert error_of(capsys, "simulate", str(run), "--waves", "w.vcd").startswith(
        "error: waves need the rtl engine"
    )
    assert error_of(
        capsys, "simulate", str(run), "--engine", "gates", "--waves", "w.vcd"
    ).startswith("error: waves need the rtl engine: a netlist has other signals")
    for engine in ("reference", "rtl"):
        assert error_of(
            capsys, "simulate", str(run), "--engine", engine, "--device", "ecp5"
        ).startswith("error: a device (ecp5) needs the gates engine")
    assert error_of(capsys, "simulate", str(run), "--stall-seed", "1") == (
        "error: stalls need the rtl or gates engine: the reference has no streams"
    )
    assert error_of(capsys, "simulate", str(run)).endswith(
        "has no recipe, so name the images: --data NAME or PATH"
    )
    assert error_of(capsys, "build", str(run), "--top-k", "11").startswith(
        "error: argmax of k=11 takes a vector of 11 or more"
    )


def test_a_model_of_another_schema_version(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "model" / "network.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"schema_version": 99}))
    message = error_of(capsys, "build", str(run))
    assert message.startswith(f"error: {path} has schema version 99, this xnorflow reads ")


def test_simulate_on_digits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RTL and reference give the same labels of images that are named on the command line."""
    assert main(["build", str(run)]) == 0
    capsys.readouterr()
    images = ("--data", "digits", "--images", "12")
    software = json_of(capsys, "simulate", str(run), *images)
    waves = run / "waves.vcd"
    hardware = json_of(
        capsys, "simulate", str(run), "--engine", "rtl", *images, "--waves", str(waves)
    )
    assert software["outputs"] == hardware["outputs"]
    assert len(software["outputs"]) == 12
    assert hardware["cycles"] > 0
    assert "$enddefinitions" in waves.read_text()


def test_simulate_gates(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The netlist gives the labels of the software, and takes the RTL's cycles for a frame."""
    assert main(["build", str(run)]) == 0
    capsys.readouterr()
    images = ("--data", "digits", "--images", "12")
    software = json_of(capsys, "simulate", str(run), *images)
    stalls = ("--stall-seed", "3")
    gates = json_of(capsys, "simulate", str(run), "--engine", "gates", *images, *stalls)
    one = ("--data", "digits", "--images", "1")
    rtl = json_of(capsys, "simulate", str(run), "--engine", "rtl", *one, *stalls)
    assert gates["outputs"] == software["outputs"]
    assert (gates["cycles"], gates["lanes"]) == (rtl["cycles"], 12)
    assert gates["netlist"]["gates"] > 0
    assert main(["simulate", str(run), "--engine", "gates", *images]) == 0
    assert re.search(
        r"^netlist: [\d,]+ cells; [\d,]+ gates, .*\n"
        r"cycles: [\d,]+ in each of 12 lanes \([\d,]+ simulated a second\)\n"
        r"compiled: \d+\.\d s \(kept for the next time\)$",
        capsys.readouterr().out,
        re.MULTILINE,
    )


def test_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_model(run, 2048)
    command = [sys.executable, "-m", "xnorflow", "build", str(run), "--target-fps", "1e6"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    partial = run / ".rtl.partial"
    deadline = time.monotonic() + START_TIMEOUT_S
    while not partial.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "interrupted"
    assert [path.name for path in run.iterdir()] == ["model"]


def test_a_run_folder_may_be_moved(run: Path, tmp_path: Path) -> None:
    assert main(["build", str(run)]) == 0
    moved = tmp_path / "elsewhere"
    shutil.move(run, moved)
    assert main(["estimate", str(moved)]) == 0


def test_explore_writes_a_curve_and_folding_files_that_build(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json_of(capsys, "explore", str(run), "--device", "ice40", "--points", "5")
    folder = run / "explore"
    assert json.loads((folder / "curve.json").read_text())["points"] == found["points"]
    assert found["device"] == "ice40"
    assert "</svg>" in (folder / "curve.svg").read_text()
    assert len(found["points"]) >= 3
    for point in found["points"]:
        file = str(folder / point["folding"])
        built = json_of(capsys, "build", str(run), "--folding", file, "--force")
        assert built["interval_cycles"] == point["interval_cycles"]
    assert error_of(capsys, "explore", str(run)).endswith(
        "explore exists already: choose another, or use --force"
    )
    assert main(["explore", str(run), "--points", "2", "--force"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == [
        "frames/s",
        "cycles",
        "LUT",
        "FF",
        "BRAM",
        "DSP",
        "slowest",
        "layer",
    ]
    assert any(line.startswith("build a point: xnorflow build ") for line in table)


def test_explore_without_matplotlib(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["explore", str(run), "--points", "2"]) == 0
    assert "plot: none: pip install 'xnorflow[plot]'" in capsys.readouterr().out
    assert not (run / "explore" / "curve.svg").exists()


def test_build_keeps_a_budget(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = json_of(capsys, "build", str(run), "--device", "ice40", "--max-lut", "900")
    large = json_of(capsys, "build", str(run), "--device", "ice40", "--max-lut", "5000", "--force")
    assert small["resources"]["luts"] <= 900 < large["resources"]["luts"] <= 5000
    assert large["interval_cycles"] < small["interval_cycles"]
    shutil.rmtree(run / "rtl")
    assert error_of(capsys, "build", str(run), "--max-lut", "900") == (
        "error: a budget needs a device: which FPGA family is it of?"
    )
    fast = ("--target-fps", "1e7", "--device", "ice40", "--max-lut", "900")
    assert re.fullmatch(
        r"error: the design for 1e\+07 frames/s at 100 MHz does not fit: "
        r"it takes [\d,]+ LUTs of 900 on ice40",
        error_of(capsys, "build", str(run), *fast),
    )
    assert not (run / "rtl").exists()


def test_weights_that_block_ram_has_no_room_for(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One block RAM does for the rest; at a given rate too."""
    limits = ("--device", "ice40", "--max-lut", "700", "--max-bram", "1", "--max-spram", "4")
    for rate in ((), ("--target-fps", "50000")):
        built = json_of(capsys, "build", str(run), *limits, *rate, "--force")
        assert (built["resources"]["block_rams"], built["resources"]["sprams"]) == (1, 1)
        folding = json.loads((run / "rtl" / "folding.json").read_text())
        places = [entry.get("ram_style") for entry in folding.values()]
        assert "spram" in places
    assert main(["estimate", str(run), "--device", "ice40"]) == 0
    text = capsys.readouterr().out
    assert re.search(r" LUT +FF +BRAM +DSP +SPRAM +beats$", text, re.MULTILINE)
    assert re.search(r"^about .*, [1-4] SPRAM on ice40 \(estimated\)$", text, re.MULTILINE)
    assert error_of(capsys, "build", str(run), *limits[:2], "--max-spram", "4") == (
        "error: SPRAMs serve where block RAMs do not suffice: give a budget of block RAMs too"
    )
    assert re.fullmatch(
        r"error: weights in spram must be built for ice40 \(--device ice40\), not as plain Verilog "
        r"\(layer 'fc\d'\)",
        error_of(capsys, "build", str(run), *limits, "--portable", "--force"),
    )


PRIMITIVES = {"ice40": "SB_CARRY", "ecp5": "CCU2C", "gowin": "ALU", "xc7": "LUT6_2"}


@pytest.mark.parametrize("device", PRIMITIVES)
def test_a_device_has_its_cells_unless_it_is_to_be_portable(
    run: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    folding = run / "folding.json"
    folding.write_text('{"fc1": {"PE": 4, "SIMD": 8}, "fc2": {"PE": 2, "SIMD": 8}}')
    options = ("build", str(run), "--device", device, "--folding", str(folding), "--force")
    families = {}
    for portable in ((), ("--portable",)):
        json_of(capsys, *options, *portable)
        text = (run / "rtl" / "accelerator.v").read_text()
        instances = {name for name in PRIMITIVES.values() if re.search(rf"(?m)^  {name}\b", text)}
        families[portable] = instances, set(re.findall(r"\bdevice=(\w+)", text))
    assert families == {(): ({PRIMITIVES[device]}, {device}), ("--portable",): (set(), set())}


def test_another_family_than_it_is_built_for_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_of(capsys, "build", str(run), "--device", "ecp5", "--target-fps", "500000")
    refused = (
        "error: the design is built for ecp5, not xc7: build it with --device xc7 or --portable"
    )
    gates = ("--engine", "gates", "--device", "xc7", "--images", "2")
    assert error_of(capsys, "synth", str(run), "--device", "xc7") == refused
    assert error_of(capsys, "simulate", str(run), *gates, "--data", "digits") == refused
    assert error_of(capsys, "verify", str(run), *gates, "--data", "digits") == refused


def test_profile(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(run)]) == 0
    capsys.readouterr()
    profile = json_of(capsys, "profile", str(run))
    for layer in profile["layers"]:
        assert layer["busy"] + layer["starved"] + layer["blocked"] == profile["interval_cycles"]
    assert main(["profile", str(run)]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^fc1 +mvau +[\d,]+ +[\d,]+ +[\d,]+$", text, re.MULTILINE)
    assert re.search(
        r"^[\d,]+ cycles a frame after \d+ frames; latency [\d,]+ cycles; ", text, re.M
    )


def test_target_clock(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = run / "folding.json"
    file.write_text('{"fc1": {"PE": 4}, "fc2": {"PE": 2, "SIMD": 16, "ram_style": "block"}}')
    options = ("build", str(run), "--device", "ecp5", "--force", "--folding", str(file))
    slow = json_of(capsys, *options, "--target-mhz", "20")
    fast = json_of(capsys, *options, "--target-mhz", "110")
    none, all_of_them = ({"operands": o, "levels": n} for o, n in ((False, 2), (True, 1)))
    assert slow["clock"]["pipelining"] == {"fc1": none, "fc2": none}
    assert fast["clock"]["pipelining"]["fc1"] == none
    assert fast["clock"]["pipelining"]["fc2"]["operands"]
    assert fast["clock"]["target_mhz"] == fast["clock_mhz"] == 110
    assert fast["clock"]["expected_mhz"] >= 110
    assert fast["resources"]["flip_flops"] > slow["resources"]["flip_flops"]
    assert json.loads((run / "rtl" / "build.json").read_text())["target_mhz"] == 110
    usual = json_of(capsys, *options)
    assert "clock" not in usual
    assert usual["clock_mhz"] == 100
    dataflow = load_graph(Dataflow, run / "rtl")
    assert dataflow.node("fc2").pipelining == Pipelining(**all_of_them)
    assert json_of(capsys, *options, "--target-mhz", "20", "--clock-mhz", "10")["clock_mhz"] == 10


def test_target_clock_in_words(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(run), "--device", "ice40", "--target-mhz", "50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(
        re.fullmatch(r"about \d+ MHz expected \(layer \w+\), 50 MHz asked for", line)
        for line in lines
    )
    assert "pipelining of fc1, fc2: 2 levels of adders a stage" in lines


def test_mistakes_with_a_target_clock(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = ("build", str(run))
    assert error_of(capsys, *build, "--target-mhz", "100") == (
        "error: a target clock needs a device: on which FPGA family?"
    )
    ecp5 = (*build, "--device", "ecp5", "--target-mhz")
    assert error_of(capsys, *ecp5, "-5") == "error: target_mhz must be positive, not -5"
    assert re.fullmatch(
        r"error: 900 MHz is out of reach on ecp5: the best expected is \d+ MHz, which layer "
        r"'\w+' bounds",
        error_of(capsys, *ecp5, "900"),
    )
    assert error_of(capsys, *build, "--device", "xc7", "--target-mhz", "100").startswith(
        "error: no clock can be expected on xc7: its delays were not measured"
    )
    assert not (run / "rtl").exists()


def test_build_tells_what_it_does(tmp_path: Path) -> None:
    write_model(tmp_path / "run", 4)
    seen: list[tuple[str, int, int]] = []
    build(tmp_path / "run", progress=lambda *now: seen.append(now))
    assert [done for _, done, _ in seen] == [0, 1, 0, 1]
    assert seen[0][0] == seen[1][0] != seen[2][0] == seen[3][0]
