# SPDX-License-Identifier: Apache-2.0
"""Modules that are called again, and those that exchange Brevitas' own tensors."""

from __future__ import annotations

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant.fixed_point import Uint8ActPerTensorFixedPointMaxInit
from torch import nn

from xnorflow.quant.models.joins import Add, Concat
from xnorflow.quant.quantizers import activation_module, quant_conv, quant_linear

IMAGE = (4, 5, 2)
CHANNELS = 4


def branch(inputs, bits, outputs=CHANNELS):
    return nn.Sequential(
        quant_conv(inputs, outputs, "t", kernel_size=3, padding=1),
        nn.BatchNorm2d(outputs),
        activation_module(bits) if bits is not None else nn.Identity(),
    )


class Vectors(nn.Module):
    def __init__(self, join, size):
        super().__init__()
        self.flatten, self.join = nn.Flatten(), join
        self.first, self.second = quant_linear(40, 6, 1), quant_linear(40, 6, "t")
        self.norm, self.act = nn.BatchNorm1d(6), activation_module(2)
        self.head = quant_linear(size, 3, "t")

    def forward(self, x):
        x = self.flatten(x)
        acts = [self.act(self.norm(layer(x))) for layer in (self.first, self.second)]
        return self.head(self.join(*acts))


@pytest.mark.parametrize(("join", "size"), [(Add(), 6), (Concat(), 12)])
def test_vectors_are_joined(join, size, check_equal, random_images, adversarial):
    """And modules are called twice, even with weights or statistics."""
    torch.manual_seed(7)
    model = adversarial(Vectors(join, size), 12)
    made = check_equal(model, random_images(20, IMAGE), IMAGE)
    assert [made.node(name).origin for name in ("act1", "act2")] == ["act", "act:2"]


class Reused(nn.Module):
    """One module in several places, as ``self.pool`` often is; also one that has weights."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv = branch(2, 1), quant_conv(CHANNELS, CHANNELS, 1, kernel_size=1)
        self.norm, self.act, self.pool = (
            nn.BatchNorm2d(CHANNELS),
            activation_module(1),
            nn.MaxPool2d(2, stride=1),
        )
        self.head = nn.Sequential(nn.Flatten(), quant_linear(24, 3, 1))

    def forward(self, x):
        x = self.stem(x)
        for _ in range(2):
            x = self.pool(self.act(self.norm(self.conv(x))))
        return self.head(x)


def test_modules_may_be_called_again(check_equal, random_images, adversarial):
    torch.manual_seed(8)
    made = check_equal(adversarial(Reused(), 13), random_images(20, IMAGE), IMAGE)
    assert [node.origin for node in made.nodes[3:9]] == [
        *("conv", "act", "pool", "conv:2", "act:2", "pool:2")
    ]
    assert np.array_equal(made.node("conv2").weights, made.node("conv3").weights)


class BrevitasTensors(nn.Module):
    def __init__(self, join, channels):
        super().__init__()
        self.convs = nn.ModuleList(
            quant_conv(2, CHANNELS, bits, kernel_size=1) for bits in (1, "t")
        )
        self.acts = nn.ModuleList(
            qnn.QuantReLU(
                act_quant=Uint8ActPerTensorFixedPointMaxInit,
                max_val=2.0,
                bit_width=4,
                return_quant_tensor=True,
            )
            for _ in self.convs
        )
        self.join = join
        self.head = nn.Sequential(activation_module(2), nn.Flatten(), quant_linear(channels, 3, 1))

    def forward(self, x):
        return self.head(
            self.join(*(act(conv(x)) for conv, act in zip(self.convs, self.acts, strict=True)))
        )


@pytest.mark.parametrize(
    ("join", "size"),
    [
        (Add(), 80),
        (lambda a, b: a + b, 80),
        (Concat(), 160),
        (lambda a, b: torch.cat((a, b), dim=1), 160),
    ],
)
def test_tensors_of_brevitas_are_joined(join, size, check_equal, random_images):
    torch.manual_seed(9)
    model = BrevitasTensors(join, size).eval()
    check_equal(model, random_images(20, IMAGE), IMAGE)
