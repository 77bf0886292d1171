# SPDX-License-Identifier: Apache-2.0
"""A network that a user wrote with Brevitas goes all the way, as the how-to page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import xnorflow
from xnorflow.errors import OutputError
from xnorflow.quant.quantizers import (
    activation_module,
    quant_conv,
    quant_linear,
    residual_module,
)
from xnorflow.sim.verify import VerifyEngine


def own_model() -> nn.Module:
    """64-24-10 with ternary weights and 2-bit activations, untrained, batch norm off its start."""
    torch.manual_seed(1)
    norm = nn.BatchNorm1d(24)
    with torch.no_grad():
        norm.running_mean.uniform_(-4, 4)
        norm.running_var.uniform_(1, 9)
        norm.weight.uniform_(-2, 2)
        norm.bias.uniform_(-1, 1)
    first, last = quant_linear(64, 24, "t"), quant_linear(24, 10, "t")
    for layer in (first, last):
        nn.init.uniform_(layer.weight, -1, 1)
    return nn.Sequential(nn.Flatten(), first, norm, activation_module(2), last).eval()


def test_own_model(tmp_path: Path) -> None:
    model = own_model()
    run = tmp_path / "mine"
    xnorflow.save_network(xnorflow.lower(model, image_shape=(8, 8, 1)), run)
    xnorflow.build(run, xnorflow.BuildOptions(target_fps=1e6, clock_mhz=100))
    options = xnorflow.VerifyOptions(data="digits", images=50)
    report = xnorflow.verify(run, options, model=model)
    assert report.torch_compared
    assert report.passed, report.first
    alone = xnorflow.verify(run, options)
    assert not alone.torch_compared
    assert alone.torch_absent == f"{run}/model has no PyTorch checkpoint"
    with pytest.raises(OutputError, match=r"model exists already: "):
        xnorflow.save_network(xnorflow.load_network(run), run)


class Block(nn.Module):
    """The residual block of the how-to page."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.signs = nn.BatchNorm2d(channels), activation_module(1)
        self.conv = quant_conv(channels, channels, 1, kernel_size=3, padding=1)
        self.conv_norm, self.branch = nn.BatchNorm2d(channels), residual_module(4)
        self.stream = residual_module(4)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.branch(self.conv_norm(self.conv(self.signs(self.norm(x)))))
        streamed: Tensor = self.stream(x + branch)
        return streamed


@pytest.mark.slow
def test_own_residual_network(tmp_path: Path) -> None:
    """PyTorch, the integer network and the Verilog are equal on every edge, the bare sum too."""
    torch.manual_seed(2)
    first, last = quant_conv(1, 4, "t", kernel_size=3, padding=1), quant_linear(64, 10, "t")
    for layer in (first, last):
        nn.init.uniform_(layer.weight, -1, 1)
    layers = [first, residual_module(4), Block(4), nn.MaxPool2d(2), nn.Flatten(), last]
    model = nn.Sequential(*layers).eval()
    run = tmp_path / "mine"
    network = xnorflow.lower(model, image_shape=(8, 8, 1))
    xnorflow.save_network(network, run)
    assert network.node("add1").origin == "2.add()"
    xnorflow.build(run, xnorflow.BuildOptions(target_fps=1e5, clock_mhz=100))
    report = xnorflow.verify(run, xnorflow.VerifyOptions(data="digits", images=20), model=model)
    assert report.torch_compared
    assert report.passed, report.first
    assert {"add1", "pool1"} <= {result.edge for result in report.edges}


def test_another_model_is_not_taken_for_it(tmp_path: Path) -> None:
    run = tmp_path / "mine"
    model = own_model()
    xnorflow.save_network(xnorflow.lower(model, image_shape=(8, 8, 1)), run)
    with torch.no_grad():
        model.get_submodule("1").get_parameter("weight")[0] *= -1
    options = xnorflow.VerifyOptions(engine=VerifyEngine.REFERENCE, data="digits", images=50)
    report = xnorflow.verify(run, options, model=model)
    assert report.first is not None
    assert report.first.origin == "1"
