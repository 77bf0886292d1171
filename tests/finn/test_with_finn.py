# SPDX-License-Identifier: Apache-2.0
"""FINN itself: that it computes what is exported for it, and what is known to go wrong does.

``XNORFLOW_FINN`` names a virtual environment with finn-plus; without it these tests skip.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from finn_networks import NETWORKS, FinnCase

from xnorflow.cli import main
from xnorflow.finn import stage_worker
from xnorflow.finn.environment import find_finn
from xnorflow.finn.exported import export_finn
from xnorflow.finn.stage_worker import STAGES
from xnorflow.finn.verify import verify_finn
from xnorflow.frontends.qonnx.finn import FinnEffect
from xnorflow.ir import Network
from xnorflow.rundir import save_network

ENVIRONMENT = os.environ.get("XNORFLOW_FINN", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ENVIRONMENT, reason="XNORFLOW_FINN names no virtual environment with finn-plus"
    ),
]

TFC = Path(__file__).parents[1] / "data" / "qonnx" / "TFC_1W1A.onnx"
RECIPE = """
[model]
{model}
[train]
dataset = "digits"
epochs = {epochs}
batch_size = 32
"""
MODELS = {
    "W2A2": "widths = [64, 64]\nweight_bits = 2\nactivation_bits = 2\ninput_bits = 2",
    "W1A1 CNN": 'kind = "vgg"\nstages = [[16], [32]]\nweight_bits = 1\nactivation_bits = 1',
}


def trained(model: str, folder: Path) -> Path:
    """A RUN folder with a network that was trained for a few epochs."""
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(model=MODELS[model], epochs=5))
    assert main(["train", str(recipe), "-o", str(folder / "run")]) == 0
    return folder / "run"


def shown(
    run: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, dict[str, Any]]:
    """Exit code of ``verify --finn``, whose output is printed, and its report."""
    capsys.readouterr()
    code = main(["verify", str(run), "--finn", ENVIRONMENT, *options])
    with capsys.disabled():
        print(f"\n$ xnorflow verify {run.name} --finn ENV {' '.join(options)}".rstrip())
        print(capsys.readouterr().out)
    return code, json.loads((run / "finn" / "verify.json").read_text())


def check_all_equal(report: dict[str, Any]) -> None:
    assert report["passed"] is True
    assert [stage["stage"] for stage in report["stages"]] == list(STAGES)
    assert all(stage["equal"] == stage["images"] for stage in report["stages"])
    assert report["unknown"] == []


def test_tfc_of_qonnx_model_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "TFC_1W1A"
    assert main(["import", str(TFC), "-o", str(run)]) == 0
    assert main(["build", str(run), "--target-fps", "100000"]) == 0
    code, report = shown(run, capsys)
    assert code == 0
    check_all_equal(report)


def test_two_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = shown(trained("W2A2", tmp_path), capsys)
    assert code == 0
    check_all_equal(report)


def test_padded_convolutions_of_one_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("W1A1 CNN", tmp_path)
    code, report = shown(run, capsys)
    assert code == 0
    check_all_equal(report)
    code, report = shown(run, capsys, "--plain")
    assert code == 1
    assert [warning["node"] for warning in report["warnings"]] == ["conv2"]


BUILDER = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import stage_worker
stage_worker.prepare(Path(sys.argv[3]))
from finn.builder import build_dataflow_config
steps = build_dataflow_config.estimate_only_dataflow_steps
path = Path(sys.argv[2]) / "config.json"
settings = json.loads(path.read_text())
settings |= {"steps": steps, "generate_outputs": ["estimate_reports"]}
path.write_text(json.dumps(settings))
import runpy
runpy.run_path(str(path.with_name("build.py")), run_name="__main__")
"""
"""Runs the exported script, as far as FINN gets without Vivado."""


def test_the_exported_script(tmp_path: Path) -> None:
    run = run_of(NETWORKS["W2A2 depthwise"].network(), tmp_path)
    exported = export_finn(run)
    (tmp_path / "job").mkdir()
    worker = str(Path(str(stage_worker.__file__)).parent)
    command = [str(find_finn(ENVIRONMENT).python), "-c", BUILDER, worker]
    command += [str(exported.folder), str(tmp_path / "job")]
    subprocess.run(command, check=True, cwd=tmp_path, env={}, capture_output=True)
    output = exported.folder / "output"
    cycles = json.loads((output / "report" / "estimate_layer_cycles.json").read_text())
    assert set(cycles) == {layer.name for layer in exported.folding.layers}
    compared = sorted(path.name for path in (output / "verification_output").glob("*.npy"))
    assert compared == [
        f"verify_{step}_python_{image}_SUCCESS.npy"
        for step in ("initial", "streamlined")
        for image in (0, 1)
    ]


def run_of(network: Network, folder: Path) -> Path:
    """A RUN folder that takes random images, as those of imported networks do."""
    run = save_network(network, folder / "run").root
    (run / "model" / "import.json").write_text("{}")
    return run


@pytest.mark.parametrize("case", NETWORKS.values(), ids=list(NETWORKS))
def test_what_is_predicted_happens(case: FinnCase, tmp_path: Path) -> None:
    report = verify_finn(run_of(case.network(), tmp_path), ENVIRONMENT, 8, plain=True)
    effects = {effect for effect, _ in case.warnings}
    assert {(warning.effect, warning.node) for warning in report.warnings} == set(case.warnings)
    assert (report.failure is not None) == (FinnEffect.REFUSED in effects), report
    executed = {stage.stage: stage for stage in report.stages}
    if FinnEffect.WRONG in effects:
        assert "folded" not in executed or executed["folded"].equal < 8
    elif not effects:
        assert executed["folded"].equal == 8
        assert report.first_mismatch is None


@pytest.mark.parametrize("case", NETWORKS.values(), ids=list(NETWORKS))
def test_finns_form_is_computed_rightly(case: FinnCase, tmp_path: Path) -> None:
    report = verify_finn(run_of(case.network(), tmp_path), ENVIRONMENT, 8)
    if report.warnings:
        assert report.failure is not None
        return
    assert report.passed, report
    assert [stage.stage for stage in report.stages] == list(STAGES)
    assert report.unknown == ()
    # Our pools over whole images have no windows.
    windows = "ConvolutionInputGenerator"
    assert all(pair.layer or pair.finn.startswith(windows) for pair in report.layers)
