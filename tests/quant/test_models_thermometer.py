# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import ConfigError
from xnorflow.quant.models.thermometer import Thermometer, even_levels


@settings(max_examples=30, deadline=None)
@given(
    levels=st.sets(st.integers(1, 255), min_size=1, max_size=6).map(sorted),
    channels=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_each_level_is_a_comparison(levels, channels, seed):
    images = np.random.default_rng(seed).integers(0, 256, (2, channels, 3, 4))
    images[0, :, 0, 0], images[0, :, 0, 1] = levels[0], levels[0] - 1
    code = Thermometer(levels)(torch.from_numpy(images).float() / 256.0)
    assert code.dtype == torch.float32
    assert code.shape == (2, channels * len(levels), 3, 4)
    for c in range(channels):
        for j, level in enumerate(levels):
            expected = np.where(images[:, c] >= level, 1, -1)
            assert np.array_equal(code[:, c * len(levels) + j].numpy(), expected)


def test_even_levels_are_levels_and_even():
    for count in range(1, 256):
        levels = even_levels(count)
        assert Thermometer(levels).levels.tolist() == list(levels)
        steps = np.diff([0, *levels, 256])
        assert len(levels) == count
        assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize("levels", [[], [0, 3], [3, 256], [4, 4], [9, 4]])
def test_levels_must_ascend(levels):
    expected = f"levels of a thermometer must ascend within 1..255, not {levels}"
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        Thermometer(levels)
