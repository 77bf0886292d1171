# SPDX-License-Identifier: Apache-2.0
"""What all networks of recipes share."""

from __future__ import annotations

import torch
from torch import nn

from xnorflow.quant.model_recipe import ModelRecipe
from xnorflow.quant.models.layers import Named
from xnorflow.quant.quantizers import keeps_unit_latents

__all__ = ["WEIGHT_LAYERS", "Model"]

WEIGHT_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
"""Layers with weights, in floating point; the quantised ones derive from them."""


class Model(nn.Sequential):
    """A network that takes pixels and gives scores.

    It takes float32 pixels ``u / 256`` of shape ``(n, channels, height, width)`` and gives logits
    of shape ``(n, classes)``.

    Parameters
    ----------
    layers
        Modules by name, called in this order.
    recipe
        The table that it was made from.
    image_shape
        ``(height, width, channels)``.
    classes
        Number of logits.
    """

    def __init__(
        self, layers: Named, recipe: ModelRecipe, image_shape: tuple[int, int, int], classes: int
    ) -> None:
        super().__init__(layers)
        self.recipe = recipe
        self.image_shape = image_shape
        self.classes = classes

    @torch.no_grad()
    def settle_weights(self) -> None:
        """Bring latent weights back to where they belong, after each step of an optimiser.

        To -1..1 where their quantiser asks for it, and to 0 where they are pruned.
        """
        for module in self.modules():
            if not isinstance(module, WEIGHT_LAYERS):
                continue
            if not self.recipe.float and keeps_unit_latents(module):
                module.weight.clamp_(-1.0, 1.0)
            mask = getattr(module, "weight_mask", None)
            if mask is not None:
                module.weight.mul_(mask)
