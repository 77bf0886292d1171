# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import Thresholding
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Folding,
    StreamType,
    ThresholdTable,
    divisors,
    int_type,
    uint_type,
)
from xnorflow.ir import Thresholding as ThresholdingNode

OUTPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(4), uint_type(8)]


def make_node(table: ThresholdTable, channels: int, pe: int) -> ThresholdingNode:
    return ThresholdingNode(
        name="act", inputs=("x",), edge="act", table=table, channels=channels, folding=Folding(pe)
    )


@settings(max_examples=30)
@given(
    element=st.sampled_from(
        [BIPOLAR, TERNARY, uint_type(1), uint_type(8), int_type(2), int_type(9)]
    ),
    output=st.sampled_from(OUTPUTS),
    channels=st.integers(1, 8),
    levels=st.integers(1, 255),
    shared=st.booleans(),
    data=st.data(),
    seed=st.integers(0, 2**20),
)
def test_any_layer(
    bench: Any,
    random_values: Any,
    random_table: Any,
    step_function: Any,
    element: Any,
    output: Any,
    channels: int,
    levels: int,
    shared: bool,
    data: Any,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    pe = data.draw(st.sampled_from(divisors(channels)))
    levels = min(levels, output.levels - 1)
    table = random_table(rng, 1 if shared else channels, element.min, element.max, output, levels)
    x = random_values(rng, element, (6, channels))
    source = StreamType(element, channels, pe, 3)
    bench.check(make_node(table, channels, pe), source, x, step_function(table, x), stalls=seed)


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("descending", [False, True])
def test_every_accumulator(
    bench: Any, random_table: Any, step_function: Any, levels: int, descending: bool
) -> None:
    rng = np.random.default_rng(levels)
    table = random_table(rng, 2, -8, 7, uint_type(4), levels)
    table = ThresholdTable(table.values, np.full(2, descending), table.base, uint_type(4))
    x = np.repeat(np.arange(-8, 8), 2).reshape(16, 2)
    bench.check(make_node(table, 2, 1), StreamType(int_type(4), 2, 1), x, step_function(table, x))


@pytest.mark.parametrize("base", [-8, -2, -1, 0, 6])
def test_codes_wider_than_the_count(bench: Any, base: int) -> None:
    table = ThresholdTable(np.array([[0]]), np.array([False]), base, int_type(4))
    x = np.array([[-1], [0]])
    source = StreamType(int_type(2), 1, 1)
    bench.check(make_node(table, 1, 1), source, x, np.array([[base], [base + 1]]))


@pytest.mark.parametrize("pe", [1, 2, 3])
def test_frame_of_vectors_as_one(
    bench: Any, random_values: Any, random_table: Any, step_function: Any, pe: int
) -> None:
    rng = np.random.default_rng(pe)
    table = random_table(rng, 12, 0, 255, uint_type(2), 3)
    x = random_values(rng, uint_type(8), (3, 12))
    source = StreamType(uint_type(8), 6, pe, vectors=2)
    bench.check(make_node(table, 12, pe), source, x, step_function(table, x), stalls=pe)


def test_latency_of_lone_vectors(bench: Any, random_values: Any, random_table: Any) -> None:
    rng = np.random.default_rng(0)
    table = random_table(rng, 6, 0, 255, uint_type(2), 3)
    x = random_values(rng, uint_type(8), (3, 6))
    bench.check_alone(make_node(table, 6, 2), StreamType(uint_type(8), 6, 2), x)


def test_refuses_another_stream(random_table: Any) -> None:
    table = random_table(np.random.default_rng(0), 1, 0, 255, BIPOLAR, 1)
    with pytest.raises(GraphError, match=r"^thresholding takes vectors of 4 in pe=2 lanes, not "):
        Thresholding(make_node(table, 4, 2), StreamType(uint_type(8), 4, 4))
