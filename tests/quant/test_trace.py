# SPDX-License-Identifier: Apache-2.0
"""Values of PyTorch as integers: read from its modules, and only if they are exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnorflow.errors import MismatchError
from xnorflow.quant import trace
from xnorflow.quant.lower import lower
from xnorflow.quant.models.joins import Add
from xnorflow.quant.quantizers import activation_module, quant_conv, residual_module
from xnorflow.quant.trace import TorchTracer

IMAGE = (4, 6, 2)
LARGEST_SUM = (1 << 23) - 1


class Block(nn.Module):
    """All sorts of edges: products, quantisers, pools, joins."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = quant_conv(2, 3, "t", kernel_size=1), residual_module(4)
        self.second = quant_conv(3, 3, 1, kernel_size=3, padding=1)
        self.norm, self.signs = nn.BatchNorm2d(3), activation_module(1)
        self.stream, self.add = residual_module(4), Add()
        self.pool, self.flatten = nn.AvgPool2d((4, 6)), nn.Flatten()

    def forward(self, x):
        x = self.act(self.conv(x))
        x = self.add(x, self.stream(self.norm(self.second(self.signs(x)))))
        return self.flatten(self.pool(x + x))


@pytest.fixture
def block():
    torch.manual_seed(0)
    model = Block().eval()
    return model, lower(model, IMAGE)


def by_hand(model, images):
    """The edges of :class:`Block`, by its modules one after the other."""
    with torch.no_grad():
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 256
        conv = model.conv(x)
        act = model.act(conv)
        signs = model.signs(act)
        second = model.second(signs)
        stream = model.stream(model.norm(second))
        total = act + stream
        scores = model.pool(total + total).flatten(1)
    unit = model.act.act_quant.scale().item()
    assert model.stream.act_quant.scale().item() == unit
    return {
        "conv1": conv * 256,
        "act1": act / unit,
        "act1_2": signs,
        "conv2": second,
        "act2": stream / unit,
        "add1": total / unit,
        "add2": 2 * total / unit,
        "pool1": (2 * total / unit).sum((2, 3), keepdim=True),
    }, scores


def test_every_edge_is_what_the_modules_give(block, random_images):
    model, network = block
    images = random_images(30, IMAGE)
    edges = TorchTracer(model, network).edges(images)
    expected, scores = by_hand(model, images)
    assert set(edges) == {*expected, "image", "flat", "label"}
    for name, values in expected.items():
        assert edges[name].dtype == np.int64
        assert np.array_equal(edges[name], values.permute(0, 2, 3, 1).numpy()), name
    assert np.array_equal(edges["image"], images)
    assert np.array_equal(edges["flat"], edges["pool1"].reshape(30, 3))
    assert np.array_equal(edges["label"][:, 0], scores.numpy().argmax(axis=1))


def test_batches_are_bounded_by_values(block, random_images, monkeypatch):
    model, network = block
    images = random_images(20, IMAGE)
    whole = TorchTracer(model, network).edges(images)
    values = sum(tensor.size for tensor in network.types.values())
    monkeypatch.setattr(trace, "BATCH_VALUES", 3 * values)
    sizes = []
    model.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    parts = TorchTracer(model, network).edges(images)
    assert sizes == [3] * 6 + [2]
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("edge", ["conv", "act", "add", "pool"])
def test_values_that_are_no_whole_multiples_are_found(block, random_images, edge):
    model, network = block
    tracer = TorchTracer(model, network)
    name = {"conv": "conv1", "act": "act1", "add": "add1", "pool": "pool1"}[edge]
    module = model.get_submodule(edge)
    module.register_forward_hook(lambda _, __, output: output.nextafter(torch.tensor(9.0)))
    with pytest.raises(
        MismatchError,
        match=f"^module '{edge}' gives values that are no whole multiples of its scale "
        rf"\(edge '{name}'\)$",
    ):
        tracer.edges(random_images(10, IMAGE))


@settings(max_examples=60)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    exponent=st.integers(-12, 3),
    seed=st.integers(0, 1000),
)
def test_sums_are_got_back_from_rounded_averages(height, width, exponent, seed):
    """Of all kinds of pools, up to the largest sum that lowering admits."""
    generator = np.random.default_rng(seed)
    sums = generator.integers(-LARGEST_SUM, LARGEST_SUM + 1, (50, 1))
    sums[:4, 0] = -LARGEST_SUM, LARGEST_SUM, LARGEST_SUM - 1, 0
    scale = 2.0**exponent
    images = np.zeros((50, 1, height, width))
    images[:, :, -1, 0] = sums * scale
    images[:, :, 0, -1] += scale
    images[:, :, 0, 0] -= scale
    model = nn.Sequential(activation_module(1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = lower(model.eval(), (height, width, 1))
    tracer = TorchTracer(model, network)
    tracer.scales["input_act"] = np.array([scale])
    for pool in (model[1], nn.AvgPool2d((height, width))):
        averages = pool(torch.from_numpy(images).float()).permute(0, 2, 3, 1).numpy()
        found = tracer.sums(network.node("pool1"), averages)
        assert np.array_equal(found[:, 0, 0], sums)
