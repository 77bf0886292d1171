# SPDX-License-Identifier: Apache-2.0
"""The comparison with FINN, stage by stage; what FINN answers is made up here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import error_of
from fake_finn import answering
from finn_networks import NETWORKS, UINT8, Stack

from xnorflow.cli import main
from xnorflow.finn.verify import verify_finn
from xnorflow.ir import BIPOLAR, ArgMax, Network
from xnorflow.rundir import save_network
from xnorflow.sim.reference import ReferenceEngine

IMAGES = 6

STAGES = """
answers = {answers!r}
tell("started", version="1.6.1")
for stage in {stages!r}:
    tell("stage", stage=stage)
    tell("image", stage=stage, done=1)
    tell("executed", stage=stage, file=answers, seconds=0.1)
"""


def one_bit() -> Network:
    """Three layers of one bit, fc1 to fc3."""
    stack = Stack(UINT8, (3, 4, 1)).flat().table(BIPOLAR)
    for number, neurons in ((1, 8), (2, 6)):
        stack.matmul(neurons, BIPOLAR, f"fc{number}").table(BIPOLAR)
    return stack.matmul(5, BIPOLAR, "fc3").add(ArgMax, "label", k=1).network()


def saved(network: Network, folder: Path) -> tuple[Path, dict[str, Any]]:
    """A RUN folder beside ``data.npz``, and what its images give."""
    run = save_network(network, folder / "run").root
    shape = network.types["image"].shape
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), np.uint8)
    labels = np.zeros(IMAGES, np.int64)
    parts = {f"{part}_images": images for part in ("train", "test")}
    parts |= {f"{part}_labels": labels for part in ("train", "test")}
    np.savez(folder / "data.npz", **parts)  # type: ignore[arg-type]
    return run, ReferenceEngine(network).edges(images)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN folder, beside images and answers: right, counted, and with one wrong score."""
    run, got = saved(one_bit(), tmp_path)
    scores, labels = got["fc3"], got["label"]
    np.savez(tmp_path / "right.npz", scores=scores, labels=labels)
    np.savez(tmp_path / "counts.npz", scores=(scores + 6) / 2, labels=labels)
    wrong = scores.copy()
    wrong[3, 0] += 2
    np.savez(tmp_path / "wrong.npz", scores=wrong, labels=labels)
    return run


def verify(run: Path, behaviour: str, *options: str) -> int:
    python = answering(run.parent / "python", behaviour)
    data = ["--data", str(run.parent / "data.npz")]
    return main(["verify", str(run), "--finn", str(python), *data, *options])


def stages(run: Path, answers: str, *names: str) -> str:
    return STAGES.format(answers=str(run.parent / answers), stages=names)


LAYERS = """
tell("layers", layers=[
    {"name": "Thresholding_rtl_0", "cycles": 12, "luts": 30, "block_rams": 0},
    {"name": "MVAU_hls_0", "cycles": 99, "luts": 400, "block_rams": 1},
    {"name": "Other_hls_0", "cycles": 1, "luts": 2, "block_rams": 3},
])
tell("ended")
"""


