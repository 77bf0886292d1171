# SPDX-License-Identifier: Apache-2.0
"""Environments that are none, and workers that die, hang, or say what they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import error_of
from fake_finn import answering, failing
from lab import Mlp

from xnorflow.errors import ToolError
from xnorflow.finn.environment import FinnEnvironment, find_finn
from xnorflow.rundir import save_network


def events(python: Path, tmp_path: Path, silence_s: float = 60.0) -> list[dict[str, Any]]:
    job = tmp_path / "job"
    job.mkdir()
    return list(find_finn(python).run_stages(job, tmp_path / "log", silence_s))


def test_a_virtual_environment_or_its_python(tmp_path: Path) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    python = answering(tmp_path / "env" / "bin" / "python", "")
    found = FinnEnvironment(python, "1.6.1")
    assert find_finn(tmp_path / "env") == found
    assert find_finn(python) == found


def test_what_is_no_environment_is_told_with_the_command_that_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = save_network(Mlp().network(), tmp_path / "run").root
    absent = tmp_path / "absent"
    error = error_of(capsys, "verify", str(run), "--finn", str(absent))
    assert error.startswith(
        "error: --finn must name a virtual environment with finn-plus, and "
        f"{absent} is none: python3 -m venv {absent} && {absent}/bin/pip install -r "
    )
    assert error.endswith(
        f"xnorflow/finn/requirements.txt && {absent}/bin/pip install --no-deps finn-plus==1.6.1"
    )
    file = tmp_path / "file"
    file.write_text("not a program")
    error = error_of(capsys, "verify", str(run), "--finn", str(file))
    assert f"{file} is none: python3 -m venv finn-env && finn-env/bin/pip" in error


def test_a_python_without_finn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = save_network(Mlp().network(), tmp_path / "run").root
    (tmp_path / "env" / "bin").mkdir(parents=True)
    failing(tmp_path / "env" / "bin" / "python")
    error = error_of(capsys, "verify", str(run), "--finn", str(tmp_path / "env"))
    assert error.startswith(
        f"error: {tmp_path / 'env'} has no finn-plus, which wants an environment of its own: "
        "python3 -m venv finn-env && finn-env/bin/pip install -r "
    )


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_bytes(b"\x7fELF nothing")
    program.chmod(0o755)
    with pytest.raises(ToolError, match="cannot be run"):
        find_finn(program)


def test_the_requirements_are_in_the_package() -> None:
    path = Path(str(find_finn.__globals__["__file__"])).with_name("requirements.txt")
    assert "\nqonnx==1.0.0\n" in path.read_text()


def test_events_until_the_end(tmp_path: Path) -> None:
    python = answering(tmp_path / "python", "tell('stage', stage='QONNX'); tell('ended')")
    assert events(python, tmp_path) == [{"event": "stage", "stage": "QONNX"}, {"event": "ended"}]


def test_a_worker_that_dies_leaves_its_last_line(tmp_path: Path) -> None:
    behaviour = "tell('stage', stage='QONNX'); sys.stderr.write('one\\nboom\\n'); sys.exit(7)"
    *_, last = events(answering(tmp_path / "python", behaviour), tmp_path)
    assert last == {"event": "failed", "reason": "boom (exit code 7)"}
    assert (tmp_path / "log").read_text() == "one\nboom\n"


def test_a_worker_that_does_nothing_is_ended(tmp_path: Path) -> None:
    python = answering(tmp_path / "python", "import time; time.sleep(60)")
    assert events(python, tmp_path, 0.5) == [
        {"event": "failed", "reason": "nothing happened for 0.5 seconds"}
    ]
