# SPDX-License-Identifier: Apache-2.0
"""The frames that an engine is run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError
from xnorflow.ir import Network
from xnorflow.quant.data import load_dataset
from xnorflow.quant.recipe import find_recipe
from xnorflow.rundir import RunFolder

__all__ = ["Images", "load_images"]


@dataclass(frozen=True, slots=True)
class Images:
    """Frames with their labels, if known.

    Parameters
    ----------
    source
        Where they came from, for messages and reports.
    frames
        Shape ``(n, *shape of the network's input)``, values of its element type.
    labels
        Shape ``(n,)``, int64, or None.
    """

    source: str
    frames: NDArray[Any]
    labels: NDArray[np.int64] | None

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    def slice(self, start: int, stop: int) -> Images:
        """Frames ``start`` to ``stop``."""
        labels = None if self.labels is None else self.labels[start:stop]
        return Images(self.source, self.frames[start:stop], labels)

    def first(self, count: int) -> Images:
        """The first ``count`` frames, or all where there are fewer."""
        return self.slice(0, count)


def load_images(folder: RunFolder, network: Network, data: str | None, limit: int | None) -> Images:
    """Test images for ``network``.

    Parameters
    ----------
    data
        Data set name or path; None means the data set of the run's recipe.
    limit
        At most so many images; more than there are is an error.

    Raises
    ------
    DataError
        If the data set is missing, too small, or does not fit the network's input.
    """
    name = data or default_dataset(folder)
    dataset = load_dataset(name)
    shape = network.types[network.input.name].shape
    if dataset.test_images.shape[1:] != shape:
        raise DataError(
            f"images of {name!r} must have shape {shape} as the network's input, "
            f"not {dataset.test_images.shape[1:]}"
        )
    images = Images(f"{dataset.name} (test)", dataset.test_images, dataset.test_labels)
    if limit is not None and limit > len(images):
        raise DataError(f"{name!r} has {len(images)} test images, {limit} were asked for")
    return images if limit is None else images.first(limit)


def default_dataset(folder: RunFolder) -> str:
    """Data set that the run was trained on."""
    recipe = folder.model / "recipe.toml"
    if not recipe.exists():
        raise DataError(f"{folder.root} has no recipe, so name the images: --data NAME or PATH")
    return find_recipe(recipe).train.dataset
