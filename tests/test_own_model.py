# SPDX-License-Identifier: Apache-2.0
"""A network that a user wrote with Brevitas goes all the way, as the how-to page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import xnorflow
from xnorflow.errors import OutputError
from xnorflow.quant.quantizers import activation_module, quant_linear
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
