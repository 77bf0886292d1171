# SPDX-License-Identifier: Apache-2.0
"""The table ``[model]`` of a recipe: which network, of which sizes and bits.

``kind`` says which network, and with it which other keys there are.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

__all__ = [
    "MODEL_RECIPES",
    "Bits",
    "CnvRecipe",
    "DscnnRecipe",
    "KwsRecipe",
    "MlpRecipe",
    "ModelRecipe",
    "ResnetRecipe",
    "Section",
    "VggRecipe",
    "no_truth_value",
]

Bits = Literal[1, "t", 2, 4, 8]
"""A width: 1 bit (-1, +1), ternary (-1, 0, +1), or 2, 4, 8 bits."""


def no_truth_value(value: object) -> object:
    """``value``; but ``True``, which equals 1 in Python, as the word that stands in the TOML."""
    return str(value).lower() if isinstance(value, bool) else value


Resize = Callable[[int], int]
"""From the neurons of a layer to those that remain."""

BitsField = Annotated[Bits, BeforeValidator(no_truth_value)]
Width = Annotated[int, Field(ge=1, le=65536)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
Stride = Annotated[int, Field(ge=1, le=16)]
Kernel = Annotated[int, Field(ge=1, le=31)]
Factor = Annotated[float, Field(ge=1 / 64, le=16)]


class Section(BaseModel):
    """A table of a recipe: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRecipe(Section):
    """What all networks have in common.

    Parameters
    ----------
    kind
        Which network.
    weight_bits, activation_bits
        Of all layers.
    input_bits
        Of the pixels; 8 takes them as they are.
    first_weight_bits
        Of the first layer, the only one that multiplies pixels; by default as ``weight_bits``.
    thermometer
        Number of even levels with which each pixel is compared before the first layer, which
        then reads -1 and +1; 0 for none. Only with ``input_bits = 8``.
    float
        Train a baseline in floating point: widths in bits are ignored, and nothing is lowered.
    """

    kind: str
    weight_bits: BitsField = 1
    activation_bits: BitsField = 1
    input_bits: BitsField = 8
    first_weight_bits: BitsField | None = None
    thermometer: Annotated[int, Field(ge=0, le=255)] = 0
    float: bool = False

    @field_validator("thermometer")
    @classmethod
    def whole_pixels(cls, levels: int, info: ValidationInfo) -> int:
        """Refuse a thermometer behind another quantiser of the pixels."""
        if levels and info.data.get("input_bits", 8) != 8:
            raise ValueError(f"must be 0 with input_bits = {info.data['input_bits']!r}")
        return levels

    def resized(self, size: Resize) -> Self:
        """The same network with other numbers of neurons and channels in its hidden layers.

        Parameters
        ----------
        size
            Gives the new number for each.
        """
        raise NotImplementedError


class MlpRecipe(ModelRecipe):
    """A multi-layer perceptron.

    Parameters
    ----------
    widths
        Neurons of each hidden layer; input and output follow from the data set.
    """

    kind: Literal["mlp"] = "mlp"
    widths: Widths

    def resized(self, size: Resize) -> Self:
        return self.model_copy(update={"widths": tuple(map(size, self.widths))})


class CnvRecipe(ModelRecipe):
    """FINN's CNV: six 3x3 convolutions without padding, two pools, two hidden layers.

    Parameters
    ----------
    width_multiplier
        Factor of all channels: 1 gives 64, 128 and 256, and 512 in the hidden layers.
    """

    kind: Literal["cnv"] = "cnv"
    width_multiplier: Factor = 1.0

    def resized(self, size: Resize) -> Self:
        narrowest = 64
        factor = size(round(narrowest * self.width_multiplier)) / narrowest
        return self.model_copy(update={"width_multiplier": factor})