def test_equal_stages_pass(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviour = stages(run, "right.npz", "QONNX") + stages(run, "counts.npz", "folded") + LAYERS
    assert verify(run, behaviour) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"images: {run.parent / 'data.npz'} (test); finn-plus 1.6.1"
    table = [line.split() for line in lines]
    assert ["QONNX", "6", "of", "6", "6", "of", "6", "0.1"] in table
    assert ["folded", "6", "of", "6", "6", "of", "6", "0.1"] in table
    assert "FINN has no layer MVAU_hls_1: its folding is left out" in lines
    assert lines[-1] == ("PASS: FINN gives what the integer network gives: 6 images, 2 stages")
    row = next(words for words in table if words and words[-1] == "MVAU_hls_0")
    assert row[0] == "fc1"
    assert row[2] == "99"


def test_the_report_in_the_run_folder(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviour = stages(run, "right.npz", "QONNX", "folded") + LAYERS
    assert verify(run, behaviour, "--json") == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert json.loads((run / "finn" / "verify.json").read_text()) == printed
    assert printed["passed"] is True
    assert [stage["equal"] for stage in printed["stages"]] == [6, 6]
    assert printed["layers"][1]["layer"] == "fc1"
    assert printed["layers"][2] == {
        "finn": "Other_hls_0",
        "layer": "",
        "finn_cycles": 1,
        "finn_luts": 2,
        "finn_block_rams": 3,
        "cycles": None,
        "luts": None,
        "block_rams": None,
    }


def test_a_score_that_differs_fails(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviour = stages(run, "right.npz", "QONNX") + stages(run, "wrong.npz", "folded") + LAYERS
    assert verify(run, behaviour) == 1
    lines = capsys.readouterr().out.splitlines()
    assert ["folded", "5", "of", "6", "6", "of", "6", "0.1"] in [line.split() for line in lines]
    assert lines[-1] == (
        "FAIL: FINN differs from the stage 'folded' on, first in image 3; "
        "no known fault explains it"
    )


def test_a_stage_that_finn_cannot_make(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviour = stages(run, "right.npz", "QONNX")
    behaviour += "tell('stage', stage='tidied'); tell('failed', stage='tidied', reason='no luck')"
    assert verify(run, behaviour) == 1
    lines = capsys.readouterr().out.splitlines()
    assert ["tidied", "-", "-", "-", "no", "luck"] in [line.split() for line in lines]
    assert ["QONNX", "6", "of", "6", "6", "of", "6", "0.1"] in [line.split() for line in lines]
    assert lines[-1] == (
        "FAIL: FINN stops at the stage 'tidied': no luck; no known fault explains it"
    )


def test_a_crash_names_the_stage(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviour = stages(run, "right.npz", "QONNX")
    behaviour += "tell('stage', stage='tidied'); sys.stderr.write('Killed\\n'); sys.exit(9)"
    assert verify(run, behaviour) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "FAIL: FINN stops at the stage 'tidied': Killed (exit code 9); no known fault explains it"
    )
    assert (run / "finn" / "log.txt").read_text() == "Killed\n"


def test_a_form_that_cannot_be_executed_fails_nothing(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    behaviour = "tell('not executed', stage='streamlined', reason='a half')"
    behaviour += stages(run, "right.npz", "folded") + LAYERS
    assert verify(run, behaviour) == 0
    out = capsys.readouterr().out
    assert ["streamlined", "-", "-", "-", "a", "half"] in [
        line.split() for line in out.splitlines()
    ]


def test_what_was_predicted_is_said_beside_the_mismatch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, got = saved(NETWORKS["W1A1 padded"].network(), tmp_path)
    labels = got["argmax8"]
    np.savez(tmp_path / "wrong.npz", scores=np.zeros((IMAGES, 10)), labels=labels)
    behaviour = stages(run, "wrong.npz", "folded") + "tell('ended')"
    assert verify(run, behaviour, "--plain") == 1
    lines = capsys.readouterr().out.splitlines()
    reason = "node 'conv2' pads BIPOLAR values with 0, which its XNOR form takes for -1"
    assert lines[1] == f"FINN would compute this wrongly: {reason}"
    assert lines[-1] == (
        f"FAIL: FINN differs from the stage 'folded' on, first in image 0; as predicted: {reason}"
    )
    assert verify(run, behaviour) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("no known fault explains it")


def test_mistakes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = answering(run.parent / "python", "")
    assert "not both" in error_of(
        capsys, "verify", str(run), "--finn", str(python), "--bitstream", "x"
    )
    assert "--plain goes with --finn" in error_of(capsys, "verify", str(run), "--plain")
    assert "name the images" in error_of(capsys, "verify", str(run), "--finn", str(python))


def test_progress(run: Path) -> None:
    python = answering(run.parent / "python", stages(run, "right.npz", "QONNX") + "tell('ended')")
    seen: list[tuple[str, int, int]] = []
    verify_finn(
        run,
        python,
        data=str(run.parent / "data.npz"),
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert seen == [
        ("folding", 0, 1),
        ("folding", 1, 1),
        ("starting FINN", 0, 1),
        ("starting FINN", 1, 1),
        ("QONNX", 0, IMAGES),
        ("QONNX", 1, IMAGES),
    ]
