# SPDX-License-Identifier: Apache-2.0
"""The network of each kind of recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from xnorflow.quant.model_recipe import ModelRecipe
from xnorflow.quant.models.cnv import Cnv
from xnorflow.quant.models.dscnn import Dscnn
from xnorflow.quant.models.kws import Kws
from xnorflow.quant.models.mlp import Mlp
from xnorflow.quant.models.model import Model
from xnorflow.quant.models.resnet import Resnet
from xnorflow.quant.models.vgg import Vgg

__all__ = ["MODELS", "make_model"]

MODELS: Mapping[str, Callable[[Any, tuple[int, int, int], int], Model]] = MappingProxyType(
    {"mlp": Mlp, "cnv": Cnv, "vgg": Vgg, "resnet": Resnet, "dscnn": Dscnn, "kws": Kws}
)
"""By kind: makes the network of a table, an image's shape and a number of classes."""


def make_model(recipe: ModelRecipe, image_shape: tuple[int, int, int], classes: int) -> Model:
    """The network that ``recipe`` describes, with weights from PyTorch's random numbers.

    Parameters
    ----------
    recipe
        Kind, sizes and bits.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.

    Raises
    ------
    ConfigError
        If such a network cannot take such images.
    """
    return MODELS[recipe.kind](recipe, image_shape, classes)
