# SPDX-License-Identifier: Apache-2.0
"""Matrix products laid out for the compiled loops, with or without thresholds behind them.

Packed bits: with planes ``x_p`` and ``w_q`` of two's complement codes and their weights ``s_p``,
``t_q`` (powers of two, the last one negative where the type is signed)::

    sum(w * x) = sum over p, q of  s_p * t_q * ones(x_p & w_q)

A BIPOLAR input is ``2 * bit - 1``, which adds ``-sum(w)``, a constant of each neuron. BIPOLAR
weights use the XNOR form, which needs no term that depends on the image::

    sum(w * x) = sum over p of  s_p * (number of +1 weights - ones(x_p ^ w))
    sum(w * x) = mw - 2 * ones(x ^ w)                              (both BIPOLAR)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import BIPOLAR, DataType, MatMul, TensorType, ThresholdTable
from xnorflow.sim.reference import compiled
from xnorflow.sim.reference.formats import Format, bits_buffer, padded

__all__ = ["Product", "make_product"]

Array = NDArray[Any]

MAX_PLANE_PAIRS = 4
"""More pairs of bit planes than this cost more than a product of 16-bit words
(docs/design/0003-reference-engine.md has the measurements)."""


BEYOND_ALL_SUMS = 1 << 40
"""Sums have at most 32 bits; thresholds of this size can be shifted without overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """One matrix product: weights and constants as the compiled loops want them.

    Parameters
    ----------
    format
        Format of the inputs.
    weights
        Shape ``(groups, ...)`` as in :mod:`~xnorflow.sim.reference.compiled`.
    places
        Weights of the pairs of planes, shape ``(input planes, weight planes)``, as in
        :func:`~xnorflow.sim.reference.compiled.bit_totals`; one zero for words.
    xnor
        Whether ones of ``x ^ w`` are counted rather than of ``x & w``.
    scale, constants
        A sum is ``constants + scale * total``, where the compiled loops make the totals;
        ``constants`` has shape ``(mh,)``.
    """

    format: Format
    weights: Array
    places: NDArray[np.int64]
    xnor: bool
    scale: int
    constants: NDArray[np.int64]

    @property
    def lanes(self) -> int:
        """Neurons of a group."""
        return compiled.BIT_LANES if self.format is Format.BITS else compiled.WORD_LANES

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes of the inputs, planes of the weights, and words (or pairs of words) of a row."""
        rows = self.weights.shape[2] if self.format is Format.BITS else self.weights.shape[1]
        return (*self.places.shape, rows)

    @property
    def lane_type(self) -> type[np.signedinteger[Any]]:
        """Integers that the sums are made in."""
        return np.int64 if self.format is Format.BITS else np.int32

    def by_lane(self, values: Array, fill: int) -> Array:
        """``values``, shape (mh, ...), as (groups, ..., lanes); absent neurons get ``fill``."""
        mh = values.shape[0]
        whole = np.full((padded(mh, self.lanes), *values.shape[1:]), fill, self.lane_type)
        whole[:mh] = values
        groups = whole.reshape(-1, self.lanes, *values.shape[1:])
        return np.ascontiguousarray(np.moveaxis(groups, 1, -1))

    def sums(self) -> Callable[[Array], Array]:
        """The function from inputs to sums (VALUES)."""
        slopes = np.full_like(self.constants, self.scale)
        lines = self.by_lane(np.stack([slopes, self.constants], axis=1), 0)

        def apply(x: Array) -> Array:
            out = np.empty((x.shape[0], lines.size // 2), np.int64)
            compiled.product_sums(x, self.weights, self.shape, self.places, self.xnor, lines, out)
            return out

        return apply

    def signs(self, table: ThresholdTable) -> Callable[[Array], Array]:
        """The function from inputs to the results of a one-bit ``table`` (BITS)."""
        mh = self.constants.size
        thresholds, downwards = self.on_totals(table)
        grouped = self.by_lane(thresholds[:, 0], np.iinfo(self.lane_type).max)
        mask_type = np.uint8 if self.format is Format.BITS else np.uint16
        flips = np.zeros(grouped.shape[0] * self.lanes, bool)
        flips[:mh] = downwards
        masks = np.packbits(flips, bitorder="little").view(mask_type)

        def apply(x: Array) -> Array:
            bits = bits_buffer(x.shape[0], 1, mh)
            out = bits[:, 0, :].view(mask_type)
            compiled.product_signs(
                x, self.weights, self.shape, self.places, self.xnor, grouped, masks, out
            )
            return bits

        return apply

    def bytes(self, table: ThresholdTable) -> Callable[[Array], Array]:
        """The function from inputs to the results of ``table`` (BYTES)."""
        thresholds, downwards = self.on_totals(table)
        grouped = self.by_lane(thresholds, 0)
        step = table.output_type.step
        slopes = np.where(downwards, -step, step)
        bases = table.base + step * table.levels * downwards
        lines = self.by_lane(np.stack([slopes, bases], axis=1), 0)

        def apply(x: Array) -> Array:
            out = np.empty((x.shape[0], lines.size // 2), np.uint8)
            compiled.product_bytes(
                x, self.weights, self.shape, self.places, self.xnor, grouped, lines, out
            )
            return out

        return apply

    def on_totals(self, table: ThresholdTable) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Thresholds ``t`` on totals, shape (mh, levels), and which neurons count downwards.

        The count of ``table`` is ``#{total >= t}``, or ``levels`` less that where it is counted
        downwards: for a descending channel, and for a negative scale, each of which makes
        ``a <= b`` of a comparison, which is ``not a >= b + 1``.
        """
        mh = self.constants.size
        descending = np.broadcast_to(table.descending, (mh,))
        within = np.clip(table.values, -BEYOND_ALL_SUMS, BEYOND_ALL_SUMS)
        lacking = within + descending[:, np.newaxis] - self.constants[:, np.newaxis]
        flipped = self.scale < 0
        thresholds = -lacking // -self.scale + 1 if flipped else -(-lacking // self.scale)
        low, high = np.iinfo(self.lane_type).min, np.iinfo(self.lane_type).max
        return np.clip(thresholds, low, high), descending ^ flipped


