# SPDX-License-Identifier: Apache-2.0
"""From a QONNX file to simulated hardware: the RUN folder of ``xnorflow import``."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_models import Builder, check_equal, random_weights
from sklearn.datasets import load_digits

from xnorflow.cli import main
from xnorflow.errors import ArtifactError, DataError, OutputError, ToolError
from xnorflow.frontends.qonnx.executor import Executor
from xnorflow.frontends.qonnx.run import import_run, load_import
from xnorflow.hw.build import build
from xnorflow.ir import graph_digest
from xnorflow.rundir import load_network
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.verify import VerifyEngine, VerifyOptions, verify


@pytest.fixture(scope="module")
def run(tfc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The perceptron of the zoo, imported and built."""
    folder = tmp_path_factory.mktemp("imported") / "run"
    import_run(tfc, folder)
    build(folder)
    return folder


def digits(count: int) -> np.ndarray:
    """Digits of scikit-learn as images of 28 x 28."""
    images = np.kron(load_digits().images[:count], np.ones((1, 3, 3)))
    padded = np.pad(np.minimum(images * 16, 255), ((0, 0), (2, 2), (2, 2)))
    return padded[..., np.newaxis].astype(np.uint8)


def test_the_perceptron_of_the_zoo_equals_qonnx_on_random_images(tfc: Path) -> None:
    imported = check_equal(tfc, images=20)
    assert str(imported.input_type) == "UINT8/255"
    assert [node.op for node in imported.ending.dropped] == ["Sub", "Div", "Mul", "Add"]
    assert set(imported.tensors) >= {"input_act", *(f"fc{n}" for n in range(1, 5)), "act3"}


def test_the_perceptron_of_the_zoo_equals_qonnx_on_digits(run: Path) -> None:
    imported, frames = load_import(run / "model"), digits(20)
    want = Executor(imported).edges(frames)
    got = ReferenceEngine(imported.network).edges(frames)
    for name, values in want.items():
        assert np.array_equal(values, got[name].reshape(len(frames), -1)), name
    labels = got["label"][:, 0]
    assert len(set(labels.tolist())) > 5, "the images look like digits"


def test_verify_compares_qonnx_the_reference_and_the_verilog(run: Path) -> None:
    options = VerifyOptions(engine=VerifyEngine.RTL, images=5, second_opinion=False)
    report = verify(run, options)
    assert report.passed
    assert report.qonnx_compared
    assert not report.torch_compared
    assert report.torch_absent == report.qonnx_absent == ""
    assert report.dataset == "random images"
    pairs = {(edge.expected, edge.got) for edge in report.edges}
    assert {("qonnx", "reference"), ("reference", "rtl")} <= pairs


def test_without_qonnx_verify_compares_what_is_there(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "qonnx.core.onnx_exec", None)
    options = VerifyOptions(engine=VerifyEngine.RTL, images=2, second_opinion=False)
    report = verify(run, options)
    assert report.passed
    assert not report.qonnx_compared
    assert report.qonnx_absent == "qonnx is not installed (pip install qonnx onnxruntime)"
    with pytest.raises(ToolError, match=r"^nothing to compare the reference with: qonnx is not"):
        verify(run, VerifyOptions(engine=VerifyEngine.REFERENCE))


def test_without_onnx_nothing_can_be_imported(
    tfc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ToolError, match=r"^onnx is not installed: pip install 'xnorflow\[qonnx\]'"):
        import_run(tfc, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_is_not_replaced_by_accident(run: Path, tfc: Path) -> None:
    with pytest.raises(OutputError, match=r"run exists already: choose another, or use --force$"):
        import_run(tfc, run)


def test_what_the_file_gave_is_imported_again(run: Path) -> None:
    assert graph_digest(load_import(run / "model").network) == graph_digest(load_network(run))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("import.json", lambda _: b"{", r"import\.json is missing or corrupt$"),
        ("import.json", lambda _: b'{"schema_version": 1}', r"import\.json is missing or corrupt$"),
        (
            "import.json",
            lambda data: data.replace(b'"schema_version": 1', b'"schema_version": 7'),
            r"import\.json has schema version 7, this xnorflow reads 1$",
        ),
        (
            "import.json",
            lambda data: data.replace(b"UINT8/255", b"UINT4"),
            r"model has another network than its model\.onnx: import it again$",
        ),
        ("model.onnx", lambda data: data[:100], r"model\.onnx cannot be imported again: "),
        (
            "model.onnx",
            lambda data: data.replace(b"pytorch", b"pytorsh"),
            r"model\.onnx is not the file that was imported$",
        ),
    ],
)
def test_a_folder_that_was_changed_is_refused(
    name: str, change: object, message: str, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run / "model", tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ArtifactError, match=message):
        load_import(tmp_path / "model")