class VggRecipe(ModelRecipe):
    """Stages of padded 3x3 convolutions, each followed by a 2x2 pool, as in VGG.

    Parameters
    ----------
    stages
        For each stage the channels of its convolutions.
    hidden
        Neurons of hidden linear layers behind them, if any.
    """

    kind: Literal["vgg"] = "vgg"
    stages: Annotated[tuple[Widths, ...], Field(min_length=1, max_length=8)]
    hidden: Annotated[tuple[Width, ...], Field(max_length=64)] = ()

    def resized(self, size: Resize) -> Self:
        stages = tuple(tuple(map(size, widths)) for widths in self.stages)
        hidden = tuple(map(size, self.hidden))
        return self.model_copy(update={"stages": stages, "hidden": hidden})


class ResnetRecipe(ModelRecipe):
    """Residual blocks of one 3x3 convolution each, around a stream of several bits.

    Parameters
    ----------
    widths
        Channels of each stage; each but the first begins with a stride of 2.
    blocks
        Residual blocks of a stage.
    residual_bits
        Of the stream that passes the blocks: -2 .. 2 in steps of ``2**(2 - residual_bits)``.
    """

    kind: Literal["resnet"] = "resnet"
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
    blocks: Annotated[int, Field(ge=1, le=64)] = 2
    residual_bits: Annotated[int, Field(ge=2, le=8)] = 4

    def resized(self, size: Resize) -> Self:
        return self.model_copy(update={"widths": tuple(map(size, self.widths))})


class DscnnRecipe(ModelRecipe):
    """Depthwise separable convolutions: 3x3 in each channel, then 1x1 across channels.

    Parameters
    ----------
    stem
        Channels of the first, ordinary convolution (3x3, stride 2).
    widths
        Output channels of each separable block.
    strides
        Of each block, as many as ``widths``.
    depthwise_weight_bits
        Of the 3x3 in each channel; by default as ``weight_bits``.
    """

    kind: Literal["dscnn"] = "dscnn"
    stem: Width
    widths: Widths
    strides: Annotated[tuple[Stride, ...], Field(min_length=1, max_length=64)]
    depthwise_weight_bits: BitsField | None = None

    def resized(self, size: Resize) -> Self:
        widths = tuple(map(size, self.widths))
        return self.model_copy(update={"stem": size(self.stem), "widths": widths})

    @field_validator("strides")
    @classmethod
    def one_each(cls, values: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        """Refuse another number of strides than of blocks."""
        return as_many_as_widths(values, info)


class KwsRecipe(ModelRecipe):
    """Convolutions over time, for signals of one dimension: images of height 1.

    Parameters
    ----------
    widths
        Output channels of each convolution.
    kernel
        Points in time that a convolution sees, an odd number.
    strides, dilations
        Of each convolution, as many as ``widths``.
    """

    kind: Literal["kws"] = "kws"
    widths: Widths
    kernel: Kernel = 3
    strides: Annotated[tuple[Stride, ...], Field(min_length=1, max_length=64)]
    dilations: Annotated[tuple[Stride, ...], Field(min_length=1, max_length=64)]

    def resized(self, size: Resize) -> Self:
        return self.model_copy(update={"widths": tuple(map(size, self.widths))})

    @field_validator("kernel")
    @classmethod
    def has_a_middle(cls, kernel: int) -> int:
        """Refuse a kernel that cannot be padded alike on both sides."""
        if kernel % 2 == 0:
            raise ValueError("must be odd")
        return kernel

    @field_validator("strides", "dilations")
    @classmethod
    def one_each(cls, values: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        """Refuse another number of strides or dilations than of convolutions."""
        return as_many_as_widths(values, info)


def as_many_as_widths(values: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
    """``values``, after checking that there are as many as ``widths``."""
    widths = info.data.get("widths", values)
    if len(values) != len(widths):
        raise ValueError(f"must be a list of {len(widths)}, one for each of widths")
    return values


MODEL_RECIPES: MappingProxyType[str, type[ModelRecipe]] = MappingProxyType(
    {
        "mlp": MlpRecipe,
        "cnv": CnvRecipe,
        "vgg": VggRecipe,
        "resnet": ResnetRecipe,
        "dscnn": DscnnRecipe,
        "kws": KwsRecipe,
    }
)
"""The table of each kind of network."""
