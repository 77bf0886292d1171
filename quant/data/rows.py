# SPDX-License-Identifier: Apache-2.0
"""Images as signals: the rows of an image one after another in time.

No sound is in them. They are signals of one dimension that need no download, to train and to check
networks for such signals; a row of pixels takes the place of the spectrum at one moment.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from xnorflow.quant.data.dataset import Dataset

__all__ = ["by_rows"]


def by_rows(dataset: Dataset, name: str) -> Dataset:
    """The images of ``dataset`` as signals, called ``name``.

    Row ``t`` of an image becomes the point ``t`` in time, and its pixels the channels of that
    point: ``(n, height, width, channels)`` becomes ``(n, 1, height, width * channels)``, an image
    of height 1.
    """
    return dataclasses.replace(
        dataset,
        name=name,
        train_images=rows_in_time(dataset.train_images),
        test_images=rows_in_time(dataset.test_images),
    )


def rows_in_time(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``images`` of shape ``(n, h, w, c)`` as ``(n, 1, h, w * c)``."""
    count, height, width, channels = images.shape
    return images.reshape(count, 1, height, width * channels)
