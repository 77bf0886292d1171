# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Folding,
    SparseMVAU,
    StreamType,
    ThresholdTable,
    int_type,
    kept_tiles,
)

SIGN = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
HERE = r"\(node 'fc', module 'net\.0'\)$"
BLOCKS = np.array([[0, 0, 1, 1], [0, 0, -1, 1], [1, -1, 0, 0], [-1, -1, 0, 0]])
ONE_BLOCK = BLOCKS * np.array([[1], [1], [0], [0]])


def mvau(weights: Any = BLOCKS, **fields: Any) -> MVAU:
    header = {"name": "fc", "inputs": ("x",), "edge": "fc", "origin": "net.0"}
    usual = {"weight_type": TERNARY, "table": SIGN, "folding": Folding(2, 2)}
    return MVAU(**header, weights=weights, **(usual | fields))


@given(
    st.integers(1, 4).flatmap(
        lambda nf: st.tuples(st.just(nf), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
    ),
    st.data(),
)
def test_kept_tiles_by_definition(shape: tuple[int, ...], data: st.DataObject) -> None:
    nf, sf, pe, simd = shape
    sparse = st.sampled_from([0, 0, 0, 0, 1, -1])
    weights = data.draw(arrays.arrays(np.int8, (nf * pe, sf * simd), elements=sparse))
    expected = []
    for fold in range(nf):
        rows = weights[fold * pe : (fold + 1) * pe]
        beats = [b for b in range(sf) if rows[:, b * simd : (b + 1) * simd].any()]
        expected += [[fold, beat] for beat in beats or [0]]
    assert kept_tiles(weights, Folding(pe, simd)).tolist() == expected


def test_tiles_of_bits_are_bits() -> None:
    node = SparseMVAU.of(mvau())
    assert node.tiles.tolist() == [[0, 1], [1, 0]]
    assert node.tile_type == BIPOLAR
    assert (node.kept, node.tiles_per_fold.tolist()) == (2, [1, 1])
    assert node.stored_weights is node.weights
    assert node.origin == "net.0"


@pytest.mark.parametrize("folding", [Folding(2, 4), Folding(4, 2), Folding(1, 4)], ids=str)
def test_tiles_with_zeros_keep_their_type(folding: Folding) -> None:
    assert SparseMVAU.of(mvau(folding=folding)).tile_type == TERNARY


def test_weights_of_more_bits_keep_their_type() -> None:
    node = SparseMVAU.of(mvau(3 * BLOCKS, weight_type=int_type(3)))
    assert (node.tile_type, node.kept) == (int_type(3), 2)


def test_a_fold_of_zeros_holds_what_its_type_has() -> None:
    """It must not count, whatever it is: that takes thresholds, or a 0."""
    node = SparseMVAU.of(mvau(ONE_BLOCK))
    assert node.tiles.tolist() == [[0, 1], [1, 0]]
    assert node.tile_type == BIPOLAR
    assert node.unused_folds.tolist() == [False, True]
    np.testing.assert_array_equal(node.stored_weights[2:], [[-1, -1, 0, 0]] * 2)
    np.testing.assert_array_equal(node.stored_weights[:2], node.weights[:2])
    raw = SparseMVAU.of(mvau(ONE_BLOCK, table=None))
    assert raw.tile_type == TERNARY
    assert not raw.unused_folds.any()
    assert raw.stored_weights is raw.weights


def test_type_of_its_output_is_that_of_the_mvau() -> None:
    for layer in (mvau(), mvau(table=None), mvau(ONE_BLOCK, table=None)):
        source = StreamType(int_type(3), 4, 2, 5)
        assert SparseMVAU.of(layer).infer((source,)) == layer.infer((source,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tiles": np.array([[1, 0], [0, 1]])},
            r"^tiles must be pairs of a fold below nf=2 and a beat below sf=2, in ascending order ",
        ),
        (
            {"tiles": np.array([[0, 1], [0, 1], [1, 0]])},
            r"^tiles must be pairs of a fold below nf=2 and a beat below sf=2, in ascending order ",
        ),
        (
            {"tiles": np.array([[0, 2], [1, 0]])},
            r"^tiles must be pairs of a fold below nf=2 and a beat below sf=2, in ascending order ",
        ),
        (
            {"tiles": np.array([[0, -1], [0, 1], [1, 0]])},
            r"^tiles must be pairs of a fold below nf=2 and a beat below sf=2, in ascending order ",
        ),
        (
            {"tiles": np.array([[0, 1, 1]])},
            r"^tiles must be pairs of a fold below nf=2 and a beat below sf=2, in ascending order ",
        ),
        ({"tiles": np.array([[0, 1]])}, r"^every neuron fold must keep a tile "),
        ({"tiles": np.zeros((0, 2))}, r"^every neuron fold must keep a tile "),
        (
            {"tiles": np.array([[0, 0], [1, 0]])},
            r"^weights in tiles that are not kept must be 0 ",
        ),
        (
            {"tiles": np.array([[0, 0], [0, 1], [1, 0]])},
            r"^weights in kept tiles must be values of BIPOLAR ",
        ),
    ],
)
def test_rules(change: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message + HERE):
        replace(SparseMVAU.of(mvau()), **change)


def test_raw_sums_of_a_fold_of_zeros_need_a_zero() -> None:
    node = SparseMVAU.of(mvau(ONE_BLOCK))
    with pytest.raises(
        GraphError,
        match=r"^without thresholds, a fold of zeros must be stored with a 0, not as BIPOLAR "
        + HERE,
    ):
        replace(node, table=None)


def test_the_rules_of_an_mvau_hold() -> None:
    node = SparseMVAU.of(mvau())
    with pytest.raises(FoldingError, match=r"^pe must divide mh=4, not 3 \(layer 'fc'; "):
        replace(node, folding=Folding(3, 2))
    with pytest.raises(GraphError, match=r"^weights must be values of BIPOLAR " + HERE):
        replace(node, weight_type=BIPOLAR)
