# SPDX-License-Identifier: Apache-2.0
"""Lowering: integer networks equal to PyTorch on every edge, or refused."""

from __future__ import annotations

import itertools

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPointMinMaxInit,
    Int8WeightPerChannelFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPointMaxInit,
)
from brevitas.quant.scaled_int import Int8WeightPerTensorFloat, Uint8ActPerTensorFloatMaxInit
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.ir import MatMul, Threshold
from xnorflow.quant.lower import lower
from xnorflow.quant.model_recipe import MlpRecipe
from xnorflow.quant.models.layers import Centre, TensorNorm
from xnorflow.quant.models.mlp import Mlp
from xnorflow.quant.quantizers import activation_module, input_module, quant_linear

BITS = [1, "t", 2, 4, 8]
IMAGE = (3, 4, 1)


def randomized(model, seed):
    """Statistics and gains as training might leave them, some of them odd."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            size = (module.num_features,)
            module.running_mean.copy_(torch.randn(size, generator=generator) * 2)
            module.running_var.copy_(torch.rand(size, generator=generator) * 20 + 0.01)
            module.weight.data.copy_(torch.randn(size, generator=generator))
            module.bias.data.copy_(torch.randn(size, generator=generator))
    return model.eval()


def mlp(weight_bits=1, activation_bits=1, input_bits=8, image=IMAGE, seed=0):
    torch.manual_seed(seed)
    recipe = MlpRecipe(
        widths=(7, 5),
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        input_bits=input_bits,
    )
    return randomized(Mlp(recipe, image, classes=4), seed)


@pytest.mark.parametrize("activation_bits", BITS)
@pytest.mark.parametrize("weight_bits", BITS)
def test_every_width_is_equal_on_every_edge(
    weight_bits, activation_bits, check_equal, random_images
):
    model = mlp(weight_bits, activation_bits)
    network = check_equal(model, random_images(200, IMAGE))
    assert [node.name for node in network.nodes] == [
        *("image", "flat", "fc1", "act1", "fc2", "act2", "fc3", "label")
    ]
    assert [node.origin for node in network.nodes[1:-1]] == [
        *("flatten", "fc1", "act1", "fc2", "act2", "fc3")
    ]
    names = {1: "BIPOLAR", "t": "TERNARY"}
    assert str(network.node("fc1").weight_type) == names.get(weight_bits, f"INT{weight_bits}")
    assert str(network.types["act1"].element) == names.get(
        activation_bits, f"UINT{activation_bits}"
    )


@pytest.mark.parametrize("input_bits", BITS)
def test_pixels_of_every_width(input_bits, check_equal):
    every_pixel = np.resize(np.arange(256, dtype=np.uint8), (64, *IMAGE))
    network = check_equal(mlp("t", 2, input_bits), every_pixel)
    if input_bits == 8:
        assert network.node("fc1").inputs == ("flat",)
    else:
        assert network.node("fc1").inputs == ("input_act",)
        assert network.node("input_act").table.rows == 1


@settings(max_examples=12)
@given(
    weight_bits=st.sampled_from(BITS),
    activation_bits=st.sampled_from(BITS),
    input_bits=st.sampled_from(BITS),
    image=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
    seed=st.integers(0, 2**16),
)
def test_any_small_network_is_equal(
    weight_bits, activation_bits, input_bits, image, seed, check_equal, random_images
):
    model = mlp(weight_bits, activation_bits, input_bits, image, seed)
    check_equal(model, random_images(30, image, seed))


FAN_IN = 8
EVERY_INPUT = np.array(list(itertools.product([0, 255], repeat=FAN_IN)), dtype=np.uint8).reshape(
    -1, 1, FAN_IN, 1
)


def adversarial_layer(activation, weight_bits, draw_row, channels=16):
    """A layer that sees every accumulator, its normalisation drawn by ``draw_row``."""
    model = nn.Sequential(
        nn.Flatten(),
        Centre(),
        input_module(1),
        quant_linear(FAN_IN, channels, weight_bits),
        nn.BatchNorm1d(channels),
        activation,
        quant_linear(channels, 3, 1),
    )
    norm = model[4]
    for channel in range(channels):
        mean, variance, gain, offset = draw_row()
        norm.running_mean[channel] = mean
        norm.running_var[channel] = variance
        norm.weight.data[channel] = gain
        norm.bias.data[channel] = offset
    return model.eval()


@settings(max_examples=30)
@given(
    data=st.data(),
    bits=st.sampled_from(BITS),
    weight_bits=st.sampled_from([1, "t"]),
    seed=st.integers(0, 1000),
)
def test_ties_signs_and_constants(data, bits, weight_bits, seed, check_equal):
    """Means on the lattice of accumulators, no offset, gains negative, 0.0 and -0.0."""
    row = st.tuples(
        st.integers(-FAN_IN - 1, FAN_IN + 1),
        st.sampled_from([0.0, 1e-9, 1.0, 3.0, 7.7, 1e6, 1e12]),
        st.sampled_from([1.0, -1.0, 0.0, -0.0, 0.3, -0.7, 1e-20, -1e20]),
        st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.5]),
    )
    torch.manual_seed(seed)
    model = adversarial_layer(activation_module(bits), weight_bits, lambda: data.draw(row))
    check_equal(model, EVERY_INPUT, (1, FAN_IN, 1))


def test_the_adversarial_layer_has_what_it_is_for(evaluate, check_equal):
    """It holds exact ties, both directions, and constant channels of both values."""
    rows = itertools.cycle(
        [(2, 3.0, 1.0, 0.0), (2, 3.0, -1.0, 0.0), (2, 3.0, -0.0, 0.0), (99, 1, 1, 0)]
    )
    torch.manual_seed(3)
    model = adversarial_layer(activation_module(1), 1, lambda: next(rows))
    network = check_equal(model, EVERY_INPUT, (1, FAN_IN, 1))
    sums = evaluate(network, EVERY_INPUT)["fc1"]
    assert np.any(sums[:, 0] == 2)
    table = network.node("act1").table
    assert table.descending[:4].tolist() == [False, True, False, False]
    assert table.values[:4, 0].tolist() == [2, 2, -FAN_IN, FAN_IN + 1]


def test_textbook_thresholds_would_be_wrong():
    """Where a formula in real numbers puts a threshold, float32 may decide otherwise."""
    generator = np.random.default_rng(5)
    rows = [
        (float(m), float(v))
        for m, v in zip(
            generator.integers(-8, 9, 64) // 2 * 2, generator.random(64) * 9, strict=True
        )
    ]
    source = iter(rows)
    torch.manual_seed(0)
    model = adversarial_layer(
        activation_module(1), 1, lambda: (*next(source), 0.7, 0.0), channels=64
    )
    values = lower(model, (1, FAN_IN, 1)).node("act1").table.values[:, 0]
    textbook = np.array([max(mean, -FAN_IN) for mean, _ in rows])
    reachable = lambda t: np.ceil(t / 2)  # noqa: E731 - sums of eight signs are even
    assert np.any(reachable(values) != reachable(textbook))


class ByHand(nn.Module):
    """A network as users write them: reshapes by itself, passes Brevitas' own tensors."""

    def __init__(self):
        super().__init__()
        self.pixels = qnn.QuantIdentity(
            act_quant=Uint8ActPerTensorFixedPointMaxInit, max_val=1.0, return_quant_tensor=True
        )
        self.layers = nn.ModuleList(
            [
                qnn.QuantLinear(24, 6, bias=False, weight_quant=Int8WeightPerChannelFixedPoint),
                nn.BatchNorm1d(6),
                nn.Dropout(),
                qnn.QuantReLU(
                    act_quant=Uint8ActPerTensorFixedPointMaxInit,
                    max_val=2.0,
                    bit_width=3,
                    return_quant_tensor=True,
                ),
                qnn.QuantLinear(6, 5, bias=False, weight_quant=Int8WeightPerTensorFixedPoint),
                qnn.QuantHardTanh(
                    act_quant=Int8ActPerTensorFixedPointMinMaxInit, min_val=-1.0, max_val=1.0
                ),
                nn.Identity(),
            ]
        )
        self.head = qnn.QuantLinear(5, 3, bias=False, weight_quant=Int8WeightPerTensorFixedPoint)

    def forward(self, x):
        x = self.pixels(x).value.flatten(1)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


