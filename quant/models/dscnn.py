# SPDX-License-Identifier: Apache-2.0
"""Depthwise separable convolutions, as in MobileNet and DS-CNN."""

from __future__ import annotations

from torch import nn

from xnorflow.quant.model_recipe import DscnnRecipe
from xnorflow.quant.models.layers import Layers
from xnorflow.quant.models.model import Model

__all__ = ["Dscnn"]


class Dscnn(Model):
    """A convolution of stride 2, separable blocks, a linear layer.

    A separable block is a 3x3 convolution of each channel by itself, then a 1x1 convolution across
    channels, each followed by a batch normalisation and an activation.

    Parameters
    ----------
    recipe
        Channels and strides.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.

    References
    ----------
    A. G. Howard et al., MobileNets, arXiv:1704.04861; Y. Zhang et al., Hello Edge,
    arXiv:1711.07128 (DS-CNN).
    """

    def __init__(
        self, recipe: DscnnRecipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        make = Layers(recipe)
        height, width, channels = image_shape
        layers, channels = make.inputs(channels)
        layers |= make.conv_block(
            1, channels, recipe.stem, bits=make.first_bits, kernel_size=3, stride=2, padding=1
        )
        channels, index = recipe.stem, 1
        for outputs, stride in zip(recipe.widths, recipe.strides, strict=True):
            layers |= make.conv_block(
                index + 1,
                channels,
                channels,
                bits=recipe.depthwise_weight_bits,
                kernel_size=3,
                stride=stride,
                padding=1,
                groups=channels,
            )
            layers |= make.conv_block(index + 2, channels, outputs, kernel_size=1)
            channels, index = outputs, index + 2
        for stride in (2, *recipe.strides):
            height, width = -(-height // stride), -(-width // stride)
        layers["flatten"] = nn.Flatten()
        layers |= make.perceptron((height * width * channels, classes), after=index)
        super().__init__(layers, recipe, image_shape, classes)
