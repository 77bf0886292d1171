# SPDX-License-Identifier: Apache-2.0
"""Bits of a network, against codes that are written and read back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.ir import BIPOLAR, Network, load_graph
from xnorflow.quant.compressed_size import (
    LENGTH_BITS,
    dense_form,
    huffman_bits,
    layer_size,
    network_size,
    tiled_form,
    with_steps,
)
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.train import train


def code_words(symbols):
    """Huffman's code by joining trees of symbols, as in a textbook."""
    values, counts = np.unique(symbols, return_counts=True)
    trees = [(int(count), [int(value)]) for value, count in zip(values, counts, strict=True)]
    lengths = {int(value): 0 for value in values}
    if len(trees) == 1:
        return {trees[0][1][0]: 1}
    while len(trees) > 1:
        trees.sort(key=lambda tree: tree[0])
        (one, first), (two, second), *trees = trees
        for value in first + second:
            lengths[value] += 1
        trees.append((one + two, first + second))
    return lengths


@given(st.lists(st.integers(0, 15), min_size=1, max_size=200))
def test_huffman_codes_are_as_long_as_a_textbooks(symbols):
    array = np.array(symbols)
    lengths = code_words(array)
    assert sum(2.0**-length for length in lengths.values()) <= 1  # Kraft: it can be decoded
    table = len(lengths) * (4 + LENGTH_BITS)
    assert huffman_bits(array, 4) == sum(lengths[s] for s in symbols) + table
    if len(lengths) > 1:
        shares = np.unique(array, return_counts=True)[1] / len(array)
        entropy = -np.sum(shares * np.log2(shares)) * len(array)
        assert entropy - 1e-9 <= huffman_bits(array, 4) - table <= entropy + len(array)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=50), st.integers(1, 9))
def test_distances_come_back(gaps, index_bits):
    symbols, empty = with_steps(np.array(gaps), index_bits)
    assert symbols.max() < 2**index_bits
    # An entry says how many places to skip; one that skips the most may stand for nothing.
    reach = 2**index_bits
    want_empty = sum(gap // reach for gap in gaps)
    assert empty == want_empty
    assert len(symbols) == len(gaps) + want_empty
    place, ends = -1, np.cumsum(np.array(gaps) + 1) - 1
    reached = []
    for symbol in symbols:
        place += symbol + 1
        reached.append(place)
    assert set(ends) <= set(reached)
    assert len(set(reached)) == len(symbols)


def test_dense_binary_weights_take_a_bit_each():
    rows = np.where(np.arange(64 * 32).reshape(64, 32) % 3, 1, -1).astype(np.int8)
    size = layer_size("fc", rows, 1)
    assert (size.weight_bits, size.index_bits) == (2048, 0)
    assert size.coded_bits == 2048
    assert dense_form(rows, 1).weight_bits == 2048


def test_tiles_take_an_index_each_and_one_bit_for_a_sign():
    rows = np.zeros((32, 64), dtype=np.int8)
    rows[:8, :8] = 1
    rows[8:16, 56:] = -1
    rows[24:, 8:16] = 1
    size = layer_size("fc", rows, 2)
    assert size.nonzero_weights == 3 * 64
    assert size.weight_bits == 3 * 64
    assert size.index_bits <= 3 * 4  # 32 tiles of 8x8
    form = tiled_form(rows, (8, 8), 2)
    assert form.weight_bits + form.index_bits >= size.weight_bits + size.index_bits


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_no_form_beats_the_entropy_of_its_parts(data):
    shape = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 40)))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    density = data.draw(st.sampled_from([0.02, 0.1, 0.5, 1.0]))
    rows = generator.integers(-7, 8, shape) * (generator.random(shape) < density)
    size = layer_size("fc", rows.astype(np.int8), 4)
    assert size.weights == rows.size
    assert size.nonzero_weights == np.count_nonzero(rows)
    assert size.weight_bits + size.index_bits <= 4 * rows.size
    assert size.coded_bits <= size.weight_bits + size.index_bits
    if np.count_nonzero(rows):
        ones = np.all(np.abs(rows[rows != 0]) == 1)
        assert size.weight_bits >= np.count_nonzero(rows) * (1 if ones else 4)


def test_a_network_is_the_sum_of_its_layers(tmp_path):
    recipe = find_recipe("digits").with_overrides(epochs=1, widths=[16, 12])
    train(recipe, tmp_path / "run")
    network = load_graph(Network, tmp_path / "run" / "model")
    size = network_size(network)
    assert size.weights == 64 * 16 + 16 * 12 + 12 * 10 == size.weight_bits
    assert [layer.layer for layer in size.layers] == ["fc1", "fc2", "fc3"]
    assert size.float_bits == 32 * size.weights
    assert 28 * 4 <= size.threshold_bits <= 28 * 16
    assert size.total_bits == size.weight_bits + size.threshold_bits
    assert all(n.weight_type == BIPOLAR for n in network.nodes if hasattr(n, "weight_type"))
