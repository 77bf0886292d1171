# SPDX-License-Identifier: Apache-2.0
"""``xnorflow export``: a file that is complete or absent, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from finn_networks import UINT8, Stack
from lab import Mlp

import xnorflow
from xnorflow.cli import main
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.ir import BIPOLAR, Input, MatMul, Network, TensorType, int_type
from xnorflow.rundir import save_network


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A perceptron of one bit."""
    return save_network(Mlp().network(), tmp_path / "run").root


def padded() -> Network:
    """What FINN gets wrong."""
    stack = Stack(UINT8, (4, 4, 1)).table(BIPOLAR, name="bits")
    return stack.conv(2, BIPOLAR, pad=1, name="conv").flat().network()


def too_large() -> Network:
    weights = np.full((2, 9000), 127, np.int8)
    image = Input(name="image", type=TensorType(int_type(8), (9000,)))
    fc = MatMul(name="fc", inputs=("image",), weights=weights, weight_type=int_type(8))
    return Network((image, fc))


def test_the_file_is_in_the_run_folder_or_where_it_is_asked_for(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "--to", "qonnx"]) == 0
    path = run / "export" / "model.onnx"
    size = f"{path.stat().st_size:,}"
    assert capsys.readouterr().out == f"wrote {path}: 12 nodes, {size} bytes\n"
    assert [node.name for node in import_qonnx(path).network.nodes][:2] == ["image", "flat"]
    other = tmp_path / "new" / "other.onnx"
    assert main(["export", str(run), "--to", "qonnx", "-o", str(other)]) == 0
    assert other.read_bytes() == path.read_bytes()
    assert [file.name for file in other.parent.iterdir()] == ["other.onnx"]


def test_the_result_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "--to", "qonnx", "--json"]) == 0
    path = run / "export" / "model.onnx"
    assert json.loads(capsys.readouterr().out) == {
        "path": str(path),
        "nodes": 12,
        "size_bytes": path.stat().st_size,
        "warnings": [],
    }


def test_what_finn_gets_wrong_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = save_network(padded(), tmp_path / "run").root
    assert main(["export", str(run), "--to", "qonnx"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2
    assert out[0].startswith("warning: FINN would compute this wrongly: node 'conv' pads")
    warnings = tuple(map(str, xnorflow.finn_warnings(padded())))
    assert xnorflow.export_run(run, replace=True).warnings == warnings


def failing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that ``xnorflow export`` ends with."""
    assert main(["export", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_an_existing_file_stays_unless_it_is_forced(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("mine")
    arguments = [str(run), "--to", "qonnx", "-o", str(path)]
    assert failing(arguments, capsys) == (
        f"error: output file {path} exists already: choose another, or use --force\n"
    )
    assert path.read_text() == "mine"
    assert main(["export", *arguments, "--force"]) == 0
    assert import_qonnx(path).network.output.name == "label"


def test_a_network_that_is_refused_leaves_no_file_and_keeps_an_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = save_network(too_large(), tmp_path / "run").root
    error = failing([str(run), "--to", "qonnx"], capsys)
    assert error.startswith("error: integers must stay below 2**24 ")
    assert error.endswith("(node 'fc')\n")
    assert not (run / "export").exists()
    path = tmp_path / "old.onnx"
    path.write_text("old")
    failing([str(run), "--to", "qonnx", "-o", str(path), "--force"], capsys)
    assert path.read_text() == "old"


def test_errors_are_one_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "absent"
    assert failing([str(absent), "--to", "qonnx"], capsys) == (
        f"error: {absent} is not a RUN folder: there is no such folder\n"
    )
    assert "'--to'" in failing([str(run)], capsys)
    assert "'onx'" in failing([str(run), "--to", "onx"], capsys)
    assert failing([str(run), "--to", "qonnx", "-o", str(run)], capsys) == (
        f"error: output file {run} must be a file, and is a folder\n"
    )
    inside = run / "model" / "network.json" / "model.onnx"
    assert failing([str(run), "--to", "qonnx", "-o", str(inside)], capsys) == (
        f"error: cannot write {inside}: a part of the path is a file\n"
    )
    long = tmp_path / ("n" * 300)
    assert failing([str(run), "--to", "qonnx", "-o", str(long)], capsys) == (
        f"error: cannot write {long}: the name is too long\n"
    )
