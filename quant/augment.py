# SPDX-License-Identifier: Apache-2.0
"""Random changes of training images that leave their class as it is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from xnorflow.quant.recipe import TrainRecipe

__all__ = ["augment"]


def augment(pixels: Tensor, recipe: TrainRecipe, generator: np.random.Generator) -> Tensor:
    """``pixels`` after the flips and shifts that ``recipe`` asks for.

    Parameters
    ----------
    pixels
        uint8, shape ``(n, channels, height, width)``; not changed.
    recipe
        ``flip`` and ``shift``.
    generator
        Of the random numbers: the same state gives the same images.
    """
    if recipe.flip:
        pixels = flip(pixels, generator)
    if recipe.shift:
        pixels = shift(pixels, recipe.shift, generator)
    return pixels


def flip(pixels: Tensor, generator: np.random.Generator) -> Tensor:
    """Each image with left and right exchanged, or not, with even odds."""
    chosen = torch.from_numpy(generator.random(len(pixels)) < 0.5)
    return torch.where(chosen[:, None, None, None], pixels.flip(-1), pixels)


def shift(pixels: Tensor, reach: int, generator: np.random.Generator) -> Tensor:
    """Each image moved by up to ``reach`` pixels in height and in width, with zeros behind it.

    A signal, an image of height 1, is moved in width alone.
    """
    count, _, height, width = pixels.shape
    vertical = 0 if height == 1 else reach
    padded = nn.functional.pad(pixels, (reach, reach, vertical, vertical))
    top = torch.from_numpy(generator.integers(0, 2 * vertical + 1, count))
    left = torch.from_numpy(generator.integers(0, 2 * reach + 1, count))
    images = torch.arange(count)[:, None, None]
    rows = (top[:, None] + torch.arange(height))[:, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, :]
    return padded[images, :, rows, columns].movedim(-1, 1)
