# SPDX-License-Identifier: Apache-2.0
"""``xnorflow export --to finn``: a folder that is complete or absent, the same bytes each time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from commands import error_of, json_of
from finn_networks import NETWORKS
from lab import Mlp
from naive import naive_edges

from xnorflow.cli import main
from xnorflow.finn.exported import export_finn
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.ir import Network
from xnorflow.rundir import load_network, save_network

FILES = (
    "build.py",
    "config.json",
    "expected_output.npy",
    "folding.json",
    "input.npy",
    "model.onnx",
)


def saved(tmp_path: Path, network: Network) -> Path:
    return save_network(network, tmp_path / "run").root


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A perceptron of one bit."""
    return saved(tmp_path, Mlp().network())


def test_the_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "--to", "finn"]) == 0
    folder = run / "export" / "finn"
    assert capsys.readouterr().out == (
        "folding of 5 layers, as in a default build, as there is no RUN/rtl\n"
        f"wrote {folder}: build.py, config.json, folding.json, model.onnx (10 nodes), images\n"
    )
    assert tuple(sorted(path.name for path in folder.iterdir())) == FILES
    other = tmp_path / "other"
    assert main(["export", str(run), "--to", "finn", "-o", str(other)]) == 0
    assert all((other / name).read_bytes() == (folder / name).read_bytes() for name in FILES)


def test_settings_and_script(run: Path) -> None:
    folder = export_finn(run).folder
    assert json.loads((folder / "config.json").read_text()) == {
        "output_dir": "output",
        "synth_clk_period_ns": 10.0,
        "board": "Pynq-Z1",
        "shell_flow_type": "vivado_zynq",
        "folding_config_file": "folding.json",
        "generate_outputs": [
            "estimate_reports",
            "stitched_ip",
            "rtlsim_performance",
            "bitfile",
            "pynq_driver",
            "deployment_package",
        ],
        "verify_steps": ["initial_python", "streamlined_python", "stitched_ip_rtlsim"],
        "verify_input_npy": "input.npy",
        "verify_expected_output_npy": "expected_output.npy",
    }
    script = (folder / "build.py").read_text()
    compile(script, "build.py", "exec")
    assert os.access(folder / "build.py", os.X_OK)
    assert all(name in script for name in ("config.json", "folding.json", "model.onnx"))


def test_images_and_what_they_give(run: Path) -> None:
    folder = export_finn(run).folder
    images, labels = (np.load(folder / f"{name}.npy") for name in ("input", "expected_output"))
    assert (images.shape, images.dtype) == ((2, 2, 6), np.float32)
    network = load_network(run)
    frames = np.moveaxis(images, 1, -1).astype(np.uint8)
    np.testing.assert_array_equal(naive_edges(network, frames)["label"], labels)


def test_folding_and_clock_are_those_of_the_build(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folding = run / "folding.json"
    folding.write_text('{"fc1": {"PE": 4, "SIMD": 6}, "MVAU_hls_1": {"PE": 2, "SIMD": 4}}')
    arguments = ["--folding", str(folding), "--clock-mhz", "50", "--no-simplify"]
    assert main(["build", str(run), *arguments]) == 0
    capsys.readouterr()
    result = json_of(capsys, "export", str(run), "--to", "finn")
    assert result["is_built"] is True
    folder = Path(result["folder"])
    keys = json.loads((folder / "folding.json").read_text())
    assert keys["MVAU_hls_0"] == {"PE": 4, "SIMD": 6}
    assert keys["MVAU_hls_1"] == {"PE": 2, "SIMD": 4}
    assert json.loads((folder / "config.json").read_text())["synth_clk_period_ns"] == 20.0


def test_what_it_wrote_can_be_imported_and_built(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = export_finn(run).folder
    network = import_qonnx(folder / "model.onnx").network
    back = save_network(network, tmp_path / "back").root
    assert main(["build", str(back), "--folding", str(folder / "folding.json")]) == 0


def test_changes_and_warnings_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = saved(tmp_path, NETWORKS["W1A1 padded"].network())
    assert main(["export", str(run), "--to", "finn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "changed for FINN: edge 'act1' is TERNARY, not BIPOLAR: it is padded with 0" in lines
    assert not any(line.startswith("warning") for line in lines)
    run = save_network(NETWORKS["W2A2 padded maximum"].network(), tmp_path / "other").root
    assert main(["export", str(run), "--to", "finn"]) == 0
    assert capsys.readouterr().out.startswith(
        "warning: FINN would refuse this: node 'pool' pads a maximum with less than 0\n"
    )


def test_mistakes(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "absent"
    assert error_of(capsys, "export", str(absent), "--to", "finn") == (
        f"error: {absent} is not a RUN folder: there is no such folder"
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "has no model: run `xnorflow train" in error_of(
        capsys, "export", str(empty), "--to", "finn"
    )
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").write_text("mine")
    assert error_of(capsys, "export", str(run), "--to", "finn", "-o", str(mine)) == (
        f"error: output folder {mine} exists already: choose another, or use --force"
    )
    assert (mine / "file").exists()
    assert main(["export", str(run), "--to", "finn", "-o", str(mine), "--force"]) == 0
    assert tuple(sorted(path.name for path in mine.iterdir())) == FILES
