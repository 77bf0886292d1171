# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.popcount import Popcount, popcount_cycles


@pytest.mark.parametrize("width_bits", range(1, 10))
def test_every_input(pipeline_run: Any, width_bits: int) -> None:
    words = range(1 << width_bits)
    counts = pipeline_run(Popcount(width_bits), [{"bits": word} for word in words], "count")
    assert counts == [word.bit_count() for word in words]


@settings(max_examples=30)
@given(width_bits=st.integers(10, 300), levels_per_stage=st.integers(1, 10), seed=st.randoms())
def test_any_width_and_pipeline(
    pipeline_run: Any, width_bits: int, levels_per_stage: int, seed: Any
) -> None:
    full = (1 << width_bits) - 1
    words = [0, full, *(seed.getrandbits(width_bits) for _ in range(5))]
    popcount = Popcount(width_bits, levels_per_stage)
    counts = pipeline_run(popcount, [{"bits": word} for word in words], "count")
    assert counts == [word.bit_count() for word in words]


@pytest.mark.parametrize(
    ("width_bits", "levels"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (63, 5), (64, 6)]
)
def test_levels(width_bits: int, levels: int) -> None:
    assert popcount_cycles(width_bits, levels_per_stage=1) == levels