def test_a_network_written_by_hand(check_equal, random_images):
    torch.manual_seed(1)
    model = randomized(ByHand(), 2)
    image = (2, 4, 3)
    model.train()
    network = check_equal(model, random_images(100, image), image)
    assert model.training
    assert model.layers[0].training
    assert [node.name for node in network.nodes] == [
        *("image", "input_act", "flat", "fc1", "act1", "fc2", "act2", "fc3", "label")
    ]
    assert network.node("act2").table.rows == 1
    assert network.node("act1").origin == "layers.3"


def test_bisection_and_enumeration_agree(monkeypatch):
    model = mlp(8, 8, seed=4)
    small = lower(model)
    monkeypatch.setattr("xnorflow.ir.ask.FULL_CHECK_POINTS", 0)
    assert str(lower(model)) == str(small)
    for name in ("act1", "act2"):
        found, expected = lower(model).node(name).table, small.node(name).table
        assert np.array_equal(found.values, expected.values)


def chain(*layers):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), *layers).eval()


def linear(inputs=12, outputs=12, bits=1):
    return quant_linear(inputs, outputs, bits)


class Halving(nn.Module):
    """Computes outside all modules."""

    def __init__(self):
        super().__init__()
        self.first, self.second = linear(), linear()

    def forward(self, x):
        return self.second(self.first(x.flatten(1)) * 0.5)


