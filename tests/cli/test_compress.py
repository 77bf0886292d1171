# SPDX-License-Identifier: Apache-2.0
"""Options of ``train`` that compress, and ``size``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xnorflow.cli import main

TRAIN = ["train", "digits", "--epochs", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the RUN folders ``float``, ``tiles`` and ``taught``."""
    folder = tmp_path_factory.mktemp("runs")
    start = ["--start", str(folder / "float")]
    commands = {
        "float": [*TRAIN, "--float"],
        "tiles": [*TRAIN, *start, "--sparsity", "0.75", "--pattern", "tiles"],
        "taught": [*TRAIN, "--teacher", str(folder / "float"), "--teacher-weight", "0.5"],
        "fewer": [*TRAIN, "--sparsity", "0.5", "--remove", "neurons"],
        "quantised": [*TRAIN[:2], *start, "--epochs", "0", "--weight-bits", "4"],
    }
    for name, command in commands.items():
        assert main([*command, "-o", str(folder / name)]) == 0
    return folder


def test_options_become_tables_of_the_recipe(runs: Path) -> None:
    recipes = {
        path.parent.name: json.loads(path.read_text())["recipe"]
        for path in runs.glob("*/metrics.json")
    }
    assert recipes["float"]["model"]["float"]
    assert recipes["tiles"]["prune"]["pattern"] == "tiles"
    assert recipes["tiles"]["start"]["run"] == str(runs / "float")
    assert recipes["taught"]["distil"]["teachers"] == [str(runs / "float")]
    assert recipes["taught"]["distil"]["teacher_weight"] == 0.5
    assert recipes["fewer"]["prune"]["remove"] == "neurons"
    assert recipes["quantised"]["train"]["epochs"] == 0
    assert recipes["taught"]["prune"] is None


def test_the_accuracy_before_training_is_told(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*TRAIN, "--start", str(runs / "float"), "-o", str(tmp_path / "run")]
    assert main(command) == 0
    captured = capsys.readouterr()
    before = json.loads((tmp_path / "run/metrics.json").read_text())["accuracy_at_start_percent"]
    assert f"accuracy {before:.2f} % before training" in captured.err
    assert f" s, {before:.2f} % before)" in captured.out


def test_size_shows_each_layer_and_the_whole(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", str(runs / "tiles")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == (
        ["layer", "weights", "not", "0", "weight", "bits", "index", "bits", "Huffman-coded"]
    )
    assert lines[1].split()[:4] == ["fc1", "4,096", "1,024", "1,024"]
    assert lines[4].split()[:3] == ["fc4", "640", "640"]
    assert lines[-2].endswith(" of 32-bit weights")
    assert main(["size", str(runs / "tiles"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["float_bits"] == 32 * (3 * 4096 + 640)
    assert document["total_bits"] == sum(
        document[name] for name in ("weight_bits", "index_bits", "threshold_bits")
    )


def test_a_network_without_integers_has_no_size(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["size", str(runs / "float")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {runs / 'float'} holds a floating-point ")
