# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.quant.augment import augment
from xnorflow.quant.recipe import TrainRecipe


def changed(images, seed=0, **keys):
    """``images`` (n, c, h, w) as a training with ``keys`` sees them."""
    generator = np.random.default_rng(seed)
    given = torch.from_numpy(images)
    result = augment(given, TrainRecipe(**keys), generator).numpy()
    assert np.array_equal(given.numpy(), images)
    assert result.dtype == np.uint8
    return result


def random_images(count, channels, height, width, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(1, 256, (count, channels, height, width), dtype=np.uint8)


def moved(image, down, right):
    """``image`` (c, h, w) moved, pixel by pixel."""
    result = np.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                result[:, y, x] = image[:, y - down, x - right]
    return result


def test_by_default_nothing_changes():
    images = random_images(4, 2, 3, 5)
    assert np.array_equal(changed(images), images)


def test_about_half_of_the_images_are_flipped():
    images = random_images(400, 2, 3, 5)
    result = changed(images, flip=True)
    flipped = [np.array_equal(r, i[..., ::-1]) for r, i in zip(result, images, strict=True)]
    kept = [np.array_equal(r, i) for r, i in zip(result, images, strict=True)]
    assert all(one != other for one, other in zip(flipped, kept, strict=True))
    assert 160 < sum(flipped) < 240


@settings(max_examples=20, deadline=None)
@given(reach=st.integers(1, 3), height=st.integers(2, 5), width=st.integers(2, 5))
def test_a_shift_moves_a_whole_image_and_leaves_zeros(reach, height, width):
    images = random_images(12, 2, height, width)
    steps = range(-reach, reach + 1)
    for before, after in zip(images, changed(images, shift=reach), strict=True):
        assert any(
            np.array_equal(after, moved(before, down, right)) for down in steps for right in steps
        )


def test_all_shifts_occur():
    images = random_images(300, 1, 5, 5)
    result = changed(images, shift=1)
    seen = set()
    for before, after in zip(images, result, strict=True):
        places = [(d, r) for d in (-1, 0, 1) for r in (-1, 0, 1)]
        seen |= {place for place in places if np.array_equal(after, moved(before, *place))}
    assert len(seen) == 9


def test_signals_are_moved_in_time_alone():
    signals = random_images(20, 3, 1, 9)
    for before, after in zip(signals, changed(signals, shift=2), strict=True):
        assert any(np.array_equal(after, moved(before, 0, step)) for step in range(-2, 3))


@pytest.mark.parametrize("keys", [{"flip": True}, {"shift": 2}, {"flip": True, "shift": 1}])
def test_the_generator_decides(keys):
    images = random_images(20, 1, 6, 6)
    assert np.array_equal(changed(images, 5, **keys), changed(images, 5, **keys))
    assert not np.array_equal(changed(images, 5, **keys), changed(images, 6, **keys))