class InPlace(nn.Module):
    """Changes the output of a module behind its back."""

    def __init__(self):
        super().__init__()
        self.first = linear()

    def forward(self, x):
        return self.first(x.flatten(1)).mul_(3.0)


class Square(nn.Module):
    """A kind of module that is not known."""

    def forward(self, x):
        return x * x


class Subclass(qnn.QuantLinear):
    """May compute anything."""


def shared_quantizer():
    act = activation_module(2)
    other = activation_module(2)
    other.act_quant = act.act_quant
    act.act_quant.add_tracked_module(other)
    return chain(linear(), act, linear(), other, linear())


def falling_norm():
    norm = TensorNorm()
    norm.weight.data.fill_(-1.0)
    return chain(linear(), norm)


def collapsing_norm():
    norm = TensorNorm()
    norm.weight.data.fill_(1e-45)
    return chain(linear(), norm)


def zero_point():
    from brevitas.quant import ShiftedUint8WeightPerTensorFloat

    return chain(qnn.QuantLinear(12, 3, bias=False, weight_quant=ShiftedUint8WeightPerTensorFloat))


REFUSED = {
    "bias": (
        lambda: chain(
            qnn.QuantLinear(12, 3, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)
        ),
        r"layer '1' \(QuantLinear\) must have no bias \(bias=False\)",
    ),
    "weight scale": (
        lambda: chain(qnn.QuantLinear(12, 3, bias=False, weight_quant=Int8WeightPerTensorFloat)),
        r"the scale of the weights of layer '1' \(QuantLinear\) must be a power of two, not 0\.00",
    ),
    "activation scale": (
        lambda: chain(
            linear(),
            qnn.QuantReLU(act_quant=Uint8ActPerTensorFloatMaxInit, max_val=6.0),
            linear(),
        ),
        r"the scale of layer '2' \(QuantReLU\) must be a power of two, not 0\.02",
    ),
    "float weights": (
        lambda: chain(qnn.QuantLinear(12, 3, bias=False, weight_quant=None)),
        r"layer '1' \(QuantLinear\) must have quantised weights \(weight_quant\)",
    ),
    "float linear": (
        lambda: chain(nn.Linear(12, 3)),
        r"layer '1' \(Linear\) is of no kind that can be lowered: use brevitas\.nn\.QuantLinear$",
    ),
    "unknown kind": (
        lambda: chain(linear(), Square()),
        r"layer '2' \(Square\) is of no kind that can be lowered \(known: AdaptiveAvgPool1d, ",
    ),
    "subclass": (
        lambda: chain(Subclass(12, 3, bias=False, weight_quant=Int8WeightPerTensorFixedPoint)),
        r"layer '1' \(Subclass\) is of no kind that can be lowered",
    ),
    "another layer of Brevitas": (
        lambda: nn.Sequential(qnn.QuantConvTranspose2d(1, 2, 3, bias=False)),
        r"layer '0' \(QuantConvTranspose2d\) is of no kind that can be lowered",
    ),
    "input quantiser inside": (
        lambda: chain(
            qnn.QuantLinear(
                12,
                3,
                bias=False,
                weight_quant=Int8WeightPerTensorFixedPoint,
                input_quant=Int8ActPerTensorFixedPointMinMaxInit,
                input_min_val=-1.0,
                input_max_val=1.0,
            )
        ),
        r"layer '1' \(QuantLinear\) must have no input_quant: put a QuantIdentity beside it",
    ),
    "no activation": (
        lambda: chain(linear(), linear()),
        r"layer '2' \(MaskedLinear\) must read quantised values; edge 'fc1' gives others$",
    ),
    "norm without activation": (
        lambda: chain(linear(), nn.BatchNorm1d(12), linear()),
        r"layer '3' \(MaskedLinear\) must read quantised values; '2' \(BatchNorm1d\) gives others$",
    ),
    "activation that does nothing": (
        lambda: chain(linear(), qnn.QuantIdentity(act_quant=None), linear()),
        r"layer '2' \(QuantIdentity\) must quantise its output, and nothing else$",
    ),
    "batch statistics": (
        lambda: chain(
            linear(), nn.BatchNorm1d(12, track_running_stats=False), activation_module(1)
        ),
        r"layer '2' \(BatchNorm1d\) must have running statistics",
    ),
    "norm for each channel last": (
        lambda: chain(linear(), nn.BatchNorm1d(12)),
        r"layer '2' \(BatchNorm1d\) must scale all scores alike to keep their order",
    ),
    "falling norm": (
        falling_norm,
        r"layer '2' \(TensorNorm\) must keep the order of all scores -\d+\.\.\d+, "
        r"but does not raise from -\d+ to -\d+: its gain must be positive",
    ),
    "collapsing norm": (collapsing_norm, r"layer '2' \(TensorNorm\) must keep the order of all"),
    "scores of several scales": (
        lambda: chain(
            qnn.QuantLinear(12, 40, bias=False, weight_quant=Int8WeightPerChannelFixedPoint)
        ),
        r"scores must have one scale, edge 'fc1' has one for each channel$",
    ),
    "shared quantiser": (
        shared_quantizer,
        r"layer '2' \(QuantIdentity\) must have a quantiser of its own, it shares one$",
    ),
    "arithmetic outside": (
        Halving,
        r"what layer 'second' reads must be the output of a layer, but forward\(\) computes it by "
        r"mul\(\), outside of all layers: use modules of the kinds in xnorflow.quant.lower.KINDS$",
    ),
    "changed in place": (
        InPlace,
        r"the network's output must be the output of a layer, but forward\(\) computes it by mul_",
    ),
    "other images": (
        lambda: chain(linear(inputs=13)),
        r"the network does not take images of 3x4x1 \(height x width x channels\): ",
    ),
    "too many bits of activations": (
        lambda: chain(
            linear(),
            qnn.QuantReLU(act_quant=Uint8ActPerTensorFixedPointMaxInit, max_val=1.0, bit_width=9),
        ),
        r"layer '2' \(QuantReLU\) must give at most 8 bits, not 9$",
    ),
    "too many bits of weights": (
        lambda: chain(
            qnn.QuantLinear(
                12,
                3,
                bias=False,
                weight_quant=Int8WeightPerTensorFixedPoint,
                weight_bit_width=9,
            )
        ),
        r"the weights of layer '1' \(QuantLinear\) must have at most 8 bits, not 9$",
    ),
    "partial flatten": (
        lambda: nn.Sequential(nn.Flatten(2), linear()),
        r"layer '0' \(Flatten\) must make one vector of 12, or add or drop a height of 1, "
        r"not \(1, 12\)$",
    ),
    "no flatten": (
        lambda: nn.Sequential(quant_linear(4, 4, 1)),
        r"layer '0' \(MaskedLinear\) must read a vector, not \(3, 4, 1\): flatten first$",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exact_is_refused(case):
    make, message = REFUSED[case]
    with pytest.raises(LoweringError, match=f"^{message}"):
        lower(make().eval(), IMAGE)


def test_sums_beyond_float32_are_refused():
    layer = quant_linear(2**15, 2, 8)
    layer.weight.data.fill_(1.0)
    model = nn.Sequential(nn.Flatten(), layer)
    with pytest.raises(
        LoweringError,
        match=r"^the accumulator of layer '1' \(MaskedLinear\) must stay below 2\*\*24 = 16777216 "
        r"to be exact in float32, and may reach \d+: use fewer inputs, or fewer bits",
    ):
        lower(model, (2**7, 2**8, 1))


def test_the_shape_of_images_must_be_known():
    with pytest.raises(
        LoweringError, match=r"^lowering must know the shape of an image: pass image_shape$"
    ):
        lower(nn.Sequential(nn.Flatten(), linear()))


def test_lowering_changes_nothing_in_the_network():
    model = mlp("t", 2).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    lower(model)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_ranges_of_thresholds_are_those_of_the_layer():
    network = lower(mlp(4, 4, seed=9))
    for node in network.nodes:
        if isinstance(node, Threshold) and node.inputs[0].startswith("fc"):
            source = network.node(node.inputs[0])
            assert isinstance(source, MatMul)
            element = network.types[node.inputs[0]].element
            assert node.table.values.min() >= element.min - 1
            assert node.table.values.max() <= element.max + 1
