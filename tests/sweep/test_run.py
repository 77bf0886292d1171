# SPDX-License-Identifier: Apache-2.0
"""Whole sweeps: on this computer's processes and on a Dask cluster, killed and started again."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from xnorflow.cli.group import root as command_line
from xnorflow.errors import ArtifactError, ConfigError, OutputError, ToolError
from xnorflow.sweep.point import make_tasks, run_point
from xnorflow.sweep.run import SweepOptions, report_sweep, run_sweep
from xnorflow.sweep.spec import load_sweep

SWEEP = """
title = "Digits"
recipe = "digits"
seeds = [0, 1]
set = { epochs = EPOCHS, widths = [16, 16] }

[hardware]
verify_images = 20
target_fps = 100000

[[studies]]
name = "float"
set = { float = true }

[[studies]]
name = "trained"
grid = { bits = ["1x1", "1x2", "2x2"] }

[[studies]]
name = "after"
start = "float"
set = { epochs = 0, bits = "4x4" }

[[studies]]
name = "pruned"
start = "float"
set = { bits = "1x1", sparsity = 0.5 }

[[studies]]
name = "taught"
teachers = ["float"]
set = { bits = "1x1" }

[[studies]]
name = "hopeless"
set = { dataset = "nowhere" }

[[studies]]
name = "hopeless too"
start = "hopeless"
"""
POINTS = 18


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.finished, self.points = None, []

    def start(self, total, finished):
        assert total == POINTS
        self.finished = finished

    def point(self, row):
        self.points.append(row["point"])


def sweep_file(tmp_path, epochs=2):
    path = tmp_path / "digits.toml"
    path.write_text(SWEEP.replace("EPOCHS", str(epochs)))
    return path


def stamps(out):
    """When each finished result was written."""
    results = {path: json.loads(path.read_text()) for path in out.glob("points/*/result.json")}
    return {
        path.parent.name: (path.stat().st_mtime_ns, (path.parent / "trained").stat().st_mtime_ns)
        for path, result in results.items()
        if result["row"]["status"] == "done"
    }


def check_result(result, out):
    """All that can be done is done, and what cannot be done says why."""
    rows = {row["point"]: row for row in result.rows}
    assert len(rows) == POINTS
    failed = {row["point"]: row["error"] for row in result.failed}
    assert failed.keys() == {f"{s}-seed_{i}" for s in ("hopeless", "hopeless_too") for i in (0, 1)}
    assert failed["hopeless-seed_0"].startswith("unknown data set 'nowhere'")
    assert failed["hopeless_too-seed_0"] == "needs hopeless-seed_0, which failed"
    assert not result.mismatched
    for row in rows.values():
        if row["status"] == "done" and row["weight_bits"] != "float":
            assert row["mismatches"] == 0
            assert row["verified_images"] == 20
            assert row["luts"] > 100
            assert row["frames_per_second"] >= 100_000
            assert 0 < row["coded_bits"] <= row["size_bits"] < row["float_bits"]
            metrics = json.loads((out / "points" / row["point"] / "run/metrics.json").read_text())
            assert metrics["accuracy_percent"] == row["accuracy_percent"]
    with (out / "sweep.csv").open() as file:
        written = {line["point"]: line for line in csv.DictReader(file)}
    assert written.keys() == rows.keys()
    assert (
        float(written["trained-1x2-seed_1"]["accuracy_percent"])
        == (rows["trained-1x2-seed_1"]["accuracy_percent"])
    )
    assert pyarrow.parquet.read_table(out / "sweep.parquet").num_rows == POINTS
    page = (out / "report.html").read_text()
    assert all(name in page for name in rows)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A sweep that ran on a Dask scheduler with two workers, one of which was killed."""
    folder = tmp_path_factory.mktemp("sweep")
    path, out = sweep_file(folder), folder / "out"
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    options = {"stderr": subprocess.DEVNULL, "cwd": folder, "start_new_session": True}
    common = ["--scheduler-file", str(file)]
    processes = [
        subprocess.Popen(
            [*dask[:2], f"{dask[2]}scheduler", "--port", "0", "--no-dashboard", *common], **options
        )
    ]
    worker = [*dask[:2], f"{dask[2]}worker", "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    processes += [subprocess.Popen([*worker, *common], **options) for _ in range(2)]
    try:
        # The file is there before its content is.
        wait_until(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        address = json.loads(file.read_text())["address"]
        recorder = KillsAWorker(processes[1], out)
        result = run_sweep(path, out, SweepOptions(scheduler=address), recorder)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert recorder.killed, "the sweep ended before a worker was killed"
    return path, out, result, recorder


class KillsAWorker(Recorder):
    """Kills a process after two points, while it works."""

    def __init__(self, process, out):
        super().__init__()
        self.process, self.out, self.killed = process, out, False

    def point(self, row):
        super().point(row)
        if len(self.points) == 5:
            self.killed = self.process.poll() is None
            self.process.kill()


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_cluster_that_loses_a_worker_finishes_everything(finished):
    _, out, result, recorder = finished
    check_result(result, out)
    assert recorder.finished == 0
    assert sorted(recorder.points) == sorted(row["point"] for row in result.rows)


def test_what_is_finished_is_not_repeated(finished):
    path, out, result, _ = finished
    before, recorder = stamps(out), Recorder()
    again = run_sweep(path, out, SweepOptions(workers=1), recorder)
    assert recorder.finished == POINTS - 4
    assert sorted(recorder.points) == sorted(row["point"] for row in result.failed)
    assert again.rows == result.rows
    assert stamps(out) == before


def test_a_report_can_be_written_anew(finished):
    _, out, result, _ = finished
    kept = {path: path.read_bytes() for path in result.files}
    for path in result.files:
        path.unlink()
    assert report_sweep(out).rows == result.rows
    assert {path: path.read_bytes() for path in result.files} == kept


def test_the_commands_show_the_networks_and_what_failed(finished):
    path, out, _, _ = finished
    swept = CliRunner().invoke(command_line, ["sweep", str(path), "-o", str(out), "--workers", "1"])
    assert swept.exit_code == 1, "points failed"
    shown = CliRunner().invoke(command_line, ["report", str(out)])
    assert shown.exit_code == 0
    assert swept.stdout == shown.stdout
    lines = shown.stdout.splitlines()
    assert lines[0].split() == [
        "network",
        "accuracy",
        "%",
        "+-",
        "seeds",
        "size",
        "bits",
        "LUT",
        "frames/s",
    ]
    assert any(line.startswith("trained-1x2 ") and " 2 " in line for line in lines)
    assert sum(line.startswith("failed: ") for line in lines) == 4
    assert f"wrote {out}/report.html" in lines
    document = json.loads(CliRunner().invoke(command_line, ["report", str(out), "--json"]).stdout)
    assert len(document["points"]) == POINTS


def test_an_interrupted_and_killed_sweep_goes_on(tmp_path):
    path, out = sweep_file(tmp_path, epochs=3), tmp_path / "out"
    command = [sys.executable, "-m", "xnorflow", "sweep", str(path), "-o", str(out)]
    for number, how in enumerate([signal.SIGINT, signal.SIGKILL], start=1):
        process = subprocess.Popen(
            [*command, "--workers", "1"], stderr=subprocess.PIPE, start_new_session=True, text=True
        )
        wait_until(lambda least=2 * number: len(stamps(out)) >= least, seconds=120)
        os.killpg(process.pid, how)
        _, said = process.communicate()
        if how is signal.SIGINT:
            assert process.returncode == 130
            assert "\nstopped: the same command goes on with what is left\n" in said
            assert said.endswith("\ninterrupted\n")
            assert "Traceback" not in said
    before = stamps(out)
    assert 4 <= len(before) < POINTS - 4
    result = run_sweep(path, out, SweepOptions(workers=2))
    check_result(result, out)
    assert before.items() <= stamps(out).items()


def test_other_hardware_needs_no_other_training(finished, tmp_path):
    path, old, _, _ = finished
    out = tmp_path / "out"
    shutil.copytree(old, out)
    changed = tmp_path / "changed.toml"
    changed.write_text(path.read_text().replace("target_fps = 100000", "target_fps = 50000"))
    before = stamps(out)
    result = run_sweep(changed, out, SweepOptions(workers=2))
    after = stamps(out)
    assert before.keys() == after.keys()
    assert all(before[name][1] == after[name][1] for name in before)
    assert {row["frames_per_second"] >= 50_000 for row in result.rows if row.get("luts")} == {True}
    assert min(row["frames_per_second"] for row in result.rows if row.get("luts")) < 100_000


def test_another_generator_makes_a_row_again(finished, tmp_path, monkeypatch):
    """Without training. A report shows the rows of the old one until the first new row is there."""
    path, old, result, _ = finished
    out = tmp_path / "out"
    shutil.copytree(old, out)
    before = stamps(out)
    monkeypatch.setattr("xnorflow.sweep.point.generator_digest", lambda: "another")
    assert report_sweep(out).rows == result.rows
    tasks = {task.point.name: task for task in make_tasks(load_sweep(path)[1], out.resolve())}
    row = run_point(tasks["trained-1x1-seed_0"], [])
    assert row in result.rows
    assert report_sweep(out).rows == (row,)
    after = stamps(out)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"trained-1x1-seed_0"}
    assert all(before[name][1] == after[name][1] for name in before)
    assert run_point(tasks["trained-1x1-seed_0"], []) == row
    assert stamps(out) == after


def test_mistakes_are_named(tmp_path):
    path = sweep_file(tmp_path)
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("")
    with pytest.raises(OutputError, match=r"full must be new, empty or that of a sweep$"):
        run_sweep(path, full)
    with pytest.raises(ArtifactError, match=r"full holds no sweep: there is no sweep\.toml$"):
        report_sweep(full)
    with pytest.raises(ConfigError, match=r"give --scheduler or --workers$"):
        SweepOptions(scheduler="tcp://127.0.0.1:1", workers=2)
    with pytest.raises(ConfigError, match=r"^workers must be 1 or more, not 0$"):
        SweepOptions(workers=0)
    with pytest.raises(ConfigError, match=r"there is no such file$"):
        run_sweep(tmp_path / "missing.toml", tmp_path / "out")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch, address):
    monkeypatch.setattr("xnorflow.sweep.run.CONNECT_S", 1)
    with pytest.raises(ToolError, match=rf"^no Dask scheduler answers at {address}: "):
        run_sweep(sweep_file(tmp_path), tmp_path / "out", SweepOptions(scheduler=address))
