# SPDX-License-Identifier: Apache-2.0
"""Which weights remain: patterns over the rows of layers.

Every pattern takes scores, keeps the highest, and never leaves a neuron without any input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from xnorflow.quant.compression_recipe import PruneRecipe

__all__ = ["PATTERNS", "kept_count", "kept_weights"]

Scores = Mapping[str, NDArray[np.floating]]
"""For each layer the scores of its weights, shape ``(neurons, inputs)``; not negative."""

Masks = dict[str, NDArray[np.bool_]]


def kept_weights(scores: Scores, recipe: PruneRecipe, share: float) -> Masks:
    """Which weights remain when ``share`` of them go.

    Parameters
    ----------
    scores
        Of each layer.
    recipe
        Says by which pattern.
    share
        0 up to 1, without 1.

    Returns
    -------
    dict
        Masks of the shapes of the scores.

    Examples
    --------
    >>> scores = {"fc": np.array([[1.0, 2, 3, 4], [8, 7, 6, 5]])}
    >>> kept_weights(scores, PruneRecipe(sparsity=0.5, pattern="fan-in"), 0.5)["fc"].astype(int)
    array([[0, 0, 1, 1],
           [1, 1, 0, 0]])
    >>> kept_weights(scores, PruneRecipe(sparsity=0.5, pattern="layer"), 0.5)["fc"].astype(int)
    array([[0, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    return PATTERNS[recipe.pattern](scores, recipe, share)


def kept_count(total: int, share: float) -> int:
    """How many of ``total`` remain when ``share`` goes: at least 1."""
    return max(1, round(total * (1.0 - share)))


def highest(scores: NDArray[np.floating], count: int) -> NDArray[np.bool_]:
    """Mask of the ``count`` highest of each row; the first of equal ones."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    mask = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(mask, order[..., :count], values=True, axis=-1)
    return mask


def by_fan_in(scores: Scores, recipe: PruneRecipe, share: float) -> Masks:
    """The same number of inputs for each neuron of a layer."""
    return {path: highest(rows, kept_count(rows.shape[1], share)) for path, rows in scores.items()}


def by_layer(scores: Scores, recipe: PruneRecipe, share: float) -> Masks:
    """The same share of each layer, wherever it is."""
    masks = {}
    for path, rows in scores.items():
        flat = highest(rows.reshape(1, -1), kept_count(rows.size, share))
        masks[path] = with_an_input(flat.reshape(rows.shape), rows)
    return masks


def by_network(scores: Scores, recipe: PruneRecipe, share: float) -> Masks:
    """The highest scores of all layers together."""
    joined = np.concatenate([rows.reshape(-1) for rows in scores.values()])
    mask = highest(joined[np.newaxis], kept_count(joined.size, share))[0]
    ends = np.cumsum([rows.size for rows in scores.values()])[:-1]
    return {
        path: with_an_input(part.reshape(rows.shape), rows)
        for (path, rows), part in zip(scores.items(), np.split(mask, ends), strict=True)
    }


def by_tiles(scores: Scores, recipe: PruneRecipe, share: float) -> Masks:
    """As many tiles for each group of neurons of a layer; those at the edges may be smaller."""
    neurons, inputs = recipe.tile
    masks = {}
    for path, rows in scores.items():
        means = tile_sums(rows, recipe.tile) / tile_sums(np.ones_like(rows), recipe.tile)
        mask = highest(means, kept_count(means.shape[1], share))
        whole = mask.repeat(neurons, axis=0).repeat(inputs, axis=1)
        masks[path] = np.ascontiguousarray(whole[: rows.shape[0], : rows.shape[1]])
    return masks


def tile_sums(rows: NDArray[np.floating], tile: tuple[int, int]) -> NDArray[np.floating]:
    """Sums over the tiles of ``rows``, shape ``(groups of neurons, groups of inputs)``."""
    padded = np.pad(rows, [(0, -size % step) for size, step in zip(rows.shape, tile, strict=True)])
    sums: NDArray[np.floating] = padded.reshape(len(padded) // tile[0], tile[0], -1, tile[1]).sum(
        axis=(1, 3)
    )
    return sums


def with_an_input(mask: NDArray[np.bool_], rows: NDArray[np.floating]) -> NDArray[np.bool_]:
    """``mask``, with the best input of each neuron that has none."""
    bare = ~mask.any(axis=1, keepdims=True)
    return mask | (bare & highest(rows, 1))


PATTERNS: MappingProxyType[str, Callable[[Scores, PruneRecipe, float], Masks]] = MappingProxyType(
    {"global": by_network, "layer": by_layer, "fan-in": by_fan_in, "tiles": by_tiles}
)
"""By name: gives the masks for scores, a recipe, and the share that goes."""
