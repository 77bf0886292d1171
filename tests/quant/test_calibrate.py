# SPDX-License-Identifier: Apache-2.0
"""Quantisation after training: what is taken over, what is fitted, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import SMALL
from torch import nn

from xnorflow.errors import ArtifactError, ConfigError
from xnorflow.quant.calibrate import (
    activation_factor,
    calibrate,
    fit_weights,
    fitting_activations,
    take_weights,
)
from xnorflow.quant.checkpoint import load_model
from xnorflow.quant.data import load_dataset
from xnorflow.quant.evaluate import accuracy_percent, predict_labels
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.progress import SilentProgress
from xnorflow.quant.quantizers import activation_module, quant_linear
from xnorflow.quant.recipe import find_recipe, parse_recipe
from xnorflow.quant.train import Session, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """RUN folder of a float network that knows the digits."""
    run = tmp_path_factory.mktemp("float") / "run"
    train(find_recipe("digits").with_overrides(float=True, epochs=20), run)
    return run


def accuracy(run):
    data = load_dataset("digits")
    return accuracy_percent(
        predict_labels(load_model(run / "model"), data.test_images), data.test_labels
    )


@pytest.mark.parametrize(
    ("bits", "most_lost"), [((8, 8), 0.6), ((4, 4), 1.5), ((2, 2), 4), (("t", 2), 4), ((1, 4), 15)]
)
def test_quantised_after_training(trained, tmp_path, bits, most_lost):
    keys = {"run": str(trained), "epochs": 0, "weight_bits": bits[0], "activation_bits": bits[1]}
    result = train(find_recipe("digits").with_overrides(**keys), tmp_path / "run")
    assert result.accuracy_percent > accuracy(trained) - most_lost
    assert result.metrics["epochs"] == []
    assert result.metrics["accuracy_at_start_percent"] == result.accuracy_percent
    assert accuracy(tmp_path / "run") == pytest.approx(result.accuracy_percent)


def test_a_little_training_helps(trained, tmp_path):
    keys = {"run": str(trained), "epochs": 5, "weight_bits": 1, "activation_bits": 1}
    metrics = train(find_recipe("digits").with_overrides(**keys), tmp_path / "run").metrics
    assert metrics["accuracy_percent"] > metrics["accuracy_at_start_percent"] + 20


def test_float_weights_are_taken_as_they_are(trained):
    source = load_model(trained / "model")
    model = make_model(source.recipe, source.image_shape, source.classes)
    take_weights(model, source, "run")
    own, given = model.state_dict(), source.state_dict()
    assert own.keys() == given.keys()
    assert all(torch.equal(own[key], given[key]) for key in own)
    data = load_dataset("digits")
    before = predict_labels(model.eval(), data.test_images)
    calibrate(model, torch.from_numpy(np.moveaxis(data.train_images, -1, 1)))
    after = predict_labels(model.eval(), data.test_images)
    assert np.mean(before == after) > 0.98
    assert all(torch.equal(own[f"fc{i}.weight"], given[f"fc{i}.weight"]) for i in (1, 2, 3, 4))


@pytest.mark.parametrize("bits", [1, "t", 2, 4, 8], ids=str)
def test_no_other_scale_keeps_more_of_the_weights(bits):
    """Against a search of its own over scales, with quantisers written down here."""
    torch.manual_seed(3)
    weights = torch.randn(40, 30) * 0.07
    layer = quant_linear(30, 40, bits)
    layer.weight.data.copy_(weights)
    with torch.no_grad():
        fit_weights(layer)
    codes = {1: (-1, 1), "t": (-1, 1), 2: (-2, 1), 4: (-7, 7), 8: (-127, 127)}[bits]

    def angle(got):
        return (torch.sum(weights * got) / weights.norm() / got.norm()).item()

    best = 0.0
    for scale in torch.logspace(-3, 0, 400):
        got = torch.sign(weights) if bits == 1 else (weights / scale).round().clamp(*codes)
        if got.any():
            best = max(best, angle(got))
    assert angle(layer.quant_weight().value) > best - 0.01


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_scale_of_activations_loses_least(bits):
    torch.manual_seed(0)
    values = torch.randn(20_000) * 3.7 + 0.5
    factor = activation_factor(activation_module(bits), values)
    step, top = 2.0 ** (1 - bits), 2**bits - 1

    def loss(scale):
        codes = (values * scale / step).round().clamp(0, top)
        return (codes * step / scale - values.relu()).square().mean().item()

    assert loss(factor) <= 1.1 * min(loss(scale) for scale in np.geomspace(0.02, 2, 400))


def test_only_the_norm_right_before_a_quantiser_is_scaled_as_a_whole():
    torch.manual_seed(0)
    norms = [nn.BatchNorm1d(6), nn.BatchNorm1d(6)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 5.0, 9.0)
        nn.init.uniform_(norm.bias, 5.0, 9.0)
    before = [(norm.weight.clone(), norm.bias.clone()) for norm in norms]
    activations = [activation_module(2), activation_module(2)]
    model = nn.Sequential(norms[0], activations[0], norms[1], nn.Hardtanh(), activations[1])
    with torch.no_grad(), fitting_activations(model):
        model(torch.randn(200, 6))
    factor = norms[0].weight / before[0][0]
    assert not torch.allclose(factor, torch.ones(6))
    assert torch.allclose(factor, factor[0].expand(6))
    assert torch.allclose(norms[0].bias / before[0][1], factor)
    assert torch.equal(norms[1].weight, before[1][0])
    assert torch.equal(norms[1].bias, before[1][1])


def test_normalisations_have_the_statistics_of_the_quantised_network(trained):
    recipe = find_recipe("digits").with_overrides(weight_bits=2, activation_bits=2)
    model = make_model(recipe.model, (8, 8, 1), 10)
    take_weights(model, load_model(trained / "model"), "run")
    pixels = torch.from_numpy(np.moveaxis(load_dataset("digits").train_images, -1, 1))
    calibrate(model, pixels)
    seen = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm1d):
            module.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0]}))
    with torch.no_grad():
        model.eval()(pixels.float() / 256)
    for name, values in seen.items():
        norm = model.get_submodule(name)
        assert norm.momentum == 0.1
        assert torch.allclose(norm.running_mean, values.mean(0), atol=0.05 * values.std())
        assert torch.allclose(norm.running_var, values.var(0), rtol=0.1, atol=1e-3)


@pytest.mark.parametrize("kind", ["vgg", "resnet", "dscnn", "kws", "cnv"])
def test_every_kind_can_begin_with_float_weights(kind, check_equal, random_images):
    table, shape = SMALL[kind]
    models = []
    for keys in ({"float": True}, {"weight_bits": 4, "activation_bits": 4}):
        torch.manual_seed(len(models))
        recipe = parse_recipe({"model": {"kind": kind} | table | keys}, "test").model
        models.append(make_model(recipe, shape, classes=4))
    take_weights(models[1], models[0].eval(), "run")
    height, width, channels = shape
    calibrate(models[1], torch.randint(0, 256, (64, channels, height, width), dtype=torch.uint8))
    check_equal(models[1].eval(), random_images(8, shape))


def test_layers_that_differ_are_refused(trained, tmp_path):
    source = load_model(trained / "model")
    for keys, message in [
        (
            {"widths": [64, 32, 64]},
            r"run: fc2\.weight must have shape \(32, 64\), not \(64, 64\): ",
        ),
        ({"widths": [64] * 4}, r"run: fc4\.weight must have shape \(64, 64\), not \(10, 64\)"),
    ]:
        model = make_model(find_recipe("digits").with_overrides(**keys).model, (8, 8, 1), 10)
        with pytest.raises(ConfigError, match=f"^{message}"):
            take_weights(model, source, "run")
    recipe = find_recipe("digits").with_overrides(run=str(tmp_path / "nothing"))
    with pytest.raises(ArtifactError, match=r"checkpoint\.pt cannot be read: .* must be the RUN"):
        train(recipe, tmp_path / "run")


def test_training_again_after_the_start_has_changed_begins_afresh(trained, tmp_path):
    recipe = find_recipe("digits").with_overrides(run=str(trained), epochs=2)
    one = Session(recipe, load_dataset("digits"), tmp_path / "a", SilentProgress()).identity
    other_run = tmp_path / "other"
    train(find_recipe("digits").with_overrides(float=True, epochs=1), other_run)
    other_recipe = recipe.with_overrides(run=str(other_run))
    other = Session(other_recipe, load_dataset("digits"), tmp_path / "a", SilentProgress()).identity
    assert one["runs"] != other["runs"]
