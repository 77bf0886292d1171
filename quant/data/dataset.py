# SPDX-License-Identifier: Apache-2.0
"""A labelled set of 8-bit images, split into a training and a test part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError

__all__ = ["Dataset", "make_dataset"]

MAX_CLASSES = 4096
"""A label above this is taken for a corrupt file."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and labels in memory.

    Parameters
    ----------
    name
        Name or path that it was loaded by.
    train_images
        uint8, shape ``(n, height, width, channels)``.
    train_labels
        int64, shape ``(n,)``, values ``0 .. len(classes) - 1``.
    test_images
        As ``train_images``.
    test_labels
        As ``train_labels``.
    classes
        Name of each class.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        height, width, channels = self.train_images.shape[1:]
        return int(height), int(width), int(channels)

    def digest(self) -> str:
        """SHA-256 of all images and labels, as hexadecimal digits."""
        hasher = hashlib.sha256()
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            hasher.update(f"{part.dtype.str} {part.shape} ".encode())
            hasher.update(np.ascontiguousarray(part).tobytes())
        return hasher.hexdigest()


def make_dataset(
    name: str,
    train: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    classes: tuple[str, ...] = (),
) -> Dataset:
    """A checked data set from raw ``(images, labels)`` pairs.

    Parameters
    ----------
    name
        Name or path, for messages too.
    train, test
        uint8 images of shape ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, features)``, and integer
        labels of shape ``(n,)`` or ``(n, 1)``.
    classes
        Names of the classes; without them, the numbers up to the largest label.

    Raises
    ------
    DataError
        If the parts do not fit each other.
    """
    train_images, train_labels = check_part(f"{name}: training part", *train)
    test_images, test_labels = check_part(f"{name}: test part", *test)
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{name}: training and test images must have one shape, "
            f"not {train_images.shape[1:]} and {test_images.shape[1:]}"
        )
    count = 1 + int(max(train_labels.max(), test_labels.max()))
    names = classes or tuple(str(index) for index in range(count))
    if count > len(names):
        raise DataError(f"{name}: labels must be below {len(names)}, not {count - 1}")
    return Dataset(name, train_images, train_labels, test_images, test_labels, names)


def check_part(
    where: str, images: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """``images`` with four axes and ``labels`` with one, after checking both."""
    if images.dtype != np.uint8:
        raise DataError(f"{where}: images must be uint8, not {images.dtype}")
    if not 2 <= images.ndim <= 4 or images.size == 0:
        raise DataError(f"{where}: images must have 2 to 4 axes, not shape {images.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{where}: labels must be integers, not {labels.dtype}")
    flat = labels.reshape(-1).astype(np.int64)
    if labels.shape not in ((len(images),), (len(images), 1)):
        raise DataError(
            f"{where}: there must be one label for each image, "
            f"not labels of shape {labels.shape} for {len(images)} images"
        )
    if flat.min() < 0 or flat.max() >= MAX_CLASSES:
        raise DataError(
            f"{where}: labels must be 0..{MAX_CLASSES - 1}, not {flat.min()}..{flat.max()}"
        )
    return with_four_axes(images), flat


def with_four_axes(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``images`` as ``(n, height, width, channels)``; a row of features is one line of pixels."""
    if images.ndim == 2:
        images = images[:, np.newaxis, :]
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return np.ascontiguousarray(images)
