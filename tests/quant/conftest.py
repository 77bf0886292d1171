# SPDX-License-Identifier: Apache-2.0
"""PyTorch against the integer network by definition, on every edge; networks to try it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from naive import naive_edges
from torch import nn

from xnorflow.ir import Network
from xnorflow.quant.lower import lower
from xnorflow.quant.trace import TorchTracer

Shape = tuple[int, int, int]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """PyTorch with one thread: the tensors of tests are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def evaluate() -> Callable[[Network, Any], dict[str, Any]]:
    """Integers on every edge, by definition."""
    return naive_edges


@pytest.fixture(scope="session")
def check_equal() -> Callable[..., Network]:
    """``check_equal(model, images, image_shape)``: the integer network, equal on every edge."""

    def check(model: nn.Module, images: Any, image_shape: Shape | None = None) -> Network:
        network = lower(model, image_shape)
        expected = TorchTracer(model, network).edges(images)
        found = naive_edges(network, images)
        assert list(expected) == [node.name for node in network.nodes]
        for name, values in expected.items():
            assert values.shape == (len(images), *network.types[name].shape), name
            assert network.types[name].element.contains(values), name
            assert np.array_equal(values, found[name]), name
        return network

    return check


@pytest.fixture(scope="session")
def random_images() -> Callable[..., Any]:
    """``random_images(count, shape, seed)``: uint8, a black and a white one among them."""

    def images(count: int, shape: Shape, seed: int = 1) -> Any:
        generator = np.random.default_rng(seed)
        made = generator.integers(0, 256, (count, *shape), dtype=np.uint8)
        made[0], made[1] = 0, 255
        return made

    return images


GAINS = (1.0, -1.0, 0.3, -0.7, 2.5, -2.5) * 3 + (0.0, -0.0, 1e-20, -1e20)
VARIANCES = (0.3, 1.0, 3.0, 7.7) * 3 + (0.0, 1e-9, 1e6)
OFFSETS = (0.0, 0.0, -0.0, 0.5, -0.5, 1.5)


@pytest.fixture(scope="session")
def adversarial() -> Callable[[nn.Module, int], nn.Module]:
    """``adversarial(model, seed)``: batch normalisations for which formulas would be wrong.

    Means on the lattice of accumulators, mostly no offset, gains negative, 0.0 and -0.0. Most
    channels are not constant: they depend on means and scales.
    """

    @torch.no_grad()
    def change(model: nn.Module, seed: int) -> nn.Module:
        generator = np.random.default_rng(seed)

        def draw(values: Any, size: int) -> torch.Tensor:
            return torch.from_numpy(generator.choice(values, size).astype(np.float32))

        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                size = module.num_features
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.copy_(draw(np.arange(-9, 10) / 8, size))
                module.running_mean.mul_(draw((1.0, 2.0, 8.0), size))
                module.running_var.copy_(draw(VARIANCES, size))
                module.weight.copy_(draw(GAINS, size))
                module.bias.copy_(draw(OFFSETS, size))
        return model.eval()

    return change
