# SPDX-License-Identifier: Apache-2.0
"""The frames that an engine is run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError
from xnorflow.ir import Network, TensorType
from xnorflow.quant.data import load_dataset
from xnorflow.quant.recipe import find_recipe
from xnorflow.rundir import RunFolder

__all__ = ["Images", "load_images", "random_images"]

RANDOM_IMAGES = 100
"""For an imported network, whose data are not known."""


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
        Data set name or path; None means the data set of the run's recipe, or random images where
        the network was imported.
    limit
        At most so many images; more than there are is an error.

    Raises
    ------
    DataError
        If the data set is missing, too small, or does not fit the network's input.
    """
    if data is None and (folder.model / "import.json").exists():
        return random_images(network, limit or RANDOM_IMAGES)
    name = data or default_dataset(folder)
    dataset = load_dataset(name)
    frames = fitting(name, dataset.test_images, network.types[network.input.name])
    images = Images(f"{dataset.name} (test)", frames, dataset.test_labels)
    if limit is not None and limit > len(images):
        raise DataError(f"{name!r} has {len(images)} test images, {limit} were asked for")
    return images if limit is None else images.first(limit)


def fitting(name: str, frames: NDArray[np.uint8], wanted: TensorType) -> NDArray[Any]:
    """``frames`` in the shape of the network's input; one that is a row takes images row by row."""
    shape = wanted.shape
    if frames.shape[1:] != shape and shape[0] == shape[-1] == 1 and frames[0].size == wanted.size:
        frames = frames.reshape(len(frames), *shape)
    if frames.shape[1:] != shape:
        raise DataError(
            f"images of {name!r} must have shape {shape} as the network's input, "
            f"not {frames.shape[1:]}"
        )
    if not wanted.element.contains(frames):
        raise DataError(f"images of {name!r} must hold {wanted.element} as the network's input")
    return frames


def random_images(network: Network, count: int) -> Images:
    """``count`` random frames for ``network``, the same ones each time, without labels."""
    wanted = network.types[network.input.name]
    element = wanted.element
    steps = np.random.default_rng(0).integers(0, element.levels, (count, *wanted.shape))
    values = element.min + element.step * steps
    dtype = np.int8 if element.signed else np.uint8
    return Images("random images", values.astype(dtype), None)


def default_dataset(folder: RunFolder) -> str:
    """Data set that the run was trained on."""
    recipe = folder.model / "recipe.toml"
    if not recipe.exists():
        raise DataError(f"{folder.root} has no recipe, so name the images: --data NAME or PATH")
    return find_recipe(recipe).train.dataset
