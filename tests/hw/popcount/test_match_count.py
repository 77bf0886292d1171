# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.families import Device
from xnorflow.hw.popcount import MatchCount, match_cycles, stored_matches


def word(bits: Any) -> int:
    return sum(int(bit) << lane for lane, bit in enumerate(bits))


def matches(run: Any, count: MatchCount, device: Device, x: Any, w: Any) -> list[int]:
    """Matches of codes ``x`` and ``w``, which the hardware counts."""
    stored = stored_matches(device, w)
    inputs = [{"inputs": word(a), "stored": word(b)} for a, b in zip(x, stored, strict=True)]
    sums = run(count, inputs, "sum")
    carries = run(count, inputs, "carry") if count.has_carry else [0] * len(sums)
    return [total + carry for total, carry in zip(sums, carries, strict=True)]


def drawn(lanes: int, seed: int, vectors: int = 24) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x, w = rng.integers(0, 2, (2, vectors, lanes))
    x[0], w[0] = 0, 0  # all lanes match,
    x[1], w[1] = 1, 0  # none does
    return x, w


@pytest.mark.parametrize("device", Device)
@pytest.mark.parametrize("lanes", [*range(1, 34), 63, 64, 72])
def test_every_number_of_lanes(pipeline_run: Any, device: Device, lanes: int) -> None:
    x, w = drawn(lanes, lanes)
    count = MatchCount(device, lanes)
    expected = (x == w).sum(axis=1).tolist()
    assert matches(pipeline_run, count, device, x, w) == expected


@settings(max_examples=25)
@given(
    device=st.sampled_from(list(Device)),
    lanes=st.integers(1, 300),
    levels_per_stage=st.integers(0, 4),
    seed=st.integers(0, 2**20),
)
def test_any_pipeline(
    pipeline_run: Any, device: Device, lanes: int, levels_per_stage: int, seed: int
) -> None:
    x, w = drawn(lanes, seed, 6)
    count = MatchCount(device, lanes, levels_per_stage)
    assert count.latency == match_cycles(device, lanes, levels_per_stage)
    assert count.sum.shape().width == count.shape.width
    expected = (x == w).sum(axis=1).tolist()
    assert matches(pipeline_run, count, device, x, w) == expected


@pytest.mark.parametrize("device", Device)
@pytest.mark.parametrize("lanes", [1, 2, 7, 16, 63, 64, 100])
def test_stored_bits_tell_all_weights_apart(device: Device, lanes: int) -> None:
    # As a matrix over the integers modulo 2, what is stored has full rank.
    zero = stored_matches(device, np.zeros((1, lanes), np.int64))
    matrix = (stored_matches(device, np.eye(lanes, dtype=np.int64)) ^ zero).astype(np.uint8)
    assert matrix.shape == (lanes, lanes)
    rank = 0
    for column in range(lanes):
        rows = np.flatnonzero(matrix[rank:, column]) + rank
        if len(rows):
            matrix[[rank, rows[0]]] = matrix[[rows[0], rank]]
            below = rows[rows > rank]
            others = [row for row in below if matrix[row, column]]
            matrix[others] ^= matrix[rank]
            rank += 1
    assert rank == lanes
