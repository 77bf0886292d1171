# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from xnorflow.quant.data import load_dataset
from xnorflow.quant.data.dataset import make_dataset
from xnorflow.quant.data.rows import by_rows


def test_a_row_becomes_a_point_in_time_and_its_pixels_channels():
    images = np.arange(2 * 3 * 4 * 2, dtype=np.uint8).reshape(2, 3, 4, 2)
    labels = np.array([0, 1])
    signals = by_rows(make_dataset("images", (images, labels), (images[:1], labels[:1])), "rows")
    assert signals.name == "rows"
    assert signals.image_shape == (1, 3, 8)
    assert signals.test_images.shape == (1, 1, 3, 8)
    for t in range(3):
        assert np.array_equal(signals.train_images[1, 0, t], images[1, t].reshape(-1))


def test_digits_by_rows_are_the_digits():
    digits, signals = load_dataset("digits"), load_dataset("digits-rows")
    assert signals.image_shape == (1, 8, 8)
    assert np.array_equal(signals.train_images[:, 0], digits.train_images[..., 0])
    assert np.array_equal(signals.test_labels, digits.test_labels)
