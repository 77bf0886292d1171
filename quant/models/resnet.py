# SPDX-License-Identifier: Apache-2.0
"""Residual networks whose convolutions are binary and whose stream is not."""

from __future__ import annotations

from torch import Tensor, nn

from xnorflow.errors import ConfigError
from xnorflow.quant.model_recipe import ResnetRecipe
from xnorflow.quant.models.joins import Add
from xnorflow.quant.models.layers import Layers, Named, PooledActivation
from xnorflow.quant.models.model import Model

__all__ = ["ResidualBlock", "Resnet"]


class ResidualBlock(nn.Module):
    """``quant(x + quant(norm(conv(act(norm(x))))))``.

    A convolution of one bit sees only signs; what they lose stays in the stream ``x`` of several
    bits, which passes every convolution by itself. Both addends have the same scale, a power of
    two, so their sum is exact; it is quantised again to the bits of the stream.

    With a stride or other channels the stream goes through a 3x3 max pool, if there is a stride,
    and a 1x1 convolution.

    Parameters
    ----------
    make
        Makes the layers.
    bits
        Of the stream.
    inputs, outputs
        Channels.
    stride
        Of the 3x3 convolution.

    References
    ----------
    Z. Liu et al., Bi-Real Net, arXiv:1808.00278 (a shortcut around each binary convolution).
    """

    def __init__(self, make: Layers, bits: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.act = make.activation()
        self.conv = make.conv(inputs, outputs, kernel_size=3, stride=stride, padding=1)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.branch_quant = make.residual(bits)
        self.shortcut = shortcut(make, bits, inputs, outputs, stride)
        self.add = Add()
        self.quant = make.residual(bits)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(n, inputs, height, width)``."""
        branch = self.conv(self.act(self.norm1(x)))
        branch = self.branch_quant(self.norm2(branch))
        result: Tensor = self.quant(self.add(branch, self.shortcut(x)))
        return result


def shortcut(make: Layers, bits: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """What brings the stream to the size and the channels of a block's output."""
    layers = Named()
    if stride > 1:
        layers["pool"] = nn.MaxPool2d(3, stride, padding=1)
    if stride > 1 or inputs != outputs:
        layers["conv"] = make.conv(inputs, outputs, kernel_size=1)
        layers["norm"] = nn.BatchNorm2d(outputs)
        layers["quant"] = make.residual(bits)
    return nn.Sequential(layers)


class Resnet(Model):
    """A convolution and a 2x2 pool, stages of residual blocks, a linear layer.

    Parameters
    ----------
    recipe
        Channels of the stages, blocks, bits.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.

    Raises
    ------
    ConfigError
        If an image cannot be halved.

    References
    ----------
    K. He et al., Identity Mappings in Deep Residual Networks, arXiv:1603.05027 (normalisation and
    activation in front of each convolution).
    """

    def __init__(
        self, recipe: ResnetRecipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        make = Layers(recipe)
        bits = recipe.residual_bits
        height, width, channels = image_shape
        if min(height, width) < 2:
            raise ConfigError(f"images of a resnet must be at least 2x2, not {height}x{width}")
        layers, channels = make.inputs(channels)
        stem = recipe.widths[0]
        layers["conv"] = make.conv(channels, stem, make.first_bits, kernel_size=3, padding=1)
        layers["norm"] = nn.BatchNorm2d(stem)
        layers["quant"] = PooledActivation(make.residual(bits))
        channels, height, width = stem, height // 2, width // 2
        for stage, outputs in enumerate(recipe.widths, start=1):
            for block in range(1, recipe.blocks + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                name = f"stage{stage}_block{block}"
                layers[name] = ResidualBlock(make, bits, channels, outputs, stride)
                channels, height, width = outputs, -(-height // stride), -(-width // stride)
        layers["last_norm"] = nn.BatchNorm2d(channels)
        layers["last_act"] = make.activation()
        layers["flatten"] = nn.Flatten()
        layers |= make.perceptron((height * width * channels, classes))
        super().__init__(layers, recipe, image_shape, classes)
