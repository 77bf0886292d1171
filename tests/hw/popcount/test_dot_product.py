# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.popcount import DotProduct
from xnorflow.ir import BIPOLAR, TERNARY, int_type, uint_type

TYPES = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]


def word(codes: Any, width_bits: int) -> int:
    return sum(int(code) << (width_bits * lane) for lane, code in enumerate(codes))


def dot_products(run: Any, dot: DotProduct, types: Any, weights: Any, x: Any) -> Any:
    weight_type, input_type = types
    inputs = [
        {
            "weights": word(weight_type.encode(w), weight_type.width_bits),
            "activations": word(input_type.encode(a), input_type.width_bits),
        }
        for w, a in zip(weights, x, strict=True)
    ]
    sums = np.array(run(dot, inputs, "sum"))
    return 2 * sums - weights.shape[1] if types == (BIPOLAR, BIPOLAR) else sums


@pytest.mark.parametrize("weight_type", TYPES, ids=str)
@pytest.mark.parametrize("input_type", TYPES, ids=str)
def test_every_pair_of_types(pipeline_run: Any, weight_type: Any, input_type: Any) -> None:
    rng = np.random.default_rng(0)
    types = weight_type, input_type
    corners = np.array(
        [
            [w, a]
            for w in (weight_type.min, weight_type.max)
            for a in (input_type.min, input_type.max)
        ]
    )
    for lanes in (1, 2, 5):
        drawn = [t.min + t.step * rng.integers(0, t.levels, (8, lanes)) for t in types]
        extremes = [np.repeat(corners[:, side, None], lanes, axis=1) for side in (0, 1)]
        weights, x = (np.vstack(pair) for pair in zip(drawn, extremes, strict=True))
        found = dot_products(pipeline_run, DotProduct(*types, lanes), types, weights, x)
        np.testing.assert_array_equal(found, (weights * x).sum(axis=1))


@settings(max_examples=20)
@given(
    weight_type=st.sampled_from(TYPES),
    input_type=st.sampled_from(TYPES),
    lanes=st.integers(1, 40),
    width_bits=st.integers(1, 12),
    seed=st.integers(0, 2**20),
)
def test_wraps_where_it_is_narrow(
    pipeline_run: Any, weight_type: Any, input_type: Any, lanes: int, width_bits: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    types = weight_type, input_type
    weights, x = (t.min + t.step * rng.integers(0, t.levels, (4, lanes)) for t in types)
    dot = DotProduct(*types, lanes, max_width_bits=width_bits)
    assert dot.shape.width <= width_bits
    expected = (weights * x).sum(axis=1)
    found = dot_products(pipeline_run, dot, types, weights, x)
    modulus = (2 if types == (BIPOLAR, BIPOLAR) else 1) << width_bits
    np.testing.assert_array_equal((found - expected) % modulus, 0)
