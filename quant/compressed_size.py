# SPDX-License-Identifier: Apache-2.0
"""How many bits a network takes: weights, indices of what is not pruned, thresholds.

The weights of each layer are kept in the smallest of these forms:

* all of them, in the bits of their type;
* those of the tiles (groups of neighbouring neurons times groups of neighbouring inputs, from 1x1
  up) that hold more than zeros, each tile with the distance from the last one, in the number of
  bits that suits best; a longer distance takes an empty tile in between. Weights that are all -1
  or +1 take one bit.

A second figure has the weights and the distances in Huffman's code, with its table, where that is
less: the stages "prune, share, code" of Deep Compression.

References
----------
S. Han, H. Mao, W. J. Dally, Deep Compression, arXiv:1510.00149 (relative indices: section 2;
Huffman coding: section 4); D. A. Huffman, A Method for the Construction of Minimum-Redundancy
Codes, 1952.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import Conv, Depthwise, MatMul, Network, Threshold, smallest_type

__all__ = ["FLOAT_BITS", "LayerSize", "NetworkSize", "huffman_bits", "layer_size", "network_size"]

TILE_SIDES = (1, 2, 4, 8, 16, 32)
"""Neurons, and inputs, of the tiles that are tried."""

MOST_INDEX_BITS = 16
FLOAT_BITS = 32
LENGTH_BITS = 5
"""Of the length of a code word, in the table of a Huffman code."""


@dataclass(frozen=True, slots=True)
class LayerSize:
    """Bits of the weights of one layer.

    Parameters
    ----------
    layer
        Its name.
    weights, nonzero_weights
        Number of all, and of those that are not 0.
    weight_bits, index_bits
        Of the weights that are kept, and of where they are.
    coded_bits
        Both in Huffman's code, where that is less.
    """

    layer: str
    weights: int
    nonzero_weights: int
    weight_bits: int
    index_bits: int
    coded_bits: int


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """Bits of a network.

    Parameters
    ----------
    weights, nonzero_weights, weight_bits, index_bits
        Sums over all layers.
    threshold_bits
        Of all thresholds; for a network in floating point, of the biases of its layers.
    total_bits
        Of weights, indices and thresholds.
    coded_bits
        The same, with weights and indices in Huffman's code.
    float_bits
        32 bits for every weight, pruned or not.
    layers
        Size of each layer.
    """

    weights: int
    nonzero_weights: int
    weight_bits: int
    index_bits: int
    threshold_bits: int
    total_bits: int
    coded_bits: int
    float_bits: int
    layers: tuple[LayerSize, ...]

    @classmethod
    def of(cls, layers: Iterable[LayerSize], threshold_bits: int) -> NetworkSize:
        """The sums over ``layers``, and thresholds."""
        sizes = tuple(layers)
        names = [field.name for field in fields(LayerSize) if field.name != "layer"]
        sums = {name: sum(getattr(size, name) for size in sizes) for name in names}
        coded = sums.pop("coded_bits") + threshold_bits
        return cls(
            **sums,
            threshold_bits=threshold_bits,
            total_bits=sums["weight_bits"] + sums["index_bits"] + threshold_bits,
            coded_bits=coded,
            float_bits=FLOAT_BITS * sums["weights"],
            layers=sizes,
        )

    def to_document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"layers": [asdict(layer) for layer in self.layers]}


def network_size(network: Network) -> NetworkSize:
    """Bits of the integer network ``network``."""
    layers, threshold_bits = [], 0
    for node in network.nodes:
        if isinstance(node, MatMul | Conv | Depthwise):
            rows = node.weights.reshape(len(node.weights), -1)
            layers.append(layer_size(node.name, rows, node.weight_type.width_bits))
        elif isinstance(node, Threshold):
            values = node.table.values
            width_bits = smallest_type(int(values.min()), int(values.max())).width_bits
            flags = len(values) if node.table.descending.any() else 0
            threshold_bits += values.size * width_bits + flags
    return NetworkSize.of(layers, threshold_bits)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to keep the weights of a layer.

    Parameters
    ----------
    weight_bits, index_bits
        Of weights and of indices.
    coded_bits
        Both in Huffman's code, where that is less.
    """

    weight_bits: int
    index_bits: int
    coded_bits: int


