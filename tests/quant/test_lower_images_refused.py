# SPDX-License-Identifier: Apache-2.0
"""Layers on images that have no exact integer form are refused, with the layer and the reason."""

from __future__ import annotations

import brevitas.nn as qnn
import pytest
import torch
from brevitas.quant.fixed_point import Int8WeightPerTensorFixedPoint
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.quant.lower import lower
from xnorflow.quant.models.thermometer import Thermometer
from xnorflow.quant.quantizers import activation_module, quant_conv

IMAGE = (5, 6, 2)
CHANNELS = 4


def pixels(bits=1):
    """Channels of an activation from an image of two channels, at full size."""
    norm = nn.BatchNorm2d(CHANNELS)
    return [quant_conv(2, CHANNELS, "t", kernel_size=1), norm, activation_module(bits)]


def conv(**options):
    return quant_conv(CHANNELS, CHANNELS, 1, kernel_size=3, **options)


REFUSED = {
    "groups of several channels": (
        lambda: [*pixels(), conv(groups=2)],
        r"layer '3' \(MaskedConv2d\) must have groups=1, or one group and one output for each of "
        r"its 4 input channels, not groups=2 and 4 outputs$",
    ),
    "several outputs of a channel": (
        lambda: [*pixels(), quant_conv(4, 8, 1, kernel_size=3, groups=4)],
        r"layer '3' \(MaskedConv2d\) must have groups=1, or .* not groups=4 and 8 outputs$",
    ),
    "other padding": (
        lambda: [*pixels(), conv(padding=1, padding_mode="reflect")],
        r"layer '3' \(MaskedConv2d\) must pad with zeros \(padding_mode='zeros'\), not 'reflect'$",
    ),
    "float convolution": (
        lambda: [nn.Conv2d(2, 4, 3)],
        r"layer '0' \(Conv2d\) is of no kind that can be lowered: use brevitas\.nn\.QuantConv2d$",
    ),
    "bias": (
        lambda: [qnn.QuantConv2d(2, 4, 3, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)],
        r"layer '0' \(QuantConv2d\) must have no bias \(bias=False\)",
    ),
    "pool behind a norm": (
        lambda: [*pixels()[:2], nn.MaxPool2d(2), activation_module(1)],
        r"layer '2' \(MaxPool2d\) must read quantised values; '1' \(BatchNorm2d\) gives others: "
        r"pool before the batch normalisation, or behind the quantiser$",
    ),
    "average of averages": (
        lambda: [*pixels(), nn.AvgPool2d(3, stride=1), nn.AvgPool2d(2)],
        r"layer '4' \(AvgPool2d\) must read quantised values; '3' \(AvgPool2d\) gives others: pool",
    ),
    "product of averages": (
        lambda: [*pixels(), nn.AvgPool2d(3, stride=1), conv()],
        r"layer '4' \(MaskedConv2d\) must read quantised values; '3' \(AvgPool2d\) gives others$",
    ),
    "average over the edge": (
        lambda: [*pixels(), nn.AvgPool2d(2, ceil_mode=True)],
        r"layer '3' \(AvgPool2d\) must have no windows over the edge \(ceil_mode=False\)",
    ),
    "padding not counted": (
        lambda: [*pixels(), nn.AvgPool2d(2, padding=1, count_include_pad=False)],
        r"layer '3' \(AvgPool2d\) must count its padding \(count_include_pad=True\)",
    ),
    "adaptive pool": (
        lambda: [*pixels(), nn.AdaptiveAvgPool2d(2)],
        r"layer '3' \(AdaptiveAvgPool2d\) must average over the whole image \(output size 1\)",
    ),
    "pool with indices": (
        lambda: [*pixels(), nn.MaxPool2d(2, return_indices=True), nn.Identity()],
        r"layers must exchange single tensors, not tuple$",
    ),
    "padding behind a norm": (
        lambda: [*pixels()[:2], nn.ZeroPad2d(1), activation_module(1)],
        r"layer '2' \(ZeroPad2d\) must read quantised values; '1' \(BatchNorm2d\) gives others: "
        r"pad behind the quantiser$",
    ),
    "padding with others": (
        lambda: [*pixels(), nn.ConstantPad2d(1, -1.0)],
        r"layer '3' \(ConstantPad2d\) must add zeros, not other values, and cut nothing off$",
    ),
    "cropping": (
        lambda: [*pixels(), nn.ZeroPad2d(-1)],
        r"layer '3' \(ZeroPad2d\) must add zeros, not other values, and cut nothing off$",
    ),
    "interpolation": (
        lambda: [*pixels(), nn.Upsample(scale_factor=2, mode="bilinear")],
        r"layer '3' \(Upsample\) must repeat every pixel as often: mode='nearest' and a whole",
    ),
    "broken factor": (
        lambda: [*pixels(), nn.Upsample(scale_factor=1.5)],
        r"layer '3' \(Upsample\) must repeat every pixel as often",
    ),
    "smaller": (
        lambda: [*pixels(), nn.Upsample(scale_factor=0.5)],
        r"layer '3' \(Upsample\) must repeat every pixel as often",
    ),
    "upsampling behind a norm": (
        lambda: [*pixels()[:2], nn.Upsample(scale_factor=2), activation_module(1)],
        r"layer '2' \(Upsample\) must read quantised values; '1' \(BatchNorm2d\) gives others: "
        r"upsample behind the quantiser$",
    ),
    "thermometer of activations": (
        lambda: [*pixels(), Thermometer([128])],
        r"layer '3' \(Thermometer\) must read the image itself$",
    ),
    "flattened before the activation": (
        lambda: [*pixels()[:2], nn.Flatten(), activation_module(1), nn.Flatten()],
        r"layer '2' \(Flatten\) must stand behind the quantiser that follows '1' \(BatchNorm2d\)$",
    ),
    "norm of a flattened image": (
        lambda: [quant_conv(2, 4, 1, kernel_size=3), nn.Flatten(), nn.BatchNorm1d(48)],
        r"layer '2' \(BatchNorm1d\) must stand before the image is flattened$",
    ),
    "image of a vector": (
        lambda: [*pixels(), nn.Flatten(), nn.Unflatten(1, (4, 5, 6)), conv()],
        r"layer '4' \(Unflatten\) is of no kind that can be lowered",
    ),
    "no padding left": (
        lambda: [*pixels(), nn.AvgPool2d(3, stride=1), nn.Dropout(), nn.ZeroPad2d(1)],
        r"layer '5' \(ZeroPad2d\) must read quantised values; '3' \(AvgPool2d\) gives others",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exact_is_refused(case):
    make, message = REFUSED[case]
    torch.manual_seed(0)
    with pytest.raises(LoweringError, match=f"^{message}"):
        lower(nn.Sequential(*make()).eval(), IMAGE)


class Transposed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = quant_conv(6, 4, 1, axes=1, kernel_size=3)

    def forward(self, x):
        return self.conv(x[:, 0].transpose(1, 2)).flatten(1)


class Columns(nn.Module):
    """Reads rows as channels: another order than that of the pixels."""

    def __init__(self):
        super().__init__()
        self.conv = quant_conv(5, 4, 1, axes=1, kernel_size=3)

    def forward(self, x):
        return self.conv(x[:, 0]).flatten(1)


class FlatImage(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.conv = nn.AdaptiveAvgPool2d(1), quant_conv(4, 4, 1, kernel_size=1)
        self.flatten, self.act = nn.Flatten(), activation_module(1)
        self.first = nn.Sequential(*pixels())

    def forward(self, x):
        x = self.act(self.flatten(self.pool(self.first(x))))
        return self.conv(x[:, :, None, None]).flatten(1)


@pytest.mark.parametrize(
    ("model", "image", "message"),
    [
        (
            Transposed,
            (5, 6, 1),
            r"what layer 'conv' reads must be the output of a layer, but forwa",
        ),
        (Columns, (5, 6, 1), r"layer '' \(Reshape\) must make one vector of 30, or add or drop a "),
        (FlatImage, IMAGE, r"layer '' \(Reshape\) must make one vector of 4, or add or drop a hei"),
    ],
)
def test_other_orders_of_pixels_are_refused(model, image, message):
    with pytest.raises(LoweringError, match=f"^{message}"):
        lower(model().eval(), image)


@pytest.mark.parametrize(
    ("pool", "limit"),
    [
        (nn.AvgPool2d((1 << 8, 1 << 9)), r"2\*\*24 = 16777216 .* may reach 33423360: pool smaller"),
        (nn.AvgPool2d((3, 11000)), r"2\*\*23 = 8388608 .* may reach 8415000: pool smaller"),
    ],
)
def test_sums_of_pools_beyond_float32_are_refused(pool, limit):
    layers = [activation_module(8), nn.ZeroPad2d((0, 11000, 0, 255)), pool, nn.Flatten()]
    message = rf"^the sums of layer '2' \(AvgPool2d\) must stay below {limit}"
    with pytest.raises(LoweringError, match=message):
        lower(nn.Sequential(*layers).eval(), (1, 1, 1))
