# SPDX-License-Identifier: Apache-2.0
"""Training: what it leaves, that it repeats itself, and that it survives being stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from xnorflow.errors import ArtifactError, ConfigError, OutputError
from xnorflow.ir import Network, load_graph
from xnorflow.quant.checkpoint import load_model, read_state
from xnorflow.quant.data import load_dataset
from xnorflow.quant.progress import LineProgress, RichProgress, SilentProgress
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.trace import TorchTracer, predict
from xnorflow.quant.train import Session, train


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A recipe that trains in well under a second, on a hundred digits."""
    digits = load_dataset("digits")
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(
        path,
        x_train=digits.train_images[:200],
        y_train=digits.train_labels[:200],
        x_test=digits.test_images[:100],
        y_test=digits.test_labels[:100],
    )
    return find_recipe("digits").with_overrides(dataset=str(path), epochs=4, widths=[16, 12])


class Recorder(SilentProgress):
    """Keeps the notes; stops training like Ctrl-C after some steps or epochs."""

    def __init__(self, stop_after_steps=None, stop_after_epochs=None):
        self.notes = []
        self.steps_left = stop_after_steps
        self.last_epoch = stop_after_epochs

    def note(self, text):
        self.notes.append(text)

    def step(self):
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left == 0:
                raise KeyboardInterrupt

    def epoch(self, result):
        if result.epoch == self.last_epoch:
            raise KeyboardInterrupt


def weights(run):
    return read_state(run / "model" / "checkpoint.pt")["weights"]


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_run_folder_is_complete(tiny, tmp_path, evaluate):
    result = train(tiny, tmp_path / "run")
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert names == [
        "run/metrics.json",
        "run/model/checkpoint.pt",
        "run/model/network.json",
        "run/model/recipe.toml",
        "run/model/tensors.npz",
    ]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics == result.metrics
    assert [epoch["epoch"] for epoch in metrics["epochs"]] == [1, 2, 3, 4]
    assert metrics["accuracy_percent"] == result.accuracy_percent
    assert metrics["accuracy_percent"] == metrics["epochs"][-1]["test_accuracy_percent"]
    confusion = np.array(metrics["confusion_matrix"])
    assert confusion.sum() == 100
    assert np.trace(confusion) == pytest.approx(result.accuracy_percent)
    assert metrics["versions"].keys() == {"python", "xnorflow", "torch", "brevitas", "numpy"}
    assert find_recipe(tmp_path / "run" / "model" / "recipe.toml") == tiny

    data = load_dataset(tiny.train.dataset)
    network = load_graph(Network, tmp_path / "run" / "model")
    traced = TorchTracer.load(tmp_path / "run" / "model").edges(data.test_images)
    for name, values in evaluate(network, data.test_images).items():
        assert np.array_equal(values, traced[name]), name
    right = np.mean(traced["label"][:, 0] == data.test_labels)
    assert 100 * right == pytest.approx(result.accuracy_percent)
    assert np.array_equal(
        predict(tmp_path / "run" / "model", data.test_images), traced["label"][:, 0]
    )


def test_training_learns_and_repeats_itself(tmp_path):
    recipe = find_recipe("digits").with_overrides(epochs=8, widths=[32])
    first = train(recipe, tmp_path / "first")
    assert first.accuracy_percent > 80
    torch.manual_seed(99)
    np.random.default_rng(99).random()
    threads = torch.get_num_threads()
    train(recipe, tmp_path / "second")
    assert torch.get_num_threads() == threads
    assert_same_weights(tmp_path / "first", tmp_path / "second")
    for name in ("network.json", "tensors.npz", "recipe.toml"):
        content = [(tmp_path / run / "model" / name).read_bytes() for run in ("first", "second")]
        assert content[0] == content[1]
    train(recipe.with_overrides(seed=1, epochs=1), tmp_path / "other")
    assert not torch.equal(
        weights(tmp_path / "first")["fc1.weight"], weights(tmp_path / "other")["fc1.weight"]
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"weight_bits": 1, "activation_bits": 1},
        {"weight_bits": 2, "activation_bits": 2},
        {"weight_bits": 2, "sparsity": 0.75, "ramp_epochs": 3},
        {"weight_bits": 1, "sparsity": 0.5, "remove": "neurons", "ramp_epochs": 3},
        {"sparsity": 0.5},
    ],
    ids=str,
)
def test_stopped_and_resumed_is_as_never_stopped(tiny, tmp_path, keys):
    recipe = tiny.with_overrides(**keys)
    train(recipe, tmp_path / "whole")
    stopped = Recorder(stop_after_epochs=2)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", progress=stopped)
    assert not (tmp_path / "run").exists()
    assert stopped.notes == ["stopped after epoch 2 of 4: the same command goes on from there"]

    resumed = Recorder()
    result = train(recipe, tmp_path / "run", progress=resumed, resume=True)
    assert resumed.notes == ["resumed after epoch 2"]
    assert len(result.metrics["epochs"]) == 4
    assert_same_weights(tmp_path / "whole", tmp_path / "run")
    assert not (tmp_path / ".run.training").exists()


