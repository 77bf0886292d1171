# SPDX-License-Identifier: Apache-2.0
"""MVAUs that skip tiles, against matrix products with all their zeros."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.layers import SparseMvau
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    DataType,
    Folding,
    Pipelining,
    SparseMVAU,
    StreamType,
    ThresholdTable,
    accumulator_range,
    int_type,
    uint_type,
)

KEPT_WEIGHTS = [BIPOLAR, TERNARY, int_type(3), uint_type(1)]
"""Types of weights in tiles that are kept; in the layer BIPOLAR becomes TERNARY."""
INPUTS = [BIPOLAR, TERNARY, uint_type(2), int_type(2), uint_type(8)]
OUTPUTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(4), uint_type(8)]


@pytest.fixture(scope="session")
def tools(random_values: Any, random_table: Any, step_function: Any) -> tuple[Any, Any, Any]:
    return random_values, random_table, step_function


def random_pattern(rng: np.random.Generator, nf: int, sf: int, kept: int | None) -> Any:
    """Which tiles have weights: ``kept`` of every fold, or any, with folds that have none."""
    if kept is not None:
        return rng.permuted(np.tile(np.arange(sf) < kept, (nf, 1)), axis=1)
    pattern = rng.random((nf, sf)) < rng.choice([0.1, 0.4, 0.8])
    pattern[rng.random(nf) < 0.2] = False
    return pattern


def make_case(
    tools: tuple[Any, Any, Any],
    rng: np.random.Generator,
    types: tuple[DataType, DataType, DataType | None],
    pattern: Any,
    folding: Folding,
    levels: int = 255,
    rows: int | None = None,
) -> tuple[SparseMVAU, StreamType, Any, Any]:
    """A layer, its source, six input vectors and what must come out."""
    random_values, random_table, step_function = tools
    kept_type, input_type, output_type = types
    mask = np.kron(pattern, np.ones((folding.pe, folding.simd), int))
    mh, mw = mask.shape
    weights = random_values(rng, kept_type, mask.shape) * mask
    table = None
    if output_type is not None:
        low, high = accumulator_range(weights.astype(np.int8), input_type)
        table = random_table(
            rng, rows or mh, low, high, output_type, min(levels, output_type.levels - 1)
        )
    node = SparseMVAU.of(
        MVAU(
            name="fc",
            inputs=("x",),
            edge="fc",
            weights=weights,
            weight_type=TERNARY if kept_type == BIPOLAR else kept_type,
            table=table,
            folding=folding,
        )
    )
    x = random_values(rng, input_type, (6, mw))
    sums = x @ weights.T
    expected = sums if table is None else step_function(table, sums)
    return node, StreamType(input_type, mw, folding.simd, 2), x, expected


def check(bench: Any, case: tuple[SparseMVAU, StreamType, Any, Any], stalls: int = 0) -> None:
    """The first fold may wait for beats of its vector that others do not need."""
    bench.check(*case, stalls=stalls, waits=True)


@pytest.mark.parametrize("kept_type", KEPT_WEIGHTS, ids=str)
@pytest.mark.parametrize("input_type", INPUTS, ids=str)
def test_every_pair_of_types(
    bench: Any, tools: Any, kept_type: DataType, input_type: DataType
) -> None:
    rng = np.random.default_rng([KEPT_WEIGHTS.index(kept_type), INPUTS.index(input_type)])
    pattern = random_pattern(rng, 3, 4, kept=2)
    for output in (None, OUTPUTS[int(rng.integers(len(OUTPUTS)))]):
        types = (kept_type, input_type, output)
        case = make_case(tools, rng, types, pattern, Folding(pe=2, simd=3))
        assert case[0].tile_type == kept_type or kept_type != BIPOLAR
        check(bench, case, stalls=1)


@st.composite
def layers(draw: Any) -> tuple[Any, ...]:
    nf, sf = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    folding = Folding(draw(st.integers(1, 3)), draw(st.integers(1, 5)))
    kept = draw(st.none() | st.integers(1, sf))
    kept_type = draw(st.sampled_from([BIPOLAR, BIPOLAR, BIPOLAR, *KEPT_WEIGHTS]))
    input_type = draw(st.sampled_from([BIPOLAR, BIPOLAR, *INPUTS]))
    output_type = draw(st.none() | st.sampled_from(OUTPUTS))
    return (kept_type, input_type, output_type), (nf, sf, kept), folding


@settings(max_examples=80)
@given(
    layers(),
    st.integers(1, 20),
    st.booleans(),
    st.builds(Pipelining, st.booleans(), st.integers(1, 3)),
    st.integers(0, 2**20),
)
def test_any_layer(
    bench: Any,
    tools: Any,
    layer: Any,
    levels: int,
    shared: bool,
    pipelining: Pipelining,
    seed: int,
) -> None:
    types, shape, folding = layer
    rng = np.random.default_rng(seed)
    pattern = random_pattern(rng, *shape)
    rows = 1 if shared else None
    node, *case = make_case(tools, rng, types, pattern, folding, levels, rows=rows)
    check(bench, (replace(node, pipelining=pipelining), *case), stalls=seed)


@pytest.mark.parametrize("output", [None, BIPOLAR, uint_type(2)], ids=str)
@pytest.mark.parametrize("shared", [False, True], ids=["rows", "shared"])
@pytest.mark.parametrize("seed", range(8))
def test_bits_in_folds_with_more_and_fewer_tiles(
    bench: Any, tools: Any, seed: int, shared: bool, output: DataType | None
) -> None:
    """Each fold has a number of inputs of its own, by which matches become sums."""
    rng = np.random.default_rng(seed)
    pattern = np.arange(6) < rng.permutation(np.arange(1, 7))[:4, None]
    pattern = rng.permuted(pattern, axis=1)
    folding = Folding(int(rng.integers(1, 4)), int(rng.integers(1, 6)))
    rows = 1 if shared else None
    case = make_case(tools, rng, (BIPOLAR, BIPOLAR, output), pattern, folding, rows=rows)
    assert len(set(case[0].tiles_per_fold.tolist())) == 4
    check(bench, case, stalls=seed)


@pytest.mark.parametrize(
    ("pattern", "interval"),
    [
        (np.eye(3, 6), 6),  # fewer tiles than beats: all beats have to come
        (np.eye(6, 3) + np.eye(6, 3, -3), 6),
        (np.tril(np.ones((4, 4))), 10),
        ([[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]], 7),
        (np.zeros((5, 2)), 5),  # a fold without a tile keeps one
        ([[0, 0, 1, 0]], 4),
    ],
    ids=["few", "balanced", "triangle", "late_first", "nothing", "one_fold"],
)
@pytest.mark.parametrize("output", [None, BIPOLAR], ids=str)
def test_interval_and_latency(
    bench: Any, tools: Any, pattern: Any, interval: int, output: DataType | None
) -> None:
    rng = np.random.default_rng(interval)
    types = (BIPOLAR, BIPOLAR, output)
    case = make_case(tools, rng, types, np.array(pattern, bool), Folding(2, 4))
    trace = bench.check(*case, stalls=3, waits=True)
    node = case[0]
    ends = trace.cycles[node.nf - 1 :: node.nf]
    assert set(np.diff(ends)) == {interval}
    first = int(np.argmax(np.array(pattern)[0][::-1] > 0))
    beats = node.sf - 1 - first if np.any(np.array(pattern)[0]) else 0
    # fetch table, fetch, product, tree of 3 leaves, accumulator, output
    assert trace.cycles[0] - trace.accepted[0] == beats + 1 + 1 + 1 + 1 + 1 + 1
    bench.check_alone(*case[:3])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("threshold", [-(10**6), -2, -1, 0, 1, 2, 10**6])
@pytest.mark.parametrize("element", [BIPOLAR, uint_type(2)], ids=str)
def test_neurons_without_weights_sum_up_to_zero(
    bench: Any, element: DataType, threshold: int, descending: bool
) -> None:
    """Whatever the beats are that their only tile sees."""
    weights = np.zeros((4, 6), int)
    weights[2:, 3:] = [[1, -1, 1], [-1, -1, 1]]
    table = ThresholdTable(np.array([[threshold]]), np.array([descending]), -1, BIPOLAR)
    node = SparseMVAU.of(
        MVAU(
            name="fc",
            inputs=("x",),
            edge="fc",
            weights=weights,
            weight_type=TERNARY,
            table=table,
            folding=Folding(2, 3),
        )
    )
    assert node.tile_type == BIPOLAR
    assert node.kept == 2
    values = [element.min, element.max]
    x = np.array(np.meshgrid(*[values] * 6)).reshape(6, -1).T
    sums = x @ weights.T
    reached = sums <= threshold if descending else sums >= threshold
    check(bench, (node, StreamType(element, 6, 3, 2), x, np.where(reached, 1, -1)))


def test_frame_of_vectors_as_one(bench: Any, tools: Any) -> None:
    rng = np.random.default_rng(3)
    types = (BIPOLAR, uint_type(2), uint_type(2))
    node, _, x, expected = make_case(tools, rng, types, np.eye(2, 12), Folding(2, 3))
    bench.check(node, StreamType(uint_type(2), 6, 3, 6), x, expected, stalls=3, waits=True)


def flagged(rng: np.random.Generator, x: Any, lanes: int, flags: int) -> tuple[StreamType, Any]:
    """``x`` with whole groups of ``lanes // flags`` lanes set to 0, and the type of the stream."""
    groups = x.reshape(len(x), -1, lanes // flags).copy()
    groups[rng.random(groups.shape[:2]) < rng.choice([0.2, 0.5, 1])] = 0
    return StreamType(BIPOLAR, x.shape[1], lanes, 2, zero_flags=flags), groups.reshape(x.shape)


@settings(max_examples=40)
@given(
    kept_type=st.sampled_from([BIPOLAR, BIPOLAR, TERNARY, int_type(3)]),
    group=st.integers(1, 3),
    flags=st.integers(1, 3),
    output=st.none() | st.sampled_from(OUTPUTS),
    seed=st.integers(0, 2**20),
)
def test_flagged_pixels_count_as_zero(
    bench: Any,
    tools: Any,
    kept_type: DataType,
    group: int,
    flags: int,
    output: DataType | None,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    folding = Folding(2, 2 * group * flags)
    pattern = random_pattern(rng, 3, 4, kept=int(rng.integers(1, 5)))
    node, _, x, _ = make_case(tools, rng, (kept_type, BIPOLAR, output), pattern, folding)
    source, x = flagged(rng, x, folding.simd, flags)
    sums = x @ node.weights.T.astype(int)
    expected = sums if node.table is None else tools[2](node.table, sums)
    check(bench, (node, source, x, expected), stalls=seed)


def test_refuses_flags_of_an_odd_number_of_lanes(tools: Any) -> None:
    types = (BIPOLAR, BIPOLAR, BIPOLAR)
    node, *_ = make_case(tools, np.random.default_rng(0), types, np.eye(2), Folding(1, 3))
    source = StreamType(BIPOLAR, 6, 3, zero_flags=1)
    with pytest.raises(
        GraphError, match=r"^flags for 0 must be those of an even number of lanes, not .*'fc'"
    ):
        SparseMvau(node, source)


def test_refuses_another_stream(tools: Any) -> None:
    types = (BIPOLAR, BIPOLAR, BIPOLAR)
    node, *_ = make_case(tools, np.random.default_rng(0), types, np.eye(2), Folding(1, 2))
    with pytest.raises(
        GraphError, match=r"^sparse_mvau takes vectors of mw=4 in simd=2 lanes, not .*'fc'"
    ):
        SparseMvau(node, StreamType(BIPOLAR, 4, 4))


@pytest.mark.parametrize("folding", [Folding(2, 4), Folding(1, 1)], ids=str)
def test_tiles_may_be_kept_that_are_zero(bench: Any, tools: Any, folding: Folding) -> None:
    """The layer takes any tiles that hold all its weights."""
    rng = np.random.default_rng(1)
    types = (TERNARY, BIPOLAR, uint_type(2))
    node, source, x, expected = make_case(tools, rng, types, np.eye(3), folding)
    every = replace(node, tiles=np.argwhere(np.ones((3, 3))), tile_type=TERNARY)
    check(bench, (every, source, x, expected), stalls=2)
