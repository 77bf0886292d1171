# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xnorflow.cli import main

QUICK = ["train", "digits", "--epochs", "1"]


def test_train_makes_a_run_folder_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main([*QUICK, "-o", str(run)]) == 0
    assert "on 360 test images (1 epochs, " in capsys.readouterr().out
    assert (run / "model" / "network.json").exists()
    assert main([*QUICK, "-o", str(run)]) == 2
    assert capsys.readouterr().err.endswith("exists already: choose another, or use --force\n")
    assert main([*QUICK, "-o", str(run), "--force", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["run"] == str(run)
    assert record == {"run": str(run)} | json.loads((run / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "digts"], "error: no recipe 'digts': it must be one of "),
        (
            [*QUICK, "--epochs", "0"],
            "error: recipe overrides: epochs in [train] must be 1 or more without [start], ",
        ),
        ([*QUICK, "--dataset", "digit"], "error: unknown data set 'digit': "),
        ([*QUICK, "--weight-bits", "3"], "error: invalid value for '--weight-bits': '3' is not "),
    ],
)
def test_a_wrong_option_is_one_line(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "-o", str(tmp_path / "run")]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(expected)
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_run_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", "import xnorflow.cli as c; raise SystemExit(c.main())"]
    train = [*command, "train", "digits", "--epochs", "100000", "-o", str(run)]
    with subprocess.Popen(train, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "epoch 2/" not in process.stderr.readline():
            assert process.poll() is None, "training ended by itself"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.endswith("interrupted\n")
    assert not run.exists()
