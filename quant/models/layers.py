# SPDX-License-Identifier: Apache-2.0
"""What the networks of recipes are made of, quantised or in floating point."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from xnorflow.quant.model_recipe import Bits, ModelRecipe
from xnorflow.quant.models.thermometer import Thermometer, even_levels
from xnorflow.quant.quantizers import (
    activation_module,
    has_unit_latents,
    input_module,
    quant_conv,
    quant_linear,
    residual_module,
)

__all__ = ["Centre", "Layers", "Named", "PooledActivation", "TensorNorm"]

Named = OrderedDict[str, nn.Module]
"""Modules by name, in the order in which they are called."""


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
        """``x`` of shape ``(n, classes)``; gives float32, of bfloat16 too."""
        x = x.float()
        variance = self.running_var
        if self.training:
            variance = x.var(unbiased=False)
            self.running_var.lerp_(variance.detach(), self.momentum)
        return x * (self.weight / torch.sqrt(variance + self.eps))


class PooledActivation(nn.Module):
    """An activation, then a 2x2 max pool; while training, the pool comes first.

    A monotone function and a maximum can change places: the values are the same. But where four
    activations are equal, as those of one bit are half of the time, the gradient of their maximum
    would go to the first of them; the pool in front lets it go to the largest.

    Parameters
    ----------
    activation
        Elementwise and monotone, rising.

    References
    ----------
    M. Rastegari et al., XNOR-Net, arXiv:1603.05279, section 3.2 (pooling before binarisation).
    """

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.act = activation
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(n, channels, height, width)``."""
        first, second = (self.pool, self.act) if self.training else (self.act, self.pool)
        result: Tensor = second(first(x))
        return result


@dataclass(frozen=True, slots=True)
class Layers:
    """Makes the layers of one network.

    Parameters
    ----------
    recipe
        Says which bits they have, or that they are in floating point.
    """

    recipe: ModelRecipe

    @property
    def first_bits(self) -> Bits:
        """Of the weights that multiply pixels."""
        given = self.recipe.first_weight_bits
        return self.recipe.weight_bits if given is None else given

    def thermometer(self, channels: int) -> tuple[Named, int]:
        """The thermometer code of pixels, if there is one, and its channels."""
        if not self.recipe.thermometer:
            return Named(), channels
        levels = even_levels(self.recipe.thermometer)
        return Named(thermometer=Thermometer(levels)), channels * len(levels)

    def pixels(self) -> Named:
        """The quantiser of pixels, if they are not taken as they are."""
        bits = self.recipe.input_bits
        if self.recipe.float or bits == 8:
            return Named()
        quantizer = input_module(bits)
        if has_unit_latents(bits):
            return Named(centre=Centre(), input_act=quantizer)
        return Named(input_act=quantizer)

    def inputs(self, channels: int) -> tuple[Named, int]:
        """All that stands before a first convolution, and how many channels it makes."""
        layers, channels = self.thermometer(channels)
        return layers | self.pixels(), channels

    def linear(self, inputs: int, outputs: int, bits: Bits | None = None) -> nn.Module:
        """A linear layer; its weights have the recipe's bits unless told otherwise."""
        if self.recipe.float:
            return nn.Linear(inputs, outputs, bias=False)
        bits = self.recipe.weight_bits if bits is None else bits
        return initialised(quant_linear(inputs, outputs, bits), bits)

    def conv(
        self, inputs: int, outputs: int, bits: Bits | None = None, *, axes: int = 2, **options: Any
    ) -> nn.Module:
        """A convolution over images (``axes=2``) or signals (1); ``options`` as in PyTorch."""
        if self.recipe.float:
            convolution: Any = nn.Conv2d if axes == 2 else nn.Conv1d
            made: nn.Module = convolution(inputs, outputs, bias=False, **options)
            return made
        bits = self.recipe.weight_bits if bits is None else bits
        return initialised(quant_conv(inputs, outputs, bits, axes=axes, **options), bits)

    def activation(self) -> nn.Module:
        """What follows a batch normalisation."""
        if self.recipe.float:
            return nn.ReLU()
        module: nn.Module = activation_module(self.recipe.activation_bits)
        return module

    def residual(self, bits: int) -> nn.Module:
        """The quantiser of a residual stream; in floating point there is none."""
        if self.recipe.float:
            return nn.Identity()
        module: nn.Module = residual_module(bits)
        return module

    def conv_block(
        self,
        index: int,
        inputs: int,
        outputs: int,
        *,
        bits: Bits | None = None,
        pooled: bool = False,
        **options: Any,
    ) -> Named:
        """Convolution, batch normalisation, activation, perhaps a 2x2 pool; named by ``index``."""
        axes = options.get("axes", 2)
        activation = self.activation()
        return Named(
            {
                f"conv{index}": self.conv(inputs, outputs, bits, **options),
                f"norm{index}": nn.BatchNorm2d(outputs) if axes == 2 else nn.BatchNorm1d(outputs),
                f"act{index}": PooledActivation(activation) if pooled else activation,
            }
        )

    def perceptron(
        self, sizes: Sequence[int], *, bits: Bits | None = None, after: int = 0
    ) -> Named:
        """Linear layers from a vector of ``sizes[0]`` to ``sizes[-1]`` scores, and their norm.

        Parameters
        ----------
        sizes
            Of all vectors from the first to the last.
        bits
            Of the weights of the first layer; by default those of the recipe.
        after
            How many layers with weights stand before: what follows a layer bears its number.
        """
        layers = Named()
        for index, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            layers[f"fc{index}"] = self.linear(inputs, outputs, bits if index == 1 else None)
            if index < len(sizes) - 1:
                layers[f"norm{after + index}"] = nn.BatchNorm1d(outputs)
                layers[f"act{after + index}"] = self.activation()
        return layers | self.score_norm(after + len(sizes) - 1)

    def pooled_scores(self, channels: int, classes: int, *, axes: int = 2, after: int = 0) -> Named:
        """Scores as the mean over all places: a 1x1 convolution, then a global average pool."""
        index = after + 1
        layers = Named()
        layers[f"conv{index}"] = self.conv(channels, classes, kernel_size=1, axes=axes)
        layers["pool"] = nn.AdaptiveAvgPool2d(1) if axes == 2 else nn.AdaptiveAvgPool1d(1)
        layers["flatten"] = nn.Flatten()
        return layers | self.score_norm(index)

    def score_norm(self, index: int) -> Named:
        """What follows the last layer: nothing in floating point."""
        return Named() if self.recipe.float else Named({f"norm{index}": TensorNorm()})


def initialised(layer: Any, bits: Bits) -> nn.Module:
    """``layer``; binary and ternary latent weights start uniform in -1..1."""
    if has_unit_latents(bits):
        nn.init.uniform_(layer.weight, -1.0, 1.0)
    made: nn.Module = layer
    return made
