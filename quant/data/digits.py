# SPDX-License-Identifier: Apache-2.0
"""The 8x8 handwritten digits that scikit-learn ships: needs no download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ToolError
from xnorflow.quant.data.dataset import Dataset, make_dataset

__all__ = ["load_digits", "stratified_split"]

SPLIT_SEED = 2024
TEST_IMAGES = 360
PIXEL_MAX = 16
"""Largest pixel in scikit-learn's copy."""


def load_digits() -> Dataset:
    """1437 training and 360 test images of 8x8x1 pixels; the split never changes.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998 (its test part, as in scikit-learn).
    """
    try:
        from sklearn.datasets import load_digits as load_from_sklearn
    except ImportError as error:
        raise ToolError(
            "the data set 'digits' comes with scikit-learn, which is not installed: "
            "pip install scikit-learn (or 'xnorflow[train]')"
        ) from error
    raw = load_from_sklearn()
    pixels = np.asarray(raw.images)
    images = np.round(pixels * 255 / PIXEL_MAX).astype(np.uint8)
    labels = np.asarray(raw.target).astype(np.int64)
    train, test = stratified_split(labels, TEST_IMAGES, SPLIT_SEED)
    return make_dataset("digits", (images[train], labels[train]), (images[test], labels[test]))


def stratified_split(
    labels: NDArray[np.int64], test_count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of a training and a test part with the same share of each class, each ascending.

    Each class is shuffled and spread evenly over ``0..1``; the test part is the ``test_count``
    lowest of all, so it takes the same fraction of every class, to within one image.

    Parameters
    ----------
    labels
        Shape ``(n,)``.
    test_count
        Size of the test part.
    seed
        Of the shuffle.
    """
    generator = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(position, kind="stable")
    return np.sort(order[test_count:]), np.sort(order[:test_count])
