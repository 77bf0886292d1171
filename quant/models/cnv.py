# SPDX-License-Identifier: Apache-2.0
"""CNV, the convolutional network of FINN and BNN-PYNQ."""

from __future__ import annotations

from torch import nn

from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import CnvRecipe
from xnorflow.quant.models.layers import Layers
from xnorflow.quant.models.model import Model

__all__ = ["Cnv"]

SIZE = 32
"""Height and width of the images that the network was made for."""

CONVOLUTIONS = ((64, False), (64, True), (128, False), (128, True), (256, False), (256, False))
"""Channels, and whether a 2x2 pool follows, of each 3x3 convolution; at the end one pixel is left.
"""

HIDDEN = (512, 512)


class Cnv(Model):
    """Six 3x3 convolutions without padding, two 2x2 max pools, three linear layers.

    Smaller images get zeros around them, to 32x32 (33 for an odd size), as padding of the first
    convolution.

    Parameters
    ----------
    recipe
        Factor of all channels, and bits.
    image_shape
        ``(height, width, channels)``, at most 32x32.
    classes
        Number of logits.

    Raises
    ------
    ConfigError
        If images are larger.

    References
    ----------
    Y. Umuroglu et al., FINN, arXiv:1612.07119, section 5.1 (the network CNV).
    """

    def __init__(self, recipe: CnvRecipe, image_shape: tuple[int, int, int], classes: int) -> None:
        make = Layers(recipe)
        height, width, channels = image_shape
        if max(height, width) > SIZE:
            raise ConfigError(
                f"images of a cnv must be at most {SIZE}x{SIZE}, not {height}x{width}"
            )
        layers, channels = make.inputs(channels)
        padding = ((SIZE - height + 1) // 2, (SIZE - width + 1) // 2)
        for index, (width_of_one, pooled) in enumerate(CONVOLUTIONS, start=1):
            outputs = scaled(width_of_one, recipe)
            layers |= make.conv_block(
                index,
                channels,
                outputs,
                bits=make.first_bits if index == 1 else None,
                pooled=pooled,
                kernel_size=3,
                padding=padding if index == 1 else 0,
            )
            channels = outputs
        layers["flatten"] = nn.Flatten()
        hidden = (scaled(neurons, recipe) for neurons in HIDDEN)
        layers |= make.perceptron((channels, *hidden, classes), after=len(CONVOLUTIONS))
        super().__init__(layers, recipe, image_shape, classes)


def scaled(width: int, recipe: CnvRecipe) -> int:
    """``width`` times the recipe's factor, at least 1."""
    return max(1, round(width * recipe.width_multiplier))
