# SPDX-License-Identifier: Apache-2.0
"""Lowering of convolutions, pools and what else works on images: equal to PyTorch, or refused."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.fixed_point import (
    Int8WeightPerChannelFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPointMaxInit,
)
from torch import nn
from torch.nn import functional

from xnorflow.errors import LoweringError
from xnorflow.ir import BIPOLAR, TERNARY, Window
from xnorflow.quant.lower import lower
from xnorflow.quant.models.layers import TensorNorm
from xnorflow.quant.models.thermometer import Thermometer
from xnorflow.quant.quantizers import activation_module, quant_conv, quant_linear
from xnorflow.quant.trace import TorchTracer

BITS = [1, "t", 2, 4, 8]
IMAGE = (5, 6, 2)
CHANNELS = 4


def pixels(bits=1):
    """Channels of an activation from an image of two channels, at full size."""
    norm = nn.BatchNorm2d(CHANNELS)
    return [quant_conv(2, CHANNELS, "t", kernel_size=1), norm, activation_module(bits)]


def scores(size):
    return [nn.Flatten(), quant_linear(size, 3, "t"), TensorNorm()]


def network(*layers, image=IMAGE):
    """``layers``, then scores; the size between them is asked."""
    torch.manual_seed(0)
    body = nn.Sequential(*layers).eval()
    height, width, channels = image
    size = body(torch.zeros(1, channels, height, width)).flatten(1).shape[1]
    model = nn.Sequential(*layers, *scores(size))
    for module in model.modules():
        if isinstance(module, qnn.QuantConv2d | qnn.QuantConv1d | qnn.QuantLinear):
            nn.init.uniform_(module.weight, -1, 1)
    return model


def act(bits=2, channels=CHANNELS):
    return [nn.BatchNorm2d(channels), activation_module(bits)]


@pytest.mark.parametrize("activation_bits", BITS)
@pytest.mark.parametrize("weight_bits", BITS)
def test_every_width_is_equal_on_every_edge(
    weight_bits, activation_bits, check_equal, random_images, adversarial
):
    model = network(
        *pixels(activation_bits),
        quant_conv(CHANNELS, 3, weight_bits, kernel_size=3, padding=1),
        *act(activation_bits, 3),
        nn.MaxPool2d(2),
        quant_conv(3, 3, weight_bits, kernel_size=2, groups=3),
        *act(activation_bits, 3),
    )
    made = check_equal(adversarial(model, 1), random_images(8, IMAGE), IMAGE)
    assert [node.name for node in made.nodes] == [
        *("image", "conv1", "act1", "conv2", "act2", "pool1", "dw3", "act3", "flat", "fc4", "label")
    ]
    names = {1: "BIPOLAR", "t": "TERNARY"}
    assert str(made.node("conv2").weight_type) == names.get(weight_bits, f"INT{weight_bits}")
    assert str(made.types["act2"].element) == names.get(activation_bits, f"UINT{activation_bits}")


WINDOWS = {
    "plain": {"kernel_size": 3},
    "not square": {"kernel_size": (2, 4), "stride": (1, 2), "padding": (1, 3), "dilation": (3, 1)},
    "stride beyond the kernel": {"kernel_size": 1, "stride": 3},
    "same": {"kernel_size": (4, 3), "padding": "same", "dilation": (1, 2)},
    "same with a stride": {"kernel_size": (4, 3), "padding": "same", "stride": (3, 2)},
    "valid": {"kernel_size": 2, "padding": "valid"},
}
EXPECTED_WINDOWS = {
    "plain": Window((3, 3)),
    "not square": Window((2, 4), (1, 2), (3, 1), (1, 3, 1, 3)),
    "stride beyond the kernel": Window((1, 1), (3, 3)),
    "same": Window((4, 3), (1, 1), (1, 2), (1, 2, 2, 2)),
    "same with a stride": Window((4, 3), (3, 2), (1, 1), (1, 0, 1, 1)),
    "valid": Window((2, 2)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("groups", [1, CHANNELS])
@pytest.mark.parametrize("case", WINDOWS)
def test_windows_of_convolutions(case, groups, check_equal, random_images, adversarial):
    convolution = quant_conv(CHANNELS, CHANNELS, 2, groups=groups, **WINDOWS[case])
    model = adversarial(network(*pixels(), convolution, *act()), 2)
    made = check_equal(model, random_images(8, IMAGE), IMAGE)
    node = made.node("conv2" if groups == 1 else "dw2")
    assert node.window == EXPECTED_WINDOWS[case]
    assert node.origin == "3"


def test_zeros_around_bipolar_images_are_zeros():
    """Every image of 2x2 signs through a 3x3 kernel of signs: the corners see five zeros each."""
    signs = np.array(np.meshgrid(*[[0, 255]] * 4)).reshape(4, -1).T.reshape(-1, 2, 2, 1)
    convolution = quant_conv(1, 8, 1, kernel_size=3, padding=1)
    binary = nn.Sequential(nn.BatchNorm2d(1), activation_module(1))
    binary[0].running_mean.fill_(0.5)
    model = nn.Sequential(
        binary, convolution, *act(1, 8), nn.Flatten(), quant_linear(32, 3, 1)
    ).eval()
    made = lower(model, (2, 2, 1))
    edges = TorchTracer(model, made).edges(signs.astype(np.uint8))
    image = torch.from_numpy(np.where(signs > 0, 1.0, -1.0)).permute(0, 3, 1, 2)
    kernel = convolution.quant_weight().value.double()
    assert set(kernel.unique().tolist()) == {-1.0, 1.0}
    by_torch = functional.conv2d(image, kernel, padding=1).permute(0, 2, 3, 1).detach().numpy()
    assert np.array_equal(edges["conv1"], by_torch)
    assert made.types["input_act"].element == BIPOLAR
    assert set(np.unique(by_torch) % 2) == {0}
    assert by_torch.min() == -4


POOLS = {
    "max": (nn.MaxPool2d(2), Window((2, 2), (2, 2))),
    "max with padding": (
        nn.MaxPool2d((3, 2), stride=1, padding=1),
        Window((3, 2), (1, 1), (1, 1), (1, 1, 1, 1)),
    ),
    "max with dilation": (nn.MaxPool2d(2, stride=2, dilation=3), Window((2, 2), (2, 2), (3, 3))),
    "max over the edge": (
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        Window((3, 3), (2, 2), (1, 1), (0, 0, 0, 1)),
    ),
    "average of 4": (nn.AvgPool2d(2), Window((2, 2), (2, 2))),
    "average of 6": (
        nn.AvgPool2d((2, 3), stride=1, padding=1),
        Window((2, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
    ),
    "average by 7": (nn.AvgPool2d(2, divisor_override=7), Window((2, 2), (2, 2))),
    "average up to the edge": (nn.AvgPool2d((5, 2), ceil_mode=True), Window((5, 2), (5, 2))),
    "global average": (nn.AdaptiveAvgPool2d(1), Window((5, 6), (5, 6))),
}


@pytest.mark.parametrize("bits", [1, "t", 4])
@pytest.mark.parametrize("case", POOLS)
def test_pools_of_activations(case, bits, check_equal, random_images, adversarial):
    pool, window = POOLS[case]
    model = adversarial(network(*pixels(bits), pool, *act("t")), 3)
    made = check_equal(model, random_images(8, IMAGE), IMAGE)
    assert made.node("pool1").window == window
    assert made.node("act1_2").inputs == ("pool1",)


@pytest.mark.parametrize("case", POOLS)
def test_pools_of_accumulators(case, check_equal, random_images, adversarial):
    """Between a product and its batch normalisation, of one scale for each channel."""
    pool, _ = POOLS[case]
    convolution = qnn.QuantConv2d(
        2, CHANNELS, 1, bias=False, weight_quant=Int8WeightPerChannelFixedPoint
    )
    model = network(convolution, pool, *act())
    with torch.no_grad():
        convolution.weight.mul_(torch.tensor([1.0, 3.0, 0.1, 0.7]).reshape(-1, 1, 1, 1))
    assert len(convolution.quant_weight().scale.unique()) > 1
    made = check_equal(adversarial(model, 4), random_images(8, IMAGE), IMAGE)
    assert made.node("act1").inputs == ("pool1",)


@pytest.mark.parametrize("pool", [nn.AvgPool2d((2, 2)), nn.AvgPool2d((4, 1), divisor_override=32)])
def test_products_read_exact_averages(pool, check_equal, random_images, adversarial):
    model = adversarial(network(*pixels(2), pool, quant_conv(CHANNELS, 3, "t", kernel_size=1)), 5)
    model = model[:-3].append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
    made = check_equal(model, random_images(8, IMAGE), IMAGE)
    assert made.node("conv2").inputs == ("pool1",)
    assert str(made.types["pool1"].element) == "UINT4"


@pytest.mark.parametrize("last", [[], [TensorNorm()]])
@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d(1), nn.AvgPool2d((5, 6))])
def test_a_global_average_may_be_last(pool, last, check_equal, random_images):
    model = network(*pixels(), quant_conv(CHANNELS, 3, 1, kernel_size=3, padding=1))
    model = nn.Sequential(*model[:4], pool, nn.Flatten(), *last).eval()
    made = check_equal(model, random_images(60, IMAGE), IMAGE)
    assert made.node("label").inputs == ("flat",)
    assert made.node("flat").inputs == ("pool1",)


def test_what_follows_a_flattened_average(check_equal, random_images, adversarial):
    """The division waits beyond the reshape; a vector of channels may have its own functions."""
    layers = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(CHANNELS), nn.ReLU()]
    model = adversarial(network(*pixels(), *layers, activation_module(4)), 6)
    made = check_equal(model, random_images(30, IMAGE), IMAGE)
    assert [node.name for node in made.nodes[3:]] == ["pool1", "flat", "act1_2", "fc2", "label"]
    assert made.node("act1_2").table.rows == CHANNELS


def test_elementwise_modules_around_a_reshape(check_equal, random_images, adversarial):
    model = network(*pixels(4), nn.AvgPool2d((2, 3)), nn.Flatten(), nn.ReLU(), activation_module(1))
    made = check_equal(adversarial(model, 7), random_images(30, IMAGE), IMAGE)
    assert made.node("act1_2").table.rows == 1


def test_accumulators_are_flattened_with_their_scales(check_equal, random_images):
    convolution = qnn.QuantConv2d(2, 4, 3, bias=False, weight_quant=Int8WeightPerChannelFixedPoint)
    model = network(convolution, nn.Flatten(), activation_module(4)).eval()
    with torch.no_grad():
        convolution.weight.mul_(torch.tensor([1.0, 3.0, 0.1, 0.7]).reshape(-1, 1, 1, 1))
    made = check_equal(model, random_images(30, IMAGE), IMAGE)
    assert made.node("act1").table.rows == 48


def test_pixels_of_several_channels_may_be_normalised(check_equal, random_images, adversarial):
    layers = [nn.BatchNorm2d(2), activation_module(2), quant_conv(2, 3, 1, kernel_size=2)]
    made = check_equal(adversarial(network(*layers, *act(1, 3)), 8), random_images(9, IMAGE), IMAGE)
    assert made.node("input_act").table.rows == 2


PADS = {
    "zero": (nn.ZeroPad2d((1, 2, 3, 0)), (3, 1, 0, 2)),
    "all sides": (nn.ZeroPad2d(2), (2, 2, 2, 2)),
    "constant": (nn.ConstantPad2d((0, 1, 0, 2), 0.0), (0, 0, 2, 1)),
}


@pytest.mark.parametrize("case", PADS)
@pytest.mark.parametrize("bits", [1, 2])
def test_padding(case, bits, check_equal, random_images, adversarial):
    pad, padding = PADS[case]
    layers = [pad, quant_conv(CHANNELS, 3, 1, kernel_size=3)]
    model = adversarial(network(*pixels(bits), *layers, *act(1, 3)), 9)
    made = check_equal(model, random_images(8, IMAGE), IMAGE)
    assert made.node("pad1").padding == padding
    assert made.types["pad1"].element == (TERNARY if bits == 1 else made.types["act1"].element)


def test_padding_of_pixels_and_of_accumulators(check_equal, random_images, adversarial):
    layers = [nn.ZeroPad2d(1), quant_conv(2, 4, "t", kernel_size=3), nn.ZeroPad2d((0, 0, 1, 0))]
    model = adversarial(network(*layers, *act()), 10)
    made = check_equal(model, random_images(8, IMAGE), IMAGE)
    assert [node.name for node in made.nodes[:5]] == ["image", "pad1", "conv1", "pad2", "act1"]


@pytest.mark.parametrize(
    ("module", "factor"),
    [
        (nn.Upsample(scale_factor=2), (2, 2)),
        (nn.Upsample(scale_factor=(1, 3), mode="nearest"), (1, 3)),
        (nn.Upsample(size=(15, 6), mode="nearest-exact"), (3, 1)),
        (nn.UpsamplingNearest2d(scale_factor=2), (2, 2)),
    ],
)
def test_upsampling(module, factor, check_equal, random_images, adversarial):
    model = network(*pixels(), module, quant_conv(CHANNELS, 3, 1, kernel_size=2), *act(1, 3))
    made = check_equal(adversarial(model, 11), random_images(8, IMAGE), IMAGE)
    assert made.node("up1").factor == factor


@pytest.mark.parametrize("levels", [[128], [1, 77, 254, 255]])
def test_thermometer_codes(levels, check_equal, random_images, adversarial):
    channels = 2 * len(levels)
    layers = [Thermometer(levels), quant_conv(channels, 4, 1, kernel_size=3, padding=1)]
    model = adversarial(network(*layers, *act()), 12)
    images = random_images(8, IMAGE)
    images[2].flat[:] = np.resize([*levels, *[level - 1 for level in levels]], images[2].size)
    made = check_equal(model, images, IMAGE)
    assert made.node("thermo").levels.tolist() == levels
    assert made.node("conv1").inputs == ("thermo",)


SIGNAL = (1, 11, 3)


class Signals(nn.Module):
    """Drops the height, as users write it: inside of a module without parts."""

    def forward(self, x):
        return x.squeeze(2)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("start", [Signals(), nn.Flatten(2)])
def test_signals(start, check_equal, random_images, adversarial):
    model = network(
        start,
        quant_conv(3, 4, "t", axes=1, kernel_size=3, stride=2, padding=2),
        nn.BatchNorm1d(4),
        activation_module(1),
        quant_conv(4, 4, 1, axes=1, kernel_size=2, dilation=2, padding="same", groups=4),
        nn.MaxPool1d(2, stride=1),
        nn.BatchNorm1d(4),
        activation_module(2),
        nn.ZeroPad1d((2, 1)),
        nn.Upsample(scale_factor=2),
        nn.ConstantPad1d(1, 0.0),
        quant_conv(4, 4, 1, axes=1, kernel_size=3),
        nn.AvgPool1d(3, stride=2, padding=1),
        nn.BatchNorm1d(4),
        activation_module("t"),
        nn.AdaptiveAvgPool1d(1),
        activation_module(4),
        image=SIGNAL,
    )
    made = check_equal(adversarial(model, 13), random_images(20, SIGNAL), SIGNAL)
    assert [node.name for node in made.nodes] == [
        *("image", "conv1", "act1", "dw2", "pool1", "act2", "pad1", "up1", "pad2"),
        *("conv3", "pool2", "act3", "pool3", "act3_2", "flat", "fc4", "label"),
    ]
    assert made.node("conv1").window == Window((1, 3), (1, 2), (1, 1), (0, 2, 0, 2))
    assert made.node("dw2").window == Window((1, 2), (1, 1), (1, 2), (0, 1, 0, 1))
    assert made.types["up1"].shape == (1, 18, 4)


def test_a_height_is_added_and_dropped(check_equal, random_images, adversarial):
    layers = [nn.Flatten(2), quant_conv(3, 4, 1, axes=1, kernel_size=3), nn.Unflatten(2, (1, -1))]
    with pytest.raises(LoweringError, match=r"^layer '2' \(Unflatten\) is of no kind"):
        lower(network(*layers, image=SIGNAL), SIGNAL)

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers[1], quant_conv(4, 4, 1, kernel_size=(1, 3))
            self.act, self.last = nn.Sequential(nn.BatchNorm1d(4), activation_module(1)), scores(28)
            self.rest = nn.Sequential(*act(1), *self.last)

        def forward(self, x):
            return self.rest(self.second(self.act(self.first(x[:, :, 0])).unsqueeze(2)))

    check_equal(adversarial(Mixed(), 14), random_images(20, SIGNAL), SIGNAL)


def test_networks_in_channels_last_layout(check_equal, random_images, adversarial):
    class Fast(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(*pixels(), quant_conv(4, 3, 1, kernel_size=3), *act(1, 3))
            self.head = quant_linear(36, 3, 1)

        def forward(self, x):
            x = self.body(x.to(memory_format=torch.channels_last).contiguous())
            return self.head(x.clone().reshape(len(x), -1))

    model = Fast().to(memory_format=torch.channels_last)
    made = check_equal(adversarial(model, 15), random_images(20, IMAGE), IMAGE)
    assert made.node("flat").origin == ""


@pytest.mark.parametrize("returns", [True, False])
def test_tensors_of_brevitas_pass_all_layers(returns, check_equal, random_images, adversarial):
    quantizer = qnn.QuantIdentity(
        act_quant=Uint8ActPerTensorFixedPointMaxInit, max_val=1.0, return_quant_tensor=returns
    )
    relu = qnn.QuantReLU(
        act_quant=Uint8ActPerTensorFixedPointMaxInit,
        max_val=2.0,
        bit_width=3,
        return_quant_tensor=returns,
    )
    convolution = qnn.QuantConv2d(
        2, CHANNELS, 3, bias=False, weight_quant=Int8WeightPerTensorFixedPoint
    )
    layers = [quantizer, convolution, nn.BatchNorm2d(CHANNELS), relu, nn.MaxPool2d(2)]
    model = network(*layers, nn.Upsample(scale_factor=2), nn.Dropout2d())
    check_equal(adversarial(model, 16), random_images(20, IMAGE), IMAGE)