def layer_size(name: str, rows: NDArray[np.generic], width_bits: int) -> LayerSize:
    """Bits of the weights ``rows``.

    Parameters
    ----------
    name
        Of the layer.
    rows
        Shape ``(neurons, inputs)``.
    width_bits
        Bits of a weight; those of 8 or fewer can be coded.
    """
    forms = [dense_form(rows, width_bits)]
    if not np.all(rows):
        forms += [
            tiled_form(rows, tile, width_bits)
            for tile in itertools.product(TILE_SIDES, TILE_SIDES)
            if tile[0] <= rows.shape[0] and tile[1] <= rows.shape[1]
        ]
    best = min(forms, key=lambda form: form.weight_bits + form.index_bits)
    return LayerSize(
        layer=name,
        weights=rows.size,
        nonzero_weights=int(np.count_nonzero(rows)),
        weight_bits=best.weight_bits,
        index_bits=best.index_bits,
        coded_bits=min(form.coded_bits for form in forms),
    )


def dense_form(rows: NDArray[np.generic], width_bits: int) -> Form:
    """All weights."""
    bits = rows.size * width_bits
    return Form(bits, 0, min(bits, coded_weights(rows.reshape(-1), width_bits)))


def tiled_form(rows: NDArray[np.generic], tile: tuple[int, int], width_bits: int) -> Form:
    """The weights of the tiles that are not all 0; beyond the edges there are zeros."""
    padded = np.pad(rows, [(0, -size % step) for size, step in zip(rows.shape, tile, strict=True)])
    parts = padded.reshape(padded.shape[0] // tile[0], tile[0], -1, tile[1])
    tiles = parts.transpose(0, 2, 1, 3).reshape(-1, tile[0] * tile[1])
    places = np.flatnonzero(tiles.any(axis=1))
    kept = tiles[places]
    gaps = np.diff(places, prepend=-1) - 1
    forms = []
    for index_bits in range(1, MOST_INDEX_BITS + 1):
        symbols, empty = with_steps(gaps, index_bits)
        values = np.concatenate([kept.reshape(-1), np.zeros(empty * kept.shape[1], kept.dtype)])
        single = empty == 0 and bool(np.all(np.abs(values.astype(np.float32)) == 1))
        value_bits = 1 if single else width_bits
        weight_bits, places_bits = values.size * value_bits, symbols.size * index_bits
        coded = min(weight_bits, coded_weights(values, value_bits)) + min(
            places_bits, huffman_bits(symbols, index_bits)
        )
        forms.append(Form(weight_bits, places_bits, coded))
    best = min(forms, key=lambda form: form.weight_bits + form.index_bits)
    return Form(best.weight_bits, best.index_bits, min(form.coded_bits for form in forms))


def with_steps(gaps: NDArray[np.int64], index_bits: int) -> tuple[NDArray[np.int64], int]:
    """Distances of ``index_bits`` bits, and how many empty tiles stand between longer ones.

    Examples
    --------
    >>> with_steps(np.array([0, 9, 3]), 2)
    (array([0, 3, 3, 1, 3]), 2)
    """
    reach = 1 << index_bits
    empty = gaps // reach
    ends = np.cumsum(empty + 1) - 1
    symbols = np.full(int((empty + 1).sum()), reach - 1)
    symbols[ends] = gaps % reach
    return symbols, int(empty.sum())


def coded_weights(values: NDArray[np.generic], width_bits: int) -> int:
    """Bits of ``values`` in Huffman's code; floats, hardly two of which are equal, stay."""
    if width_bits > 8:
        return values.size * width_bits
    return huffman_bits(values.astype(np.int64), width_bits)


def huffman_bits(symbols: NDArray[np.int64], width_bits: int) -> int:
    """Bits of ``symbols`` in Huffman's code, with its table.

    Parameters
    ----------
    symbols
        Shape ``(n,)``.
    width_bits
        Of a symbol, in the table.

    Examples
    --------
    >>> huffman_bits(np.array([7, 7, 7, 7, 5, 5, 1, 0]), 3) - 4 * (3 + LENGTH_BITS)
    14
    """
    _, counts = np.unique(symbols, return_counts=True)
    heap = [int(count) for count in counts]
    if len(heap) == 1:
        return len(symbols) + width_bits + LENGTH_BITS
    heapq.heapify(heap)
    bits = len(counts) * (width_bits + LENGTH_BITS)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        bits += joined
        heapq.heappush(heap, joined)
    return bits
