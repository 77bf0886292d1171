# SPDX-License-Identifier: Apache-2.0
"""Pruning: which weights go, that they stay away, and that what comes out computes the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import SMALL
from torch import nn

from xnorflow.errors import ConfigError
from xnorflow.ir import TERNARY, Conv, Depthwise, MatMul
from xnorflow.quant.calibrate import calibrate, fit_weights
from xnorflow.quant.checkpoint import load_model
from xnorflow.quant.compression_recipe import PruneRecipe
from xnorflow.quant.data import load_dataset
from xnorflow.quant.evaluate import predict_labels
from xnorflow.quant.lower import lower
from xnorflow.quant.model_recipe import MODEL_RECIPES
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.pruning.masks import (
    add_masks,
    from_rows,
    mask_of,
    prunable_layers,
    to_rows,
)
from xnorflow.quant.pruning.neurons import channel_groups
from xnorflow.quant.pruning.patterns import PATTERNS, kept_weights
from xnorflow.quant.pruning.pruner import Pruner
from xnorflow.quant.quantizers import quant_conv, quant_linear
from xnorflow.quant.recipe import find_recipe, parse_recipe
from xnorflow.quant.train import train


def random_scores(seed, *shapes):
    generator = np.random.default_rng(seed)
    return {f"layer{i}": generator.random(shape) for i, shape in enumerate(shapes)}


SHAPES = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 40)), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.data(), SHAPES, st.floats(0, 0.97), st.sampled_from(sorted(PATTERNS)))
def test_every_pattern_keeps_what_it_says(data, shapes, share, pattern):
    tile = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    recipe = PruneRecipe(sparsity=share, pattern=pattern, tile=tile)
    scores = random_scores(data.draw(st.integers(0, 99)), *shapes)
    masks = kept_weights(scores, recipe, share)
    assert masks.keys() == scores.keys()
    for path, mask in masks.items():
        assert mask.shape == scores[path].shape
        assert mask.any(axis=1).all(), "a neuron without an input"
        if pattern == "fan-in":
            inputs = mask.shape[1]
            assert set(mask.sum(axis=1)) == {max(1, round(inputs * (1 - share)))}
            for row, kept in zip(scores[path], mask, strict=True):
                assert np.sort(row[kept]).tolist() == np.sort(row)[-kept.sum() :].tolist()
        if pattern == "tiles":
            check_tiles(mask, tile, share)
    total = sum(mask.size for mask in masks.values())
    neurons = sum(len(mask) for mask in masks.values())
    kept = sum(int(mask.sum()) for mask in masks.values())
    if pattern == "global":
        assert round(total * (1 - share)) <= kept + 1
        assert kept <= max(1, round(total * (1 - share))) + neurons


def check_tiles(mask, tile, share):
    """By loops: each tile is whole or empty, and as many are whole in each row of tiles."""
    counts = set()
    groups = range(0, mask.shape[0], tile[0])
    starts = range(0, mask.shape[1], tile[1])
    for row in groups:
        parts = [mask[row : row + tile[0], column : column + tile[1]] for column in starts]
        assert all(part.all() or not part.any() for part in parts)
        counts.add(sum(part.all() for part in parts))
    assert counts == {max(1, round(len(starts) * (1 - share)))}


def test_the_smallest_weights_go():
    scores = {"a": np.array([[5.0, 1, 4, 2]]), "b": np.array([[9.0, 8, 7, 6]])}
    recipe = PruneRecipe(sparsity=0.5, pattern="global")
    masks = kept_weights(scores, recipe, 0.5)
    assert masks["a"].tolist() == [[True, False, False, False]]  # its only input
    assert masks["b"].tolist() == [[True, True, True, True]]
    layered = kept_weights(scores, PruneRecipe(sparsity=0.5, pattern="layer"), 0.5)
    assert layered["a"].tolist() == [[True, False, True, False]]
    assert layered["b"].tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("bits", [1, "t", 2, 4, 8], ids=str)
@pytest.mark.parametrize("axes", [0, 1, 2])
def test_a_mask_makes_zeros_and_stops_gradients(bits, axes):
    torch.manual_seed(0)
    if axes == 0:
        layer, x = quant_linear(6, 4, bits), torch.randn(3, 6)
    else:
        layer = quant_conv(6, 4, bits, axes=axes, kernel_size=3)
        x = torch.randn(3, 6, *[5] * axes)
    nn.init.uniform_(layer.weight, 0.6, 1.0)
    mask = torch.rand(layer.weight.shape) < 0.5
    layer.register_buffer("weight_mask", mask)
    layer.weight.data.mul_(mask)
    got = layer(x)
    weights = torch.where(mask, quantised(layer), 0.0)
    function = (nn.functional.linear, nn.functional.conv1d, nn.functional.conv2d)[axes]
    assert torch.allclose(got, function(x, weights), atol=1e-5)
    got.sum().backward()
    assert not layer.weight.grad[~mask].any()
    assert layer.weight.grad[mask].any()


def quantised(layer):
    """Weights of a layer without its mask."""
    mask, layer.weight_mask = layer.weight_mask, None
    values = layer.quant_weight().value.detach()
    layer.weight_mask = mask
    return values


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 3, 2)])
def test_rows_have_channels_fastest_and_come_back(shape):
    weights = torch.arange(np.prod(shape)).reshape(shape)
    rows = to_rows(weights)
    assert rows.shape == (4, weights[0].numel())
    kernel = weights[0, 0].numel()
    by_hand = [weights[1].reshape(6, kernel)[c, k].item() for k in range(kernel) for c in range(6)]
    assert rows[1].tolist() == by_hand
    mask = rows % 3 == 0
    assert torch.equal(from_rows(mask, weights.shape), weights % 3 == 0)


def small(kind, **keys):
    table, shape = SMALL[kind]
    torch.manual_seed(0)
    recipe = parse_recipe({"model": {"kind": kind} | table | keys}, "test").model
    model = make_model(recipe, shape, classes=4)
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=generator)
    return model


def random_pixels(shape, count=40):
    height, width, channels = shape
    generator = torch.Generator().manual_seed(2)
    return torch.randint(
        0, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator
    )


@pytest.mark.parametrize("kind", SMALL)
def test_last_and_depthwise_layers_keep_their_weights(kind):
    model = small(kind)
    layers = prunable_layers(model, last=False)
    everything = prunable_layers(model, last=True)
    assert len(everything) == len(layers) + 1
    assert all(getattr(layer, "groups", 1) == 1 for layer in everything.values())
    (last,) = everything.keys() - layers.keys()
    assert everything[last].weight.shape[0] == 4


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", SMALL)
def test_pruned_networks_are_exact(kind, pattern, check_equal, random_images):
    model = small(kind)
    recipe = PruneRecipe(sparsity=0.6, pattern=pattern, tile=(2, 2), fresh=False)
    Pruner(model, recipe, model, seed=0, steps_per_epoch=5).begin()
    calibrate(model, random_pixels(model.image_shape))
    check_equal(model.eval(), random_images(8, model.image_shape))
    network = lower(model)
    products = [n for n in network.nodes if isinstance(n, MatMul | Conv)]
    assert any(n.weight_type == TERNARY for n in products[:-1])
    assert all(n.weights.all() for n in network.nodes if isinstance(n, Depthwise))
    assert products[-1].weights.all()


@pytest.mark.parametrize("kind", ["mlp", "vgg", "resnet", "dscnn"])
def test_tiles_are_those_of_the_integer_network(kind):
    """Behind a flattened image too, whose pixels PyTorch and hardware put in another order."""
    model = small(kind)
    recipe = PruneRecipe(sparsity=0.5, pattern="tiles", tile=(2, 2), last_layer=True)
    Pruner(model, recipe, model, seed=0, steps_per_epoch=5).begin()
    calibrate(model, random_pixels(model.image_shape))
    for node in lower(model.eval()).nodes:
        if isinstance(node, MatMul | Conv):
            check_tiles(node.weights.reshape(len(node.weights), -1) != 0, (2, 2), 0.5)


def test_pruned_weights_do_not_make_the_others_look_large():
    torch.manual_seed(0)
    weights = torch.randn(20, 400) * 0.05
    mask = torch.zeros(20, 400, dtype=torch.bool)
    mask[:, :20] = True
    layer = quant_linear(400, 20, 8)
    layer.register_buffer("weight_mask", mask)
    layer.weight.data.copy_(weights * mask)
    with torch.no_grad():
        fit_weights(layer)
    wanted, got = weights[mask], layer.quant_weight().value[mask]
    assert torch.cosine_similarity(wanted, got, dim=0) > 0.9999


@pytest.mark.parametrize("bits", [1, 4, "float"], ids=str)
@pytest.mark.parametrize("kind", SMALL)
def test_a_network_without_its_masked_neurons_computes_the_same(kind, bits):
    widths = {"float": True} if bits == "float" else {"weight_bits": bits, "activation_bits": 2}
    model = small(kind, **widths)
    prune = PruneRecipe(sparsity=0.5, remove="neurons", multiple_of=1)
    table = model.recipe.resized(prune.remaining_neurons)
    smaller = make_model(table, model.image_shape, model.classes)
    pruner = Pruner(model, prune, smaller, seed=0, steps_per_epoch=5)
    pruner.begin()
    calibrate(model, random_pixels(model.image_shape))
    pixels = random_pixels(model.image_shape).float() / 256
    want = model.eval()(pixels)
    got = pruner.finished().eval()
    assert sum(p.numel() for p in got.parameters()) < sum(p.numel() for p in model.parameters())
    assert torch.allclose(got(pixels), want, atol=1e-5)
    if bits != "float":
        assert torch.equal(got(pixels), want)
        lower(got)


@pytest.mark.parametrize("kind", SMALL)
def test_channel_groups_hold_every_layer_once(kind):
    model = small(kind)
    groups = channel_groups(model)
    convolutions = prunable_layers(model, last=True)
    produced = [path for group in groups for path in group.producers]
    consumed = [path for group in groups for path in group.consumers]
    assert len(produced) == len(set(produced)) == len(convolutions) - 1
    assert len(consumed) == len(set(consumed))
    assert set(produced) | set(consumed) == set(convolutions)
    norms = [p for p, m in model.named_modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert sorted(norms) == sorted(path for group in groups for path in group.norms)


@pytest.mark.parametrize("kind", MODEL_RECIPES)
def test_every_kind_can_be_made_smaller(kind):
    model = small(kind)
    table = model.recipe.resized(lambda neurons: max(1, neurons // 2))
    smaller = make_model(table, model.image_shape, model.classes)
    for big, less in zip(channel_groups(model), channel_groups(smaller), strict=True):
        sizes = [
            len(m.get_submodule(group.producers[0]).weight)
            for m, group in ((model, big), (smaller, less))
        ]
        assert sizes[1] == max(1, sizes[0] // 2)


def test_the_ramp_only_takes_away_and_ends_at_its_share():
    model = small("mlp", weight_bits=4)
    recipe = PruneRecipe(sparsity=0.75, ramp_epochs=2)
    pruner = Pruner(model, recipe, model, seed=0, steps_per_epoch=20)
    pruner.begin()
    layer = next(iter(prunable_layers(model, last=False).values()))
    kept = [mask_of(layer).clone()]
    for step in range(1, 61):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += torch.randn(parameter.shape) * 0.1
        model.settle_weights()
        pruner.step(step)
        kept.append(mask_of(layer).clone())
        assert not layer.weight[~kept[-1]].any(), "a float layer has nothing but its weights"
    shares = [1 - mask.float().mean().item() for mask in kept]
    assert shares[0] == 0
    assert shares[40] == shares[60] == pytest.approx(0.75)
    assert 0.6 < shares[20] < 0.7  # steep at first: 0.75 * (1 - 1/8)
    assert all(not (late & ~early).any() for early, late in itertools.pairwise(kept))
    assert not layer.weight[~kept[-1]].any()


def test_masks_come_from_the_weights_taken_and_the_weights_are_new(tmp_path):
    base = find_recipe("digits").with_overrides(epochs=6)
    train(base.with_overrides(float=True), tmp_path / "float")
    keys = {"run": str(tmp_path / "float"), "sparsity": 0.75}
    result = train(base.with_overrides(**keys), tmp_path / "pruned")
    source, pruned = (load_model(tmp_path / name / "model") for name in ("float", "pruned"))
    for path in ("fc1", "fc2", "fc3"):
        largest = source.get_submodule(path).weight.abs().topk(16, dim=1).indices
        want = torch.zeros(64, 64, dtype=torch.bool).scatter_(1, largest, value=True)
        assert torch.equal(mask_of(pruned.get_submodule(path)), want)
    assert result.metrics["accuracy_at_start_percent"] is None
    assert result.metrics["size"]["nonzero_weights"] == 3 * 64 * 16 + 640
    assert result.accuracy_percent > 70


def test_neurons_leave_a_smaller_network(tmp_path):
    keys = {"sparsity": 0.5, "remove": "neurons", "ramp_epochs": 2, "epochs": 5}
    recipe = find_recipe("digits").with_overrides(**keys)
    result = train(recipe, tmp_path / "run")
    assert [n.weights.shape for n in result.network.nodes if isinstance(n, MatMul)] == [
        (32, 64),
        (32, 32),
        (32, 32),
        (10, 32),
    ]
    model = load_model(tmp_path / "run" / "model")
    data = load_dataset("digits")
    right = np.mean(predict_labels(model, data.test_images) == data.test_labels)
    assert 100 * right == pytest.approx(result.accuracy_percent)
    assert result.metrics["epochs"][-1]["test_accuracy_percent"] == pytest.approx(100 * right)
    assert result.metrics["dense_float_bits"] == 32 * (3 * 64 * 64 + 640)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"pattern": "tiles"}, r"missing key 'sparsity' in \[prune\]$"),
        ({"sparsity": 1.0}, r"sparsity in \[prune\] must be less than 1, not 1\.0$"),
        (
            {"sparsity": 0.5, "ramp_epochs": 20, "epochs": 3},
            r"ramp_epochs in \[prune\] must be at most epochs = 3 in \[train\], not 20$",
        ),
        (
            {"sparsity": 0.5, "ramp_epochs": 2, "fresh": True},
            r"fresh in \[prune\] must be false with ramp_epochs: what was learnt would be lost, "
            "not true$",
        ),
        ({"sparsity": 0.5, "pattern": "columns"}, r"pattern in \[prune\] must be one of "),
        ({"sparsty": 0.5}, r"a recipe has no key 'sparsty'; did you mean 'sparsity'\?$"),
    ],
)
def test_wrong_tables_are_named(keys, message):
    with pytest.raises(ConfigError, match=message):
        find_recipe("digits").with_overrides(**keys)


def test_random_masks_differ_by_seed_alone():
    masks = []
    for seed in (0, 0, 1):
        model = small("mlp")
        recipe = PruneRecipe(sparsity=0.5, criterion="random")
        Pruner(model, recipe, model, seed=seed, steps_per_epoch=5).begin()
        masks.append(
            torch.cat([mask_of(m).flatten() for m in prunable_layers(model, last=True).values()])
        )
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_masks_are_part_of_a_checkpoint():
    model = small("mlp")
    assert not any(key.endswith("weight_mask") for key in model.state_dict())
    add_masks(model)
    assert sum(key.endswith("weight_mask") for key in model.state_dict()) == 3
