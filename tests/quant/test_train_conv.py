# SPDX-License-Identifier: Apache-2.0
"""Training of convolutional networks: all kinds, repeated, resumed, read back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from xnorflow.ir import Network, load_graph
from xnorflow.quant.checkpoint import load_model, read_state
from xnorflow.quant.data import load_dataset
from xnorflow.quant.progress import SilentProgress
from xnorflow.quant.recipe import find_recipe, parse_recipe
from xnorflow.quant.trace import TorchTracer
from xnorflow.quant.train import Session, deterministic, train

TABLES = {
    "cnv": {"width_multiplier": 1 / 32},
    "vgg": {"stages": [[4], [6]], "hidden": [8]},
    "resnet": {"widths": [4, 6], "blocks": 1},
    "dscnn": {"stem": 4, "widths": [6], "strides": [1]},
    "kws": {"widths": [6, 6], "strides": [1, 2], "dilations": [1, 2]},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A hundred digits to train on and fifty to test, as images and as signals."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("digits", "digits-rows"):
        digits = load_dataset(name)
        np.savez(
            folder / f"{name}.npz",
            x_train=digits.train_images[:100],
            y_train=digits.train_labels[:100],
            x_test=digits.test_images[:50],
            y_test=digits.test_labels[:50],
        )
    return folder


@pytest.fixture
def recipe_of(data):
    """``recipe_of(kind, **keys)``: one that trains in a second or two."""

    def make(kind, **keys):
        name = "digits-rows" if kind == "kws" else "digits"
        document = {
            "model": {"kind": kind} | TABLES[kind],
            "train": {"dataset": str(data / f"{name}.npz"), "epochs": 3, "batch_size": 20},
        }
        return parse_recipe(document, "test").with_overrides(**keys)

    return make


class StopAfter(SilentProgress):
    """Stops training like Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.last = epoch

    def epoch(self, result):
        if result.epoch == self.last:
            raise KeyboardInterrupt


def weights(run):
    return read_state(run / "model" / "checkpoint.pt")["weights"]


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("kind", TABLES)
def test_a_run_is_whole_and_equal_to_pytorch(kind, recipe_of, tmp_path, evaluate):
    recipe = recipe_of(kind, activation_bits=2, epochs=1)
    result = train(recipe, tmp_path / "run")
    assert result.metrics["cpu_seconds"] > 0
    folder = tmp_path / "run" / "model"
    assert find_recipe(folder / "recipe.toml") == recipe
    images = load_dataset(recipe.train.dataset).test_images[:20]
    traced = TorchTracer.load(folder).edges(images)
    for name, values in evaluate(load_graph(Network, folder), images).items():
        assert np.array_equal(values, traced[name]), name


@pytest.mark.parametrize("kind", TABLES)
def test_a_network_is_the_same_after_writing_and_reading(kind, recipe_of, tmp_path):
    recipe = recipe_of(kind, epochs=1, thermometer=2)
    train(recipe, tmp_path / "run")
    model = load_model(tmp_path / "run" / "model")
    assert model.recipe == recipe.model
    assert not model.training
    stored = weights(tmp_path / "run")
    assert all(torch.equal(value, stored[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("keys", [{}, {"flip": True, "shift": 1, "bfloat16": True}])
@pytest.mark.parametrize("kind", ["vgg", "resnet", "kws"])
def test_stopped_and_resumed_is_as_never_stopped(kind, keys, recipe_of, tmp_path):
    recipe = recipe_of(kind, **keys)
    train(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", progress=StopAfter(1))
    train(recipe, tmp_path / "run", resume=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "run")


def test_settings_change_what_is_learnt(recipe_of, tmp_path):
    changes = [
        {},
        {"flip": True},
        {"shift": 1},
        {"label_smoothing": 0.1},
        {"bfloat16": True},
    ]
    runs = []
    for index, keys in enumerate(changes):
        runs.append(tmp_path / str(index))
        train(recipe_of("vgg", epochs=1, **keys), runs[-1])
    learnt = [weights(run)["conv2.weight"] for run in runs]
    for index, one in enumerate(learnt):
        assert not any(torch.equal(one, other) for other in learnt[index + 1 :])


def test_label_smoothing_spreads_the_label(recipe_of, tmp_path):
    recipe = recipe_of("vgg", label_smoothing=0.3)
    dataset = load_dataset(recipe.train.dataset)
    with deterministic(recipe):
        session = Session(recipe, dataset, tmp_path / "run", SilentProgress())
        images, labels = session.targets.images[:20], session.targets.labels[:20]
        scores = session.model(images.float() / 256.0)
        loss, _ = session.run_step(images, torch.arange(20))
    share = torch.full((20, 10), 0.3 / 10)
    share[torch.arange(20), labels] += 0.7
    expected = -(share * nn.functional.log_softmax(scores, dim=1)).sum() / 20
    assert math.isclose(loss, expected.item(), rel_tol=1e-4)


def test_testing_never_uses_bfloat16(recipe_of, tmp_path):
    recipe = recipe_of("resnet", bfloat16=True, epochs=1)
    result = train(recipe, tmp_path / "run")
    dataset = load_dataset(recipe.train.dataset)
    model = load_model(tmp_path / "run" / "model")
    pixels = torch.from_numpy(np.moveaxis(dataset.test_images, -1, 1) / np.float32(256))
    with torch.no_grad():
        predicted = model(pixels).argmax(dim=1).numpy()
    right = 100 * np.mean(predicted == dataset.test_labels)
    assert right == pytest.approx(result.metrics["epochs"][-1]["test_accuracy_percent"])


def test_digits_cnn_learns_in_seconds(tmp_path):
    recipe = find_recipe("digits-cnn").with_overrides(epochs=10)
    assert train(recipe, tmp_path / "run").accuracy_percent > 85


def test_what_training_sets_in_pytorch_is_set_back(recipe_of, tmp_path):
    memory = torch.utils.deterministic

    def state():
        settings = (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads())
        return (*settings, memory.fill_uninitialized_memory, torch.initial_seed())

    before = state()
    with deterministic(recipe_of("vgg", seed=7)):
        assert state() == (True, 1, False, 7)
    assert state() == before
