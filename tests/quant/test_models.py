# SPDX-License-Identifier: Apache-2.0
"""Networks of recipes: their shape, their exactness, and what each kind promises."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnorflow.errors import ConfigError
from xnorflow.ir import Add, Conv, Depthwise, MatMul, MaxPool, SumPool, Thermometer
from xnorflow.quant.lower import lower
from xnorflow.quant.model_recipe import MODEL_RECIPES
from xnorflow.quant.models.catalog import MODELS, make_model
from xnorflow.quant.models.layers import Layers, PooledActivation
from xnorflow.quant.models.resnet import ResidualBlock
from xnorflow.quant.quantizers import activation_module, residual_module
from xnorflow.quant.recipe import parse_recipe

SMALL = {
    "mlp": ({"widths": [8, 6]}, (4, 5, 2)),
    "cnv": ({"width_multiplier": 1 / 32}, (28, 27, 1)),
    "vgg": ({"stages": [[4], [5, 6]], "hidden": [7]}, (8, 9, 1)),
    "resnet": ({"widths": [4, 6], "blocks": 2}, (10, 7, 1)),
    "dscnn": ({"stem": 4, "widths": [5, 6], "strides": [1, 2]}, (9, 7, 2)),
    "kws": ({"widths": [5, 6], "strides": [1, 2], "dilations": [1, 2]}, (1, 9, 3)),
}
"""For each kind: keys of a small one, and the images that it takes."""


def small(kind, seed=0, **keys):
    table, shape = SMALL[kind]
    torch.manual_seed(seed)
    recipe = parse_recipe({"model": {"kind": kind} | table | keys}, "test").model
    return make_model(recipe, shape, classes=4)


def pixels(shape, count=6, seed=0):
    height, width, channels = shape
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 256, (count, channels, height, width), dtype=np.uint8)
    return torch.from_numpy(values).float() / 256.0


def trained_a_little(model):
    """``model`` after a step, so that no statistics are at their start."""
    model.train()
    scores = model(pixels(model.image_shape))
    scores.square().sum().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 0.1 * torch.sign(parameter.grad)
    model.settle_weights()
    return model.eval()


def test_every_kind_of_recipe_has_a_network():
    assert set(MODELS) == set(MODEL_RECIPES) == set(SMALL)


@pytest.mark.parametrize("bits", [(1, 1), (1, 2), (2, 2), ("t", "t"), (4, 4)], ids=str)
@pytest.mark.parametrize("kind", SMALL)
def test_integers_equal_pytorch_on_every_edge(kind, bits, check_equal, random_images):
    model = trained_a_little(small(kind, weight_bits=bits[0], activation_bits=bits[1]))
    check_equal(model, random_images(8, model.image_shape))


@pytest.mark.parametrize("kind", SMALL)
def test_they_are_exact_with_odd_batch_normalisations(
    kind, check_equal, adversarial, random_images
):
    model = adversarial(small(kind, activation_bits=2), 3)
    check_equal(model, random_images(8, model.image_shape))


@pytest.mark.parametrize("kind", SMALL)
def test_thermometer_and_first_weights(kind, check_equal, random_images):
    model = trained_a_little(small(kind, thermometer=3, first_weight_bits=4))
    network = check_equal(model, random_images(8, model.image_shape))
    (code,) = (node for node in network.nodes if isinstance(node, Thermometer))
    assert code.levels.tolist() == [64, 128, 192]
    products = [node for node in network.nodes if isinstance(node, Conv | Depthwise | MatMul)]
    types = [str(node.weight_type) for node in products]
    assert types == ["INT4", *["BIPOLAR"] * (len(types) - 1)]


@pytest.mark.parametrize("kind", SMALL)
def test_quantised_pixels(kind, check_equal, random_images):
    for bits in (1, 2):
        model = trained_a_little(small(kind, input_bits=bits))
        check_equal(model, random_images(8, model.image_shape))


@pytest.mark.parametrize("kind", SMALL)
def test_floating_point_baselines_have_no_quantiser(kind):
    model = small(kind, float=True)
    scores = trained_a_little(model)(pixels(model.image_shape))
    assert scores.shape == (6, 4)
    assert not any(type(module).__module__.startswith("brevitas") for module in model.modules())


@pytest.mark.parametrize("kind", SMALL)
def test_the_seed_decides_the_weights(kind):
    first, again, other = (small(kind, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_only_binary_and_ternary_latents_are_clamped():
    model = small("vgg", first_weight_bits=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(3.0)
    model.settle_weights()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            expected = 3.0 if name == "conv1" else 1.0
            assert torch.all(module.weight == expected), name


@pytest.mark.parametrize("make", [lambda: activation_module(1), lambda: activation_module(2)])
def test_pool_and_activation_change_places_without_a_trace(make):
    module = PooledActivation(make())
    x = torch.randn(2, 3, 6, 7) * 2
    trained = module.train()(x)
    assert torch.equal(trained, module.eval()(x))
    assert module.pool(x).shape == trained.shape


def test_the_gradient_of_a_pooled_activation_goes_to_the_largest():
    module = PooledActivation(activation_module(1)).train()
    x = torch.tensor([[0.1, 0.4], [0.9, 0.2]]).reshape(1, 1, 2, 2).requires_grad_()
    module(x).sum().backward()
    assert x.grad.flatten().tolist() == [0, 0, 1, 0]


def test_cnv_has_finns_layers():
    model = make_model(parse_recipe({"model": {"kind": "cnv"}}, "cnv").model, (32, 32, 3), 10)
    shapes = [tuple(m.weight.shape) for m in model if isinstance(m, nn.Conv2d | nn.Linear)]
    assert shapes == [
        *[(64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3)],
        *[(256, 128, 3, 3), (256, 256, 3, 3), (512, 256), (512, 512), (10, 512)],
    ]


def test_cnv_sees_smaller_images_amid_zeros():
    recipe = small("cnv").recipe
    model, large = (make_model(recipe, shape, 4).eval() for shape in ((28, 26, 1), (32, 32, 1)))
    large.load_state_dict(model.state_dict())
    x = pixels((28, 26, 1))
    assert torch.equal(model(x), large(nn.functional.pad(x, (3, 3, 2, 2))))


def test_convolutions_of_a_vgg_keep_the_size_and_pools_halve_it():
    network = lower(small("vgg"))
    shapes = [network.types[name].shape for name in ("conv1", "pool1", "conv3", "pool2")]
    assert shapes == [(8, 9, 4), (4, 4, 4), (4, 4, 6), (2, 2, 6)]


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 3), st.booleans())
def test_shortcuts_have_the_size_of_the_branch(height, width, stride, wider):
    make = Layers(small("resnet").recipe)
    block = ResidualBlock(make, 4, 3, 5 if wider else 3, stride).eval()
    out = block(torch.zeros(1, 3, height, width))
    assert out.shape == (1, 5 if wider else 3, -(-height // stride), -(-width // stride))


def test_the_stream_of_a_resnet_has_its_bits():
    network = lower(trained_a_little(small("resnet", residual_bits=3)))
    sums = [node for node in network.nodes if isinstance(node, Add)]
    assert len(sums) == 4
    for node in sums:
        assert {str(network.types[name].element) for name in node.inputs} == {"INT3"}


def test_residual_quantiser_steps_within_two():
    x = torch.tensor([-3.0, -2.0, -0.26, 0.12, 0.13, 1.74, 1.9, 5.0])
    assert residual_module(4).eval()(x).tolist() == [-2, -2, -0.25, 0, 0.25, 1.75, 1.75, 1.75]


def test_dscnn_alternates_depthwise_and_pointwise():
    network = lower(trained_a_little(small("dscnn", depthwise_weight_bits=4)))
    products = [node for node in network.nodes if isinstance(node, Conv | Depthwise)]
    assert [type(node) for node in products] == [Conv, Depthwise, Conv, Depthwise, Conv]
    assert [node.window.kernel for node in products] == [(3, 3), (3, 3), (1, 1), (3, 3), (1, 1)]
    assert [str(node.weight_type) for node in products[:3]] == ["BIPOLAR", "INT4", "BIPOLAR"]


def test_kws_keeps_the_length_but_for_strides():
    network = lower(trained_a_little(small("kws", kernel=5)))
    assert network.types["conv1"].shape == (1, 9, 5)
    assert network.types["conv2"].shape == (1, 5, 6)
    windows = [node.window for node in network.nodes if isinstance(node, Conv)]
    assert [window.dilation for window in windows] == [(1, 1), (1, 2), (1, 1)]
    assert any(isinstance(node, SumPool) for node in network.nodes)
    assert not any(isinstance(node, MaxPool) for node in network.nodes)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ("cnv", (33, 32, 1), "images of a cnv must be at most 32x32, not 33x32"),
        (
            "vgg",
            (3, 9, 1),
            "stages in [model] must be at most 1 for images of 3x9, not 2: each halves the image",
        ),
        ("resnet", (1, 9, 1), "images of a resnet must be at least 2x2, not 1x9"),
        ("kws", (2, 9, 1), "signals of a kws must be images of height 1, not 2: "),
    ],
)
def test_images_that_do_not_fit_are_refused(kind, shape, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        make_model(small(kind).recipe, shape, classes=4)
