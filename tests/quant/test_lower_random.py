# SPDX-License-Identifier: Apache-2.0
"""Random convolutional networks, with batch normalisations that would fool formulas."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnorflow.quant.lower import lower
from xnorflow.quant.models.joins import Add, Concat
from xnorflow.quant.models.layers import TensorNorm
from xnorflow.quant.models.thermometer import Thermometer
from xnorflow.quant.quantizers import activation_module, quant_conv, quant_linear, residual_module

BITS = [1, "t", 2, 4, 8]
LARGEST = 8


class Join(nn.Module):
    """Two branches of one input, joined by a module or by ``forward`` itself."""

    def __init__(self, first, second, join):
        super().__init__()
        self.first, self.second, self.join = first, second, join

    def forward(self, x):
        a, b = self.first(x), self.second(x)
        if isinstance(self.join, nn.Module):
            return self.join(a, b)
        return a + b if self.join == "add" else torch.cat((a, b), dim=1)


class Draw:
    """Random layers for images whose size is known."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.height, self.width = (int(n) for n in self.rng.integers(2, 7, 2))
        self.channels = int(self.rng.integers(1, 4))
        self.image = (self.height, self.width, self.channels)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def size(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def activation(self):
        if self.pick([True, False]):
            return activation_module(self.pick(BITS))
        return residual_module(self.pick([3, 4]))

    def quantised(self, channels):
        """What may stand behind a product, pool or join."""
        return [
            *self.pick([[], [nn.BatchNorm2d(channels)]]),
            *self.pick([[], [nn.ReLU()], [nn.Hardtanh(inplace=True)], [nn.Dropout()]]),
            self.activation(),
        ]

    def conv(self):
        """A convolution that fits, dense or depthwise."""
        kernel = self.size(1, min(3, self.height)), self.size(1, min(3, self.width))
        outputs = self.pick([self.channels, self.size(1, 4)])
        groups = self.channels if outputs == self.channels and self.pick([True, False]) else 1
        layer = quant_conv(
            self.channels,
            outputs,
            self.pick(BITS),
            kernel_size=kernel,
            stride=(self.size(1, 2), self.size(1, 2)),
            padding=(self.size(0, 2), self.size(0, 2)),
            dilation=self.pick([1, 1, (1, 2), (2, 1)]),
            groups=groups,
        )
        self.channels = outputs
        return [layer, *self.pick([[], [self.pool()]]), *self.quantised(outputs)]

    def pool(self):
        kernel = self.size(1, 2), self.size(1, 2)
        stride, padding = self.pick([None, 1, (1, 2)]), tuple(self.size(0, k // 2) for k in kernel)
        return self.pick(
            [
                nn.MaxPool2d(kernel, stride, padding),
                nn.MaxPool2d(kernel, stride, padding, ceil_mode=True),
                nn.AvgPool2d(kernel, stride, padding),
                nn.AvgPool2d((1, 3), 1, (0, 1)),
            ]
        )

    def pooled(self):
        return [self.pool(), *self.quantised(self.channels)]

    def mover(self):
        return [
            self.pick(
                [
                    nn.ZeroPad2d((1, 0, 0, 2)),
                    nn.Upsample(scale_factor=self.pick([2, (1, 3)])),
                    nn.Identity(),
                ]
            )
        ]

    def requantised(self):
        return self.quantised(self.channels)

    def joined(self):
        """A 1x1 convolution beside nothing, or beside another one."""
        outputs = self.channels

        def branch():
            conv = quant_conv(outputs, outputs, self.pick(BITS[:4]), kernel_size=1)
            return nn.Sequential(conv, nn.BatchNorm2d(outputs))

        if self.pick([True, False]):
            sides = [nn.Sequential(*branch(), self.activation()) for _ in range(2)]
            return [Join(*sides, self.pick([Add(), "add"])), *self.quantised(outputs)]
        bits = self.pick([1, 2, 4])
        sides = [nn.Sequential(*branch(), activation_module(bits)) for _ in range(2)]
        self.channels = 2 * outputs
        return [Join(*sides, self.pick([Concat(), "cat"])), *self.pick([[], [self.activation()]])]

    def network(self, blocks):
        layers = []
        if self.pick([True, False]):
            levels = sorted(set(self.rng.integers(1, 256, 3).tolist()))
            layers, self.channels = [Thermometer(levels)], self.channels * len(levels)
        layers += self.conv()
        for _ in range(blocks):
            self.height, self.width = self.size_of(layers)
            if max(self.height, self.width) > LARGEST:
                break
            kinds = [self.conv, self.conv, self.pooled, self.mover, self.requantised, self.joined]
            layers += self.pick(kinds)()
        if not self.ends_quantised(layers):
            layers.append(self.activation())
        return nn.Sequential(*layers, *self.head(layers))

    def ends_quantised(self, layers):
        return not isinstance(layers[-1], nn.AvgPool2d)

    def size_of(self, layers):
        height, width, channels = self.image
        body = nn.Sequential(*layers).eval()
        return (int(n) for n in body(torch.zeros(1, channels, height, width)).shape[2:])

    def head(self, layers):
        self.height, self.width = self.size_of(layers)
        if self.pick([True, False]):
            conv = quant_conv(self.channels, 3, self.pick(BITS), kernel_size=1)
            return [conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), TensorNorm()]
        inputs = self.channels * self.height * self.width
        return [nn.Flatten(), quant_linear(inputs, 3, self.pick(BITS))]


def make(seed, blocks):
    """A network that fits its images; ``None`` if a window is larger than what it sees."""
    torch.manual_seed(seed)
    draw = Draw(seed)
    try:
        return draw.network(blocks), draw.image
    except RuntimeError:
        return None, draw.image


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), blocks=st.integers(1, 5))
def test_any_network_is_equal_on_every_edge(seed, blocks, check_equal, random_images, adversarial):
    model, image = make(seed, blocks)
    if model is not None:
        check_equal(adversarial(model, seed), random_images(6, image, seed), image)


def test_random_networks_have_everything(adversarial):
    """Most of them fit, and all kinds of nodes occur."""
    kinds: Counter[str] = Counter()
    made = 0
    for seed in range(40):
        model, image = make(seed, 5)
        if model is not None:
            made += 1
            kinds.update({node.mnemonic for node in lower(adversarial(model, seed), image).nodes})
    assert made > 25
    wanted = "conv depthwise max_pool sum_pool add concat pad upsample thermometer threshold"
    assert all(kinds[kind] >= 3 for kind in [*wanted.split(), "flatten", "matmul", "argmax"])


@pytest.mark.slow
@settings(max_examples=1000)
@given(seed=st.integers(0, 10**9), blocks=st.integers(1, 8))
def test_many_networks_are_equal_on_every_edge(
    seed, blocks, check_equal, random_images, adversarial
):
    model, image = make(seed, blocks)
    if model is not None:
        check_equal(adversarial(model, seed), random_images(6, image, seed), image)
