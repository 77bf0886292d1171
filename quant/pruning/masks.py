# SPDX-License-Identifier: Apache-2.0
"""Masks of weights on the layers of a network, seen as hardware sees them: one row a neuron."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.quant.compressed_size import FLOAT_BITS, NetworkSize, layer_size
from xnorflow.quant.models.model import WEIGHT_LAYERS, Model

__all__ = ["add_masks", "float_size", "from_rows", "mask_of", "prunable_layers", "to_rows"]


def prunable_layers(model: Model, *, last: bool) -> dict[str, nn.Module]:
    """Layers with weights by their path, without depthwise ones, and without the last unless told.

    A depthwise convolution has a handful of weights for each channel, and no hardware that skips
    some of them.
    """
    layers: dict[str, nn.Module] = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, WEIGHT_LAYERS) and getattr(module, "groups", 1) == 1
    }
    if not last:
        layers.popitem()
    return layers


def add_masks(model: Model) -> None:
    """Give every layer with weights a mask, in which all of them remain."""
    for module in model.modules():
        if isinstance(module, WEIGHT_LAYERS):
            everything = torch.ones_like(module.weight, dtype=torch.bool)
            module.register_buffer("weight_mask", everything)


def mask_of(layer: nn.Module) -> Tensor:
    """The mask of ``layer``, bool, of the shape of its weights."""
    mask: Tensor = layer.get_buffer("weight_mask")
    return mask


def to_rows(weights: Tensor) -> NDArray[np.float32]:
    """Weights ``(out, in, *kernel)`` as rows ``(out, kernel * in)``, channels fastest."""
    return weights.detach().float().movedim(1, -1).reshape(len(weights), -1).numpy()


def from_rows(rows: NDArray[np.bool_], shape: torch.Size) -> Tensor:
    """The inverse of :func:`to_rows` for a mask of weights of ``shape``."""
    moved = torch.from_numpy(rows).reshape(shape[0], *shape[2:], shape[1])
    return moved.movedim(-1, 1).contiguous()


def float_size(model: Model) -> NetworkSize:
    """Bits of a network in floating point, its normalisations as a bias of each neuron."""
    layers, biases = [], 0
    for path, module in model.named_modules():
        if isinstance(module, WEIGHT_LAYERS):
            layers.append(layer_size(path, to_rows(module.weight), FLOAT_BITS))
            biases += FLOAT_BITS * len(module.weight)
    return NetworkSize.of(layers, biases)
