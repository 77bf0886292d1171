# SPDX-License-Identifier: Apache-2.0
"""Multi-layer perceptrons on images."""

from __future__ import annotations

from torch import nn

from xnorflow.quant.model_recipe import MlpRecipe
from xnorflow.quant.models.layers import Layers, Named
from xnorflow.quant.models.model import Model

__all__ = ["Mlp"]


class Mlp(Model):
    """Flatten, hidden layers (linear, batch normalisation, activation), linear, scalar norm.

    Parameters
    ----------
    recipe
        Widths and bits.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.
    """

    def __init__(self, recipe: MlpRecipe, image_shape: tuple[int, int, int], classes: int) -> None:
        make = Layers(recipe)
        height, width, channels = image_shape
        layers, channels = make.thermometer(channels)
        sizes = (height * width * channels, *recipe.widths, classes)
        layers |= Named(flatten=nn.Flatten()) | make.pixels()
        layers |= make.perceptron(sizes, bits=make.first_bits)
        super().__init__(layers, recipe, image_shape, classes)