def test_ctrl_c_in_the_first_epoch_leaves_nothing(tiny, tmp_path):
    stopped = Recorder(stop_after_steps=3)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "run", progress=stopped)
    assert list(tmp_path.iterdir()) == []
    assert stopped.notes == ["stopped within the first epoch: nothing was kept"]


def test_ctrl_c_while_the_run_is_written_can_be_resumed(tiny, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("xnorflow.quant.train.save_graph", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(tiny, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == [".run.training"]
    assert len(train(tiny, tmp_path / "run", resume=True).metrics["epochs"]) == 4


PROGRAM = """
import sys
from io import StringIO
from pathlib import Path
from xnorflow.quant.progress import LineProgress
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.train import train
try:
    train(find_recipe(sys.argv[1]), Path(sys.argv[2]), progress=LineProgress())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "with_signal", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_process_can_be_resumed(tiny, tmp_path, with_signal):
    recipe = tiny.with_overrides(epochs=40)
    (tmp_path / "recipe.toml").write_text(recipe.to_toml())
    train(recipe, tmp_path / "whole")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "recipe.toml"), str(tmp_path / "run")],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    with process, process.stderr:
        for line in process.stderr:
            if line.startswith("epoch 2/"):
                break
        process.send_signal(with_signal)
        said = process.stderr.read()
    if with_signal == signal.SIGINT:
        assert process.returncode == 130
        assert re.search(r"^stopped after epoch \d+ of 40: the same command goes on", said, re.M)
    assert not (tmp_path / "run").exists()

    resumed = Recorder()
    train(recipe, tmp_path / "run", progress=resumed)
    assert re.fullmatch(r"resumed after epoch \d+", resumed.notes[0])
    assert_same_weights(tmp_path / "whole", tmp_path / "run")


def test_a_state_of_another_recipe_is_not_used(tiny, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "run", progress=Recorder(stop_after_epochs=1))
    other = tiny.with_overrides(seed=7)
    with pytest.raises(OutputError, match=r"^there is nothing to resume for .*run: .*\.run\.train"):
        train(other, tmp_path / "run", resume=True)
    shown = Recorder()
    train(other, tmp_path / "run", progress=shown)
    assert shown.notes == [
        f"{tmp_path / '.run.training'} is of another recipe or data set: it is not used"
    ]


def test_a_damaged_state_is_not_used(tiny, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "run", progress=Recorder(stop_after_epochs=1))
    state = tmp_path / ".run.training" / "state.pt"
    state.write_bytes(state.read_bytes()[:-300])
    shown = Recorder()
    train(tiny, tmp_path / "run", progress=shown)
    assert shown.notes[0].startswith("the state of a stopped training cannot be used: ")


def test_afresh_ignores_the_state(tiny, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "run", progress=Recorder(stop_after_epochs=1))
    shown = Recorder()
    train(tiny, tmp_path / "run", progress=shown, resume=False)
    assert shown.notes == []


def test_an_output_that_exists_is_refused_before_training(tiny, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(OutputError, match=r"^output folder .*run exists already: choose another"):
        train(tiny, tmp_path / "run", progress=Recorder(stop_after_steps=1))
    train(tiny, tmp_path / "run", replace=True)
    assert (tmp_path / "run" / "metrics.json").exists()


def test_an_output_below_a_file_is_refused_before_training(tiny, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^cannot write .*run: a part of the path is a file$"):
        train(tiny, tmp_path / "file" / "run", progress=Recorder(stop_after_steps=1))


def test_a_full_disk_is_one_line(tiny, tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", no_space)
    with pytest.raises(OutputError, match=r"^cannot write .*run: no space is left on the device$"):
        train(tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_diverging_training_says_so(tiny, tmp_path):
    recipe = tiny.with_overrides(float=True, learning_rate=10.0)

    def explode(self, *_):
        return float("nan"), 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "run_step", explode)
        with pytest.raises(
            ConfigError,
            match=r"^the loss must stay finite, it became nan in epoch 1: lower learning_rate "
            r"\(it is 10\)$",
        ):
            train(recipe, tmp_path / "run")


def test_a_floating_point_baseline_has_no_integer_network(tiny, tmp_path):
    shown = Recorder()
    result = train(tiny.with_overrides(float=True), tmp_path / "run", progress=shown)
    assert result.network is None
    assert shown.notes == [
        "a floating-point baseline: measured and kept, but there is no integer network to "
        "build from"
    ]
    assert not (tmp_path / "run" / "model" / "network.json").exists()
    data = load_dataset(tiny.train.dataset)
    predicted = predict(tmp_path / "run" / "model", data.test_images)
    assert 100 * np.mean(predicted == data.test_labels) == pytest.approx(result.accuracy_percent)
    with pytest.raises(ArtifactError, match="holds a floating-point baseline: it has no integer"):
        TorchTracer.load(tmp_path / "run" / "model").edges(data.test_images)


def test_arrays_that_must_not_be_written_are_fine(tiny, tmp_path, monkeypatch):
    data = load_dataset(tiny.train.dataset)
    for array in (data.train_images, data.test_images):
        array.setflags(write=False)
    monkeypatch.setattr("xnorflow.quant.train.load_dataset", lambda _: data)
    train(tiny, tmp_path / "run")
    assert predict(tmp_path / "run" / "model", data.test_images).shape == (100,)


def test_one_epoch_of_one_step(tiny, tmp_path):
    recipe = tiny.with_overrides(epochs=1, batch_size=1000)
    assert len(train(recipe, tmp_path / "run").metrics["epochs"]) == 1


def test_tracer_batches_are_joined(tiny, tmp_path, monkeypatch):
    train(tiny, tmp_path / "run")
    tracer = TorchTracer.load(tmp_path / "run" / "model")
    images = load_dataset(tiny.train.dataset).test_images
    whole = tracer.edges(images)
    monkeypatch.setattr("xnorflow.quant.trace.BATCH_IMAGES", 7)
    for name, values in tracer.edges(images).items():
        assert np.array_equal(values, whole[name])
    assert tracer.edges(images[:0])["fc1"].shape == (0, 16)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", "checkpoint.pt is missing: not a complete RUN folder"),
        ("cut", "checkpoint.pt is corrupt: "),
        ("pickle", "checkpoint.pt is corrupt: "),
        ("version", "checkpoint.pt has format version 99, this xnorflow reads 1"),
        ("widths", "checkpoint.pt does not hold the network of recipe.toml: "),
        ("recipe", "recipe.toml is missing: not a trained network"),
    ],
)
def test_damaged_checkpoints_are_refused(tiny, tmp_path, damage, message):
    train(tiny, tmp_path / "run")
    folder = tmp_path / "run" / "model"
    path = folder / "checkpoint.pt"
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:1000])
        case "pickle":
            torch.save({"format_version": 1, "weights": tiny}, path)
        case "version":
            torch.save({"format_version": 99}, path)
        case "widths":
            recipe = tiny.with_overrides(widths=[16, 13])
            (folder / "recipe.toml").write_text(recipe.to_toml())
        case "recipe":
            (folder / "recipe.toml").unlink()
    with pytest.raises(ArtifactError, match=f"^{re.escape(str(folder))}/{message}"):
        load_model(folder)


def test_progress_bar(tiny, tmp_path):
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    train(tiny, tmp_path / "run", progress=RichProgress(console))
    shown = screen.getvalue()
    assert "epoch 4/4" in shown
    assert re.search(r"loss \d\.\d{4}, accuracy", shown)


def test_progress_lines(tiny, tmp_path, capsys):
    train(tiny, tmp_path / "run", progress=LineProgress())
    lines = capsys.readouterr().err.splitlines()
    pattern = r"epoch \d/4: loss \d+\.\d{4}, accuracy \d+\.\d\d % training, \d+\.\d\d % test"
    assert len(lines) == 4
    assert all(re.fullmatch(pattern, line) for line in lines)
