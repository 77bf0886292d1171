# SPDX-License-Identifier: Apache-2.0
"""Plain convolutional networks in the manner of VGG."""

from __future__ import annotations

from torch import nn

from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import VggRecipe
from xnorflow.quant.models.layers import Layers
from xnorflow.quant.models.model import Model

__all__ = ["Vgg"]


class Vgg(Model):
    """Stages of 3x3 convolutions with padding, each with a 2x2 max pool at its end; then linear.

    Each convolution is followed by a batch normalisation and an activation. A pool drops the last
    row and column of an odd size.

    Parameters
    ----------
    recipe
        Channels of all stages, and bits.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.

    Raises
    ------
    ConfigError
        If there are more stages than an image can be halved.

    References
    ----------
    K. Simonyan and A. Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556.
    """

    def __init__(self, recipe: VggRecipe, image_shape: tuple[int, int, int], classes: int) -> None:
        make = Layers(recipe)
        height, width, channels = image_shape
        most = min(height, width).bit_length() - 1
        if len(recipe.stages) > most:
            raise ConfigError(
                f"stages in [model] must be at most {most} for images of {height}x{width}, "
                f"not {len(recipe.stages)}: each halves the image"
            )
        layers, channels = make.inputs(channels)
        index = 0
        for widths in recipe.stages:
            for position, outputs in enumerate(widths, start=1):
                index += 1
                layers |= make.conv_block(
                    index,
                    channels,
                    outputs,
                    bits=make.first_bits if index == 1 else None,
                    pooled=position == len(widths),
                    kernel_size=3,
                    padding=1,
                )
                channels = outputs
            height, width = height // 2, width // 2
        layers["flatten"] = nn.Flatten()
        sizes = (height * width * channels, *recipe.hidden, classes)
        layers |= make.perceptron(sizes, after=index)
        super().__init__(layers, recipe, image_shape, classes)