def test_images_must_fit(run: Path) -> None:
    with pytest.raises(DataError, match=r"^images of 'digits' must have shape \(28, 28, 1\)"):
        verify(run, VerifyOptions(data="digits", images=1))


def row_model(tmp_path: Path, last: float) -> Path:
    b = Builder(1, 64)
    x = b.bipolar(b.node("Sub", b.node("Mul", "x", 2.0), 1.0))
    x = b.quant(b.node("MatMul", x, b.bipolar(random_weights(-1, 1, 64, 16))), last, 3)
    b.node("MatMul", x, b.bipolar(random_weights(-1, 1, 16, 10, seed=1)))
    return b.save(tmp_path)


def test_rows_take_images_of_as_many_pixels(tmp_path: Path) -> None:
    import_run(row_model(tmp_path, 4.0), tmp_path / "run")
    options = VerifyOptions(engine=VerifyEngine.REFERENCE, data="digits", images=8)
    report = verify(tmp_path / "run", options)
    assert report.passed
    assert report.accuracy is not None


def test_of_float64_the_differences_to_float32_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, run = row_model(tmp_path, 2.1), tmp_path / "run"
    assert main(["import", str(path), "-o", str(run), "--float64"]) == 0
    assert "exact in float64, by definition" in capsys.readouterr().out
    assert main(["verify", str(run), "--engine", "reference", "--images", "9"]) == 0
    out = capsys.readouterr().out
    assert "float32 (QONNX) against the definition in float64: 9 images, 0 of " in out
    assert out.endswith("PASS: the integer network is the definition, and nothing else was run\n")


def test_the_command_says_what_it_took_and_what_it_left_out(
    tfc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["import", str(tfc), "-o", str(run)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "input: UINT8/255 as images of (28, 28, 1)",
        "network: 11 nodes, output label UINT4[1]",
        "left out, for the order of the scores is the same: 'Sub_41' (Sub), 'Div_44' (Div), "
        "'Mul_45' (Mul), 'Add_46' (Add)",
        "exact in float32: equal bit for bit to the file",
        f"wrote {run}",
    ]
    arguments = ["import", str(tfc), "-o", str(run), "--force", "--input-type", "uint8/256"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["input_type"] == "UINT8/256"
    assert document["image_shape"] == [28, 28, 1]
    scores = json.loads((run / "model" / "import.json").read_text())["scores"]
    assert scores["edge"] == "fc4"
    assert [step["operator"] for step in scores["steps"]] == ["Sub", "Div", "Mul", "Add"]


@pytest.mark.parametrize("engine", ["reference", "rtl"])
def test_simulate_takes_random_images(
    engine: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(run), "--engine", engine, "--images", "3"]) == 0
    assert capsys.readouterr().out.startswith("images: 3 of random images\n")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bipolar", "int8", "uint8/255"])
def test_hardware_of_an_imported_convolution_gives_what_qonnx_gives(
    kind: str, tmp_path: Path
) -> None:
    """With a bias for each class, which makes a table that no input changes."""
    b = Builder(1, 5, 6, 3)
    x = b.quant(b.node("Transpose", "x", perm=[0, 3, 1, 2]), 0.25, 3)
    kernel = b.bipolar(random_weights(-1, 1, 4, 3, 3, 3))
    x = b.node("Conv", x, kernel, np.linspace(-2, 2, 4), pads=[1, 0, 1, 1])
    x = b.node("MaxPool", b.quant(x, 2.0, 2, signed=0), kernel_shape=[2, 2], strides=[2, 2])
    weights = b.bipolar(random_weights(-1, 1, 16, 5, seed=1))
    x = b.node("Gemm", b.node("Flatten", x), weights)
    b.node("Add", x, np.array([0.5, -3.25, 7, 0.125, 0.3]))
    run = tmp_path / "run"
    imported = import_run(b.save(tmp_path), run, kind).imported
    assert imported.ending.ranked
    build(run)
    report = verify(run, VerifyOptions(images=10))
    assert report.passed, report.first
    assert report.qonnx_compared
