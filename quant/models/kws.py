# SPDX-License-Identifier: Apache-2.0
"""Convolutions over time, as keyword spotting uses them."""

from __future__ import annotations

from torch import nn

from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import KwsRecipe
from xnorflow.quant.models.layers import Layers
from xnorflow.quant.models.model import Model

__all__ = ["Kws"]


class Kws(Model):
    """Convolutions over one axis, with strides and dilations; the mean of all scores over time.

    Each convolution pads its input so that with a stride of 1 the length stays, and is followed by
    a batch normalisation and an activation. Scores for each point in time come from a convolution
    of one point; their mean is the result.

    Parameters
    ----------
    recipe
        Channels, kernel, strides and dilations.
    image_shape
        ``(1, length, channels)``: a signal is an image of height 1.
    classes
        Number of logits.

    Raises
    ------
    ConfigError
        If images are higher than 1.

    References
    ----------
    S. Choi et al., Temporal Convolution for Real-time Keyword Spotting on Mobile Devices,
    arXiv:1904.03814 (frequencies as channels, convolutions over time).
    """

    def __init__(self, recipe: KwsRecipe, image_shape: tuple[int, int, int], classes: int) -> None:
        make = Layers(recipe)
        height, _, channels = image_shape
        if height != 1:
            raise ConfigError(
                f"signals of a kws must be images of height 1, not {height}: a data set of "
                "images by rows is one, such as 'digits-rows'"
            )
        layers, channels = make.inputs(channels)
        layers["signal"] = nn.Flatten(2)
        options = zip(recipe.widths, recipe.strides, recipe.dilations, strict=True)
        for index, (outputs, stride, dilation) in enumerate(options, start=1):
            layers |= make.conv_block(
                index,
                channels,
                outputs,
                bits=make.first_bits if index == 1 else None,
                axes=1,
                kernel_size=recipe.kernel,
                stride=stride,
                dilation=dilation,
                padding=dilation * (recipe.kernel // 2),
            )
            channels = outputs
        layers |= make.pooled_scores(channels, classes, axes=1, after=len(recipe.widths))
        super().__init__(layers, recipe, image_shape, classes)
