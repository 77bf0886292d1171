# SPDX-License-Identifier: Apache-2.0
"""What a network learns from: labels, teachers, and images that teachers label."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xnorflow.errors import ConfigError
from xnorflow.quant.checkpoint import load_model
from xnorflow.quant.compression_recipe import DistilRecipe
from xnorflow.quant.data import load_dataset
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.targets import Targets, labelled_indices, views
from xnorflow.quant.train import train


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """RUN folders of two networks that know the digits."""
    root = tmp_path_factory.mktemp("teachers")
    for seed in (0, 1):
        keys = {"float": True, "epochs": 15, "seed": seed}
        train(find_recipe("digits").with_overrides(**keys), root / str(seed))
    cnn = find_recipe("digits-cnn").with_overrides(float=True, epochs=2)
    train(cnn, root / "cnn")
    return root


def targets(teachers, names=("0",), **keys):
    runs = [str(teachers / name) for name in names]
    recipe = find_recipe("digits").with_overrides(teachers=runs, **keys)
    networks = tuple(load_model(teachers / name / "model") for name in names)
    return Targets(recipe, load_dataset("digits"), networks)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("names", [("0",), ("0", "1"), ("0", "cnn")], ids=str)
def test_the_loss_is_that_of_the_formula(teachers, weight, temperature, names):
    made = targets(teachers, names, teacher_weight=weight, temperature=temperature)
    generator = np.random.default_rng(0)
    batch = torch.from_numpy(generator.integers(0, 1437, 50))
    logits = generator.normal(size=(50, 10)).astype(np.float32)
    got = made.loss(torch.from_numpy(logits), batch, made.images[batch]).item()

    data = load_dataset("digits")
    pixels = torch.from_numpy(np.moveaxis(data.train_images[batch], -1, 1)) / 256.0
    with torch.no_grad():
        answers = [load_model(teachers / name / "model")(pixels).numpy() for name in names]
    wanted = np.mean([softmax(answer / temperature) for answer in answers], axis=0)
    student = softmax(logits / temperature)
    divergence = np.sum(wanted * (np.log(wanted) - np.log(student)), axis=1).mean()
    labels = data.train_labels[batch]
    hard = -np.log(softmax(logits)[np.arange(50), labels]).mean()
    assert got == pytest.approx((1 - weight) * hard + weight * temperature**2 * divergence, 1e-4)


def test_teachers_see_the_images_that_the_network_sees(teachers):
    made = targets(teachers, teacher_weight=1.0, shift=1)
    assert made.table is None
    batch = torch.arange(20)
    moved = made.images[batch].roll(1, dims=-1)
    logits = torch.zeros(20, 10)
    still = made.loss(logits, batch, made.images[batch])
    assert made.loss(logits, batch, moved) != still


@pytest.mark.parametrize("share", [0.1, 0.5, 0.003])
def test_labels_are_known_of_the_same_share_of_each_class(share):
    labels = load_dataset("digits").train_labels
    chosen = labelled_indices(labels, share)
    assert (np.diff(chosen) > 0).all()
    for label in range(10):
        members = np.sum(labels == label)
        assert np.sum(labels[chosen] == label) == max(1, round(share * members))
    assert np.array_equal(chosen, labelled_indices(labels, share))


def test_without_teachers_the_others_take_no_part():
    recipe = find_recipe("digits").with_overrides(labelled=0.1)
    data = load_dataset("digits")
    made = Targets(recipe, data, ())
    assert made.labelled == len(made.labels) == len(made.images) < 150
    known = labelled_indices(data.train_labels, 0.1)
    assert torch.equal(made.labels, torch.from_numpy(data.train_labels[known]))


def test_teachers_label_the_others_by_the_mean_over_views(teachers):
    data = load_dataset("digits")
    made = targets(teachers, labelled=0.1, unlabelled=True, view_shift=1)
    assert len(made.labels) == len(data.train_labels)
    known = labelled_indices(data.train_labels, 0.1)
    rest = np.setdiff1d(np.arange(len(data.train_labels)), known)
    images = data.train_images[rest][..., 0]
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    places = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    teacher = load_model(teachers / "0" / "model")
    mean = np.zeros((len(rest), 10))
    for top, left in places:
        view = padded[:, top : top + 8, left : left + 8].astype(np.float32) / 256
        with torch.no_grad():
            mean += softmax(teacher(torch.from_numpy(view)[:, None]).numpy())
    assert np.array_equal(made.labels[len(known) :].numpy(), mean.argmax(axis=1))
    assert torch.equal(made.labels[: len(known)], torch.from_numpy(data.train_labels[known]))


def test_views_of_a_signal_move_in_time_alone():
    table = DistilRecipe(teachers=("x",), view_flip=True, view_shift=2)
    assert len(views(torch.zeros(3, 2, 8, 8, dtype=torch.uint8), table)) == 6
    signal = torch.arange(10, dtype=torch.uint8).reshape(1, 1, 1, 10)
    _, mirrored, left, right = views(signal, table)
    assert mirrored.flatten().tolist() == list(range(9, -1, -1))
    assert left.flatten().tolist() == [*range(2, 10), 0, 0]
    assert right.flatten().tolist() == [0, 0, *range(8)]


def test_labels_from_a_teacher_help_where_labels_are_few(teachers, tmp_path):
    few = find_recipe("digits").with_overrides(labelled=0.02, epochs=15)
    alone = train(few, tmp_path / "alone")
    taught = train(
        few.with_overrides(teachers=[str(teachers / "0")], unlabelled=True), tmp_path / "taught"
    )
    assert taught.accuracy_percent > alone.accuracy_percent + 10
    assert alone.metrics["labelled_images"] == taught.metrics["labelled_images"] < 40
    assert taught.metrics["training_images"] == 1437


def test_a_student_of_another_kind_learns_from_a_cnn(teachers, tmp_path):
    keys = {"teachers": [str(teachers / "cnn")], "teacher_weight": 1.0, "epochs": 5}
    assert (
        train(find_recipe("digits").with_overrides(**keys), tmp_path / "run").accuracy_percent > 60
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"temperature": 2.0}, r"missing key 'teachers' in \[distil\]$"),
        ({"teachers": []}, r"teachers in \[distil\] must be a list of 1 or more, not \[\]$"),
        (
            {"teachers": ["x"], "temperature": 0.0},
            r"temperature in \[distil\] must be greater than 0",
        ),
    ],
)
def test_wrong_tables_are_named(keys, message):
    with pytest.raises(ConfigError, match=message):
        find_recipe("digits").with_overrides(**keys)


def test_teachers_for_other_images_are_refused(teachers, tmp_path):
    data = load_dataset("digits")
    path = tmp_path / "wide.npz"
    wide = np.pad(data.train_images, [(0, 0), (0, 0), (0, 1), (0, 0)])
    np.savez(path, x_train=wide, y_train=data.train_labels, x_test=wide, y_test=data.train_labels)
    keys = {"dataset": str(path), "teachers": [str(teachers / "0")]}
    with pytest.raises(
        ConfigError, match=r"^a teacher must take images of shape \(8, 9, 1\), not \(8, 8, 1\)"
    ):
        train(find_recipe("digits").with_overrides(**keys), tmp_path / "run")
