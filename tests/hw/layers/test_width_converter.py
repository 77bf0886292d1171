# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.ir import BIPOLAR, StreamType, WidthConverter, divisors, int_type


def make_node(lanes: int) -> WidthConverter:
    return WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=lanes)


@pytest.mark.parametrize("lanes_out", divisors(12))
@pytest.mark.parametrize("lanes_in", divisors(12))
def test_every_pair_of_lanes(bench: Any, random_values: Any, lanes_in: int, lanes_out: int) -> None:
    x = random_values(np.random.default_rng(0), int_type(5), (4, 12))
    source = StreamType(int_type(5), 12, lanes_in, 4)
    bench.check(make_node(lanes_out), source, x, x, stalls=lanes_in)


@settings(max_examples=25)
@given(channels=st.integers(1, 60), data=st.data(), seed=st.integers(0, 2**20))
def test_any_conversion(
    bench: Any, random_values: Any, channels: int, data: Any, seed: int
) -> None:
    lanes_in = data.draw(st.sampled_from(divisors(channels)))
    lanes_out = data.draw(st.sampled_from(divisors(channels)))
    x = random_values(np.random.default_rng(seed), BIPOLAR, (3, channels))
    source = StreamType(BIPOLAR, channels, lanes_in)
    bench.check(make_node(lanes_out), source, x, x, stalls=seed)


@pytest.mark.parametrize(("lanes_in", "lanes_out"), [(4, 6), (6, 4), (1, 12), (12, 1), (4, 4)])
def test_latency_of_lone_vectors(
    bench: Any, random_values: Any, lanes_in: int, lanes_out: int
) -> None:
    x = random_values(np.random.default_rng(0), int_type(2), (3, 12))
    bench.check_alone(make_node(lanes_out), StreamType(int_type(2), 12, lanes_in), x)
