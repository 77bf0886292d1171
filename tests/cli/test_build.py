# SPDX-License-Identifier: Apache-2.0
"""``build``, ``estimate`` and ``simulate`` as commands, and the mistakes that users make."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.cli import main
from xnorflow.ir import (
    BIPOLAR,
    ArgMax,
    Flatten,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
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


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints with ``--json``."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command with a mistake prints."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.rstrip("\n")


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
