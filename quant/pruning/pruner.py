# SPDX-License-Identifier: Apache-2.0
"""When what is pruned: the schedule of a training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from xnorflow.quant.compression_recipe import PruneRecipe
from xnorflow.quant.models.catalog import make_model
from xnorflow.quant.models.model import Model
from xnorflow.quant.pruning.masks import add_masks, from_rows, mask_of, prunable_layers, to_rows
from xnorflow.quant.pruning.neurons import (
    channel_groups,
    flat_columns,
    importance,
    mask_channels,
    shrink,
)
from xnorflow.quant.pruning.patterns import kept_weights
from xnorflow.quant.quantizers import has_unit_latents

__all__ = ["Pruner", "scheduled_share"]

UPDATES_PER_EPOCH = 10
"""How often the share grows while it does."""


class Pruner:
    """Prunes a network while it is trained.

    Parameters
    ----------
    model
        Gets masks.
    recipe
        What to take out.
    smaller
        For neurons: a network of the sizes that remain.
    seed
        Of random choices.
    steps_per_epoch
        Steps of the optimiser.
    """

    def __init__(
        self, model: Model, recipe: PruneRecipe, smaller: Model, seed: int, steps_per_epoch: int
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.smaller = smaller
        self.seed = seed
        self.ramp_steps = recipe.ramp_epochs * steps_per_epoch
        self.update_steps = max(1, steps_per_epoch // UPDATES_PER_EPOCH)
        add_masks(model)

    @property
    def starts_afresh(self) -> bool:
        """Whether training begins with new weights once the masks are there."""
        if self.recipe.fresh is not None:
            return self.recipe.fresh
        table = self.model.recipe
        unit = has_unit_latents(table.weight_bits) and not table.float
        return unit and self.recipe.remove == "weights" and not self.ramp_steps

    def begin(self) -> None:
        """Prune what goes before the first step."""
        if self.ramp_steps:
            return
        self.prune(self.recipe.sparsity)
        if self.starts_afresh:
            renew(self.model)

    def step(self, number: int) -> None:
        """Prune further, if it is time to, after the step ``number`` of all, from 1."""
        if number > self.ramp_steps:
            return
        if number % self.update_steps == 0 or number == self.ramp_steps:
            self.prune(scheduled_share(self.recipe.sparsity, number / self.ramp_steps))

    def prune(self, share: float) -> None:
        """Take out ``share`` in all; what went before stays out."""
        if self.recipe.remove == "neurons":
            self.prune_neurons(share)
        else:
            self.prune_weights(share)
        self.model.settle_weights()

    def prune_weights(self, share: float) -> None:
        """Set the masks of weights."""
        layers = prunable_layers(self.model, last=self.recipe.last_layer)
        generator = np.random.default_rng(self.seed)
        columns = flat_columns(self.model)
        scores = {}
        for path, layer in layers.items():
            sizes = np.abs(to_rows(layer.get_parameter("weight"))).astype(np.float64)
            if self.recipe.criterion == "random":
                sizes = generator.random(sizes.shape)
            there = np.where(to_rows(mask_of(layer)) > 0, sizes + 1.0, 0.0)
            scores[path] = there[:, columns.get(path, slice(None))]
        for path, kept in kept_weights(scores, self.recipe, share).items():
            mask = mask_of(layers[path])
            rows = np.empty_like(kept)
            rows[:, columns.get(path, slice(None))] = kept
            mask &= from_rows(rows, mask.shape)

    def prune_neurons(self, share: float) -> None:
        """Mask neurons and channels."""
        generator = np.random.default_rng(self.seed)
        remaining = channel_groups(self.smaller)
        for group, end in zip(channel_groups(self.model), remaining, strict=True):
            scores = importance(self.model, group)
            if self.recipe.criterion == "random":
                scores = generator.random(len(scores), dtype=np.float32)
            least = len(self.smaller.get_submodule(end.producers[0]).get_parameter("weight"))
            keep = highest_channels(scores, share, self.recipe.sparsity, least)
            mask_channels(self.model, group, keep)

    def finished(self) -> Model:
        """The network that comes out: smaller if neurons went."""
        return shrink(self.model, self.smaller) if self.recipe.remove == "neurons" else self.model


def highest_channels(
    scores: NDArray[np.floating], share: float, end: float, least: int
) -> NDArray[np.bool_]:
    """Mask of the best channels: ``least`` of them when ``share`` is ``end``, else more."""
    total = len(scores)
    count = least if share >= end else total - round((total - least) * share / end)
    keep = np.zeros(total, dtype=np.bool_)
    keep[np.argsort(-scores, kind="stable")[:count]] = True
    return keep


def scheduled_share(sparsity: float, progress: float) -> float:
    """The share that has gone at ``progress``, 0 to 1, of the ramp.

    Examples
    --------
    >>> [round(scheduled_share(0.8, progress), 3) for progress in (0, 0.5, 1)]
    [0.0, 0.7, 0.8]

    References
    ----------
    M. Zhu and S. Gupta, To prune, or not to prune, arXiv:1710.01878, equation 1.
    """
    return sparsity * (1.0 - (1.0 - progress) ** 3)


@torch.no_grad()
def renew(model: Model) -> None:
    """New random weights and fresh normalisations; the masks remain."""
    fresh = make_model(model.recipe, model.image_shape, model.classes)
    model.load_state_dict(fresh.state_dict(), strict=False)
    model.settle_weights()
