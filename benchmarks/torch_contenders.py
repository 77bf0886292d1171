# SPDX-License-Identifier: Apache-2.0
"""PyTorch in float32 on one thread: what the reference engine is measured against.

Thresholds are in the bias: ``sign(sum + bias)`` for 1 bit; for more, ``floor(sum * scale + bias)``,
clipped. All sums are exact in float32, so labels are equal.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import POOLED, TimedNetwork
from xnorflow.ir import BIPOLAR

__all__ = ["Contender", "torch_cnv", "torch_mlp"]

Labels = Callable[[Any], NDArray[np.int64]]
Contender = tuple[Labels, Any]
"""The function from images to labels, and the images in the form that it takes."""


def torch_mlp(
    timed: TimedNetwork, images: NDArray[Any], *, pixels: bool = False
) -> dict[str, Contender]:
    """Matrix products; nothing without torch. Pixels are compared within the measured time."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    torch.set_num_threads(1)
    hidden = [(w.T.contiguous(), b) for w, b in hidden_layers(timed)]
    last = torch.tensor(timed.weights[-1].T, dtype=torch.float32)
    activate = activation(timed)

    @torch.inference_mode()
    def labels(x: Any) -> NDArray[np.int64]:
        if pixels:
            x = (x.reshape(len(x), -1) >= 128).float().mul_(2).sub_(1)
        for weights, bias in hidden:
            x = activate(torch.addmm(bias, x, weights))
        answer: NDArray[np.int64] = (x @ last).argmax(dim=1).numpy()
        return answer

    tensor: Any = torch.from_numpy(images)
    return {"torch float32": (labels, tensor if pixels else tensor.float())}


def torch_cnv(timed: TimedNetwork, images: NDArray[Any]) -> dict[str, Contender]:
    """Convolutions in both orders of memory that PyTorch has; nothing without torch.

    Images are made float32, in that order, beforehand.
    """
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    orders = {
        "torch float32": torch.contiguous_format,
        "torch float32, channels last": torch.channels_last,
    }
    torch.set_num_threads(1)
    return {
        name: torch_cnv_in(order, timed, torch.from_numpy(images).float().permute(0, 3, 1, 2))
        for name, order in orders.items()
    }


def torch_cnv_in(order: Any, timed: TimedNetwork, images: Any) -> Contender:
    """CNV with images and weights in one order of memory."""
    import torch
    from torch.nn import functional

    layers = hidden_layers(timed)
    convs = [
        (w.permute(0, 3, 1, 2).contiguous(memory_format=order), b) for w, b in layers if w.ndim == 4
    ]
    matrices = [(w.T.contiguous(), b) for w, b in layers if w.ndim == 2]
    last = torch.tensor(timed.weights[-1].T, dtype=torch.float32)
    activate = activation(timed)

    @torch.inference_mode()
    def labels(x: Any) -> NDArray[np.int64]:
        for index, (weights, bias) in enumerate(convs):
            x = activate(functional.conv2d(x, weights, bias))
            if index in POOLED:
                x = functional.max_pool2d(x, 2)
        x = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        for weights, bias in matrices:
            x = activate(torch.addmm(bias, x, weights))
        answer: NDArray[np.int64] = (x @ last).argmax(dim=1).numpy()
        return answer

    return labels, images.contiguous(memory_format=order)


def hidden_layers(timed: TimedNetwork) -> list[tuple[Any, Any]]:
    """Weights and bias of each hidden layer, scaled so that thresholds are 1 apart."""
    import torch

    layers = []
    for weights, first, step in zip(timed.weights, timed.first, timed.step, strict=False):
        # Half a step below the threshold of a sign, so that no sum is zero there.
        bias = (0.5 - first) / step if timed.activations == BIPOLAR else 1 - first / step
        scaled = torch.tensor(weights / step, dtype=torch.float32)
        layers.append((scaled, torch.tensor(bias, dtype=torch.float32)))
    return layers


def activation(timed: TimedNetwork) -> Callable[[Any], Any]:
    """The activation of a hidden layer, in place."""
    top = timed.activations.levels - 1
    if timed.activations == BIPOLAR:
        return lambda sums: sums.sign_()
    return lambda sums: sums.floor_().clamp_(0, top)