def make_product(node: MatMul, source: TensorType, result: TensorType) -> Product | None:
    """The compiled product for ``node``, or None where neither form holds its numbers."""
    planes = source.element.width_bits
    pairs = planes * node.weight_type.width_bits
    if planes == 1 or pairs <= MAX_PLANE_PAIRS:
        return bit_product(node, source.element)
    int16, int32 = np.iinfo(np.int16), np.iinfo(np.int32)
    narrow = source.element.min >= int16.min and source.element.max <= int16.max
    # Strictly below: a threshold that no sum reaches must have a place in int32.
    if narrow and result.element.min >= int32.min and result.element.max < int32.max:
        return word_product(node)
    return None


def plane_weights(element: DataType) -> NDArray[np.int64]:
    """What a one in each plane of a code of type ``element`` adds to the value."""
    if element == BIPOLAR:
        return np.array([2])
    places: NDArray[np.int64] = 1 << np.arange(element.width_bits)
    if element.signed:
        places[-1] *= -1
    return places


def bit_product(node: MatMul, inputs: DataType) -> Product:
    """``node`` on packed bits."""
    wide = node.weights.astype(np.int64)
    x_places = plane_weights(inputs)
    if xnor := node.weight_type == BIPOLAR:
        factors = -x_places[:, np.newaxis]
        constants = x_places.sum() * (wide > 0).sum(axis=1)
    else:
        factors = np.multiply.outer(x_places, plane_weights(node.weight_type))
        constants = np.zeros(node.mh, np.int64)
    if inputs == BIPOLAR:
        constants = constants - wide.sum(axis=1)
    scale = int(factors[0, 0])
    exponents = np.log2(np.abs(factors // scale)).astype(np.int64)
    return Product(
        format=Format.BITS,
        weights=bit_weights(node),
        places=np.where(factors // scale > 0, exponents, ~exponents),
        xnor=xnor,
        scale=scale,
        constants=constants,
    )


def bit_weights(node: MatMul) -> NDArray[np.uint64]:
    """Bit planes of the weights, shape (groups, planes, words, lanes)."""
    codes = node.weight_type.encode(node.weights)
    lanes = compiled.BIT_LANES
    rows, planes, columns = padded(node.mh, lanes), node.weight_type.width_bits, padded(node.mw, 64)
    bits = np.zeros((rows, planes, columns), np.uint8)
    for plane in range(planes):
        bits[: node.mh, plane, : node.mw] = (codes >> plane) & 1
    words = np.packbits(bits, axis=2, bitorder="little").view("<u8").astype(np.uint64, copy=False)
    grouped = words.reshape(rows // lanes, lanes, planes, columns // 64)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 1))


def word_product(node: MatMul) -> Product:
    """``node`` on pairs of 16-bit words; weights of shape (groups, pairs, 2 * lanes)."""
    lanes = compiled.WORD_LANES
    rows, columns = padded(node.mh, lanes), padded(node.mw, 2)
    words = np.zeros((rows, columns), np.int16)
    words[: node.mh, : node.mw] = node.weights
    grouped = words.reshape(rows // lanes, lanes, columns // 2, 2).transpose(0, 2, 1, 3)
    return Product(
        format=Format.WORDS,
        weights=np.ascontiguousarray(grouped).reshape(rows // lanes, columns // 2, 2 * lanes),
        places=np.zeros((1, 1), np.int64),
        xnor=False,
        scale=1,
        constants=np.zeros(node.mh, np.int64),
    )
