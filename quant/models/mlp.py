# SPDX-License-Identifier: Apache-2.0
"""Multi-layer perceptrons on images, quantised or in floating point."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from xnorflow.quant.quantizers import (
    activation_module,
    has_unit_latents,
    input_module,
    quant_linear,
)
from xnorflow.quant.recipe import ModelRecipe

__all__ = ["Centre", "Mlp", "TensorNorm"]


class Centre(nn.Module):
    """``2 * x - 1``: takes 0..1 to -1..1, exactly for pixels ``u / 256``."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return 2.0 * x - 1.0


class TensorNorm(nn.Module):
    """All logits times one number, learnt and normalised by their running variance.

    Keeps cross-entropy from saturating on the large integers of a binary layer. There is neither a
    mean nor a bias: cross-entropy does not see them, and without them the product keeps the
    order of all integers below 2**23, so the arg max is that of the accumulators.

    Parameters
    ----------
    eps
        Added to the variance.
    momentum
        Weight of a batch in the running variance.
    """

    running_var: Tensor

    def __init__(self, eps: float = 1e-4, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("running_var", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(n, classes)``."""
        variance = self.running_var
        if self.training:
            variance = x.var(unbiased=False)
            self.running_var.lerp_(variance.detach(), self.momentum)
        return x * (self.weight / torch.sqrt(variance + self.eps))


class Mlp(nn.Sequential):
    """Flatten, hidden layers (linear, batch normalisation, activation), linear, scalar norm.

    Takes float32 pixels ``u / 256`` of shape ``(n, channels, height, width)`` and gives logits
    of shape ``(n, classes)``.

    Parameters
    ----------
    recipe
        Widths and bits.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.
    """

    def __init__(
        self, recipe: ModelRecipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        height, width, channels = image_shape
        sizes = (height * width * channels, *recipe.widths, classes)
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        layers |= input_layers(recipe)
        for index, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            layers[f"fc{index}"] = linear_layer(recipe, inputs, outputs)
            if index < len(sizes) - 1:
                layers[f"norm{index}"] = nn.BatchNorm1d(outputs)
                layers[f"act{index}"] = activation_layer(recipe)
            elif not recipe.float:
                layers[f"norm{index}"] = TensorNorm()
        super().__init__(layers)
        self.image_shape = image_shape
        self.classes = classes
        self.recipe = recipe

    @torch.no_grad()
    def clamp_latents(self) -> None:
        """Bring latent weights back to -1..1 where their quantiser asks for it."""
        if self.recipe.float or not has_unit_latents(self.recipe.weight_bits):
            return
        for module in self:
            if isinstance(module, nn.Linear):
                module.weight.clamp_(-1.0, 1.0)


def input_layers(recipe: ModelRecipe) -> OrderedDict[str, nn.Module]:
    """The quantiser of pixels, if they are not taken as they are."""
    if recipe.float or recipe.input_bits == 8:
        return OrderedDict()
    quantizer = input_module(recipe.input_bits)
    if has_unit_latents(recipe.input_bits):
        return OrderedDict(centre=Centre(), input_act=quantizer)
    return OrderedDict(input_act=quantizer)


def linear_layer(recipe: ModelRecipe, inputs: int, outputs: int) -> nn.Module:
    """A linear layer; binary and ternary latent weights start uniform in -1..1."""
    if recipe.float:
        return nn.Linear(inputs, outputs)
    layer: nn.Linear = quant_linear(inputs, outputs, recipe.weight_bits)
    if has_unit_latents(recipe.weight_bits):
        nn.init.uniform_(layer.weight, -1.0, 1.0)
    return layer


def activation_layer(recipe: ModelRecipe) -> nn.Module:
    """What follows a batch normalisation."""
    if recipe.float:
        return nn.ReLU()
    module: nn.Module = activation_module(recipe.activation_bits)
    return module
