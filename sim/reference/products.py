# SPDX-License-Identifier: Apache-2.0
"""Products laid out for the compiled loops, which make *totals* (see ``compiled.totals``).

Packed bits: with planes ``x_p`` and ``w_q`` of two's complement codes and their weights ``s_p``,
``t_q`` (powers of two, the last one negative where the type is signed)::

    sum(w * x) = sum over p, q of  s_p * t_q * ones(x_p & w_q)

A BIPOLAR input is ``2 * bit - 1``, which adds ``-sum(w)``, a constant of each neuron. BIPOLAR
weights use the XNOR form, which needs no term that depends on the image::

    sum(w * x) = sum over p of  s_p * (number of +1 weights - ones(x_p ^ w))
    sum(w * x) = mw - 2 * ones(x ^ w)                              (both BIPOLAR)

Padding is code 0, which is what it should be worth, but for BIPOLAR inputs: there it is worth -1,
and the weights that it meets are to be added to the constants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import BIPOLAR, DataType
from xnorflow.sim.reference.compiled.lanes import BIT_LANES, WORD_LANES
from xnorflow.sim.reference.formats import padded

__all__ = [
    "Form",
    "Product",
    "fits_words",
    "make_product",
    "tap_product",
    "uses_bits",
    "value_product",
    "word_product",
]

Array = NDArray[Any]

MAX_PLANE_PAIRS = 4
"""More pairs of bit planes than this cost more than a product of 16-bit words
(docs/design/0003-reference-engine.md has the measurements)."""


class Form(StrEnum):
    """Forms of rows in :mod:`~xnorflow.sim.reference.compiled.totals`."""

    BITS = "bits"
    WORDS = "words"
    TAPS = "taps"
    VALUES = "values"


ROW_TYPES: dict[Form, type[np.integer[Any]]] = {
    Form.BITS: np.uint64,
    Form.WORDS: np.int32,
    Form.TAPS: np.int16,
    Form.VALUES: np.int64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """One product: weights and constants as the compiled loops want them.

    Parameters
    ----------
    form
        Form of the rows.
    weights
        Shape ``(groups, ...)`` as the form has it.
    shape
        First three elements of the ``form`` in :mod:`~xnorflow.sim.reference.compiled.totals`.
    scale, constants
        A sum is ``constants + scale * total``; ``constants`` has shape ``(mh,)``.
    places
        Weights of the pairs of planes, shape ``(input planes, weight planes)``; one zero for other
        forms than bits.
    xnor
        Whether ones of ``x ^ w`` are counted rather than of ``x & w``.
    """

    form: Form
    weights: Array
    shape: tuple[int, int, int]
    constants: NDArray[np.int64]
    scale: int = 1
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros((1, 1), np.int64))
    xnor: bool = False

    @property
    def mh(self) -> int:
        """Number of neurons (or channels)."""
        return int(self.constants.size)

    @property
    def lanes(self) -> int:
        """Neurons of a group."""
        return BIT_LANES if self.form in (Form.BITS, Form.VALUES) else WORD_LANES

    @property
    def width(self) -> int:
        """Neurons of all groups."""
        return padded(self.mh, self.lanes)

    @property
    def lane_type(self) -> type[np.signedinteger[Any]]:
        """Integers that the totals are made in."""
        return np.int64 if self.lanes == BIT_LANES else np.int32

    @property
    def row_type(self) -> type[np.integer[Any]]:
        """Integers that the rows consist of."""
        return ROW_TYPES[self.form]

    @property
    def row_bytes(self) -> tuple[int, int]:
        """Planes of a row, and bytes of each."""
        first, _, length = self.shape
        size = length * self.row_type().itemsize
        if self.form is Form.BITS:
            return first, size
        return 1, size if self.form is Form.WORDS else size * first * self.lanes

    @property
    def compiled(self) -> tuple[Array, tuple[int, int, int], Array, bool]:
        """The argument ``product`` of the compiled loops."""
        return self.weights, self.shape, self.places, self.xnor

    def by_lane(self, values: Array, fill: int) -> Array:
        """``values``, shape (mh, ...), as (groups, ..., lanes); absent neurons get ``fill``."""
        whole = np.full((self.width, *values.shape[1:]), fill, self.lane_type)
        whole[: self.mh] = values
        groups = whole.reshape(-1, self.lanes, *values.shape[1:])
        return np.ascontiguousarray(np.moveaxis(groups, 1, -1))


def make_product(
    weights: NDArray[np.int8],
    weight_type: DataType,
    inputs: DataType,
    sums: DataType,
    tap_bits: int,
) -> Product | None:
    """The product in bits or words, or None where neither form holds its numbers.

    Parameters
    ----------
    weights
        Shape ``(mh, taps, channels)``; a vector is one tap.
    inputs, sums
        Types of inputs and sums.
    tap_bits
        In rows of bits, distance from tap to tap.
    """
    if uses_bits(inputs, weight_type):
        return bit_product(weights, weight_type, inputs, tap_bits)
    if fits_words(inputs, sums):
        return word_product(weights)
    return None


def uses_bits(inputs: DataType, weight_type: DataType) -> bool:
    """Whether a product of such types is one of packed bits."""
    planes = inputs.width_bits
    return planes == 1 or planes * weight_type.width_bits <= MAX_PLANE_PAIRS


def fits_words(inputs: DataType, sums: DataType) -> bool:
    """Whether inputs fit 16-bit words and sums 32-bit lanes.

    Strictly below: a threshold that no sum reaches must have a place in int32.
    """
    int16, int32 = np.iinfo(np.int16), np.iinfo(np.int32)
    narrow = inputs.min >= int16.min and inputs.max <= int16.max
    return narrow and sums.min >= int32.min and sums.max < int32.max


def plane_weights(element: DataType) -> NDArray[np.int64]:
    """What a one in each plane of a code of type ``element`` adds to the value."""
    if element == BIPOLAR:
        return np.array([2])
    places: NDArray[np.int64] = 1 << np.arange(element.width_bits)
    if element.signed:
        places[-1] *= -1
    return places


def bit_product(
    weights: NDArray[np.int8], weight_type: DataType, inputs: DataType, tap_bits: int
) -> Product:
    """A product of packed bits."""
    wide = weights.astype(np.int64)
    x_places = plane_weights(inputs)
    if xnor := weight_type == BIPOLAR:
        factors = -x_places[:, np.newaxis]
        constants = x_places.sum() * (wide > 0).sum(axis=(1, 2))
    else:
        factors = np.multiply.outer(x_places, plane_weights(weight_type))
        constants = np.zeros(len(wide), np.int64)
    if inputs == BIPOLAR:
        constants = constants - wide.sum(axis=(1, 2))
    scale = int(factors[0, 0])
    exponents = np.log2(np.abs(factors // scale)).astype(np.int64)
    words = bit_weights(weight_type.encode(weights), weight_type.width_bits, tap_bits)
    return Product(
        form=Form.BITS,
        weights=words,
        shape=(*factors.shape, words.shape[2]),
        constants=constants,
        scale=scale,
        places=np.where(factors // scale > 0, exponents, ~exponents),
        xnor=xnor,
    )


def bit_weights(codes: NDArray[np.uint32], planes: int, tap_bits: int) -> NDArray[np.uint64]:
    """Bit planes of the weights, shape (groups, planes, words, lanes)."""
    mh, taps, channels = codes.shape
    rows, columns = padded(mh, BIT_LANES), padded(taps * tap_bits, 64)
    bits = np.zeros((rows, planes, columns), np.uint8)
    by_tap = bits[:, :, : taps * tap_bits].reshape(rows, planes, taps, tap_bits)
    for plane in range(planes):
        by_tap[:mh, plane, :, :channels] = (codes >> plane) & 1
    words = np.packbits(bits, axis=2, bitorder="little").view("<u8").astype(np.uint64, copy=False)
    grouped = words.reshape(rows // BIT_LANES, BIT_LANES, planes, columns // 64)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 1))


def word_product(weights: NDArray[np.int8]) -> Product:
    """A product of pairs of 16-bit words; weights of shape (groups, pairs, 2 * lanes)."""
    mh, mw = len(weights), weights[0].size
    rows, columns = padded(mh, WORD_LANES), padded(mw, 2)
    words = np.zeros((rows, columns), np.int16)
    words[:mh, :mw] = weights.reshape(mh, mw)
    grouped = words.reshape(rows // WORD_LANES, WORD_LANES, columns // 2, 2).transpose(0, 2, 1, 3)
    return Product(
        form=Form.WORDS,
        weights=np.ascontiguousarray(grouped).reshape(-1, columns // 2, 2 * WORD_LANES),
        shape=(1, 1, columns // 2),
        constants=np.zeros(mh, np.int64),
    )


def tap_product(weights: NDArray[Any], inputs: DataType, sums: DataType) -> Product | None:
    """The product of each channel with its own weights, shape (channels, taps); None as above."""
    if not fits_words(inputs, sums):
        return None
    channels, taps = weights.shape
    rows = padded(channels, WORD_LANES)
    words = np.zeros((rows, taps), np.int16)
    words[:channels] = weights
    grouped = words.reshape(-1, WORD_LANES, taps).transpose(0, 2, 1)
    return Product(
        form=Form.TAPS,
        weights=np.ascontiguousarray(grouped),
        shape=(rows // WORD_LANES, 1, taps),
        constants=np.zeros(channels, np.int64),
    )


def value_product(channels: int) -> Product:
    """The product whose totals are the values of ``channels`` channels themselves."""
    return Product(
        form=Form.VALUES,
        weights=np.zeros(1, np.int64),
        shape=(padded(channels, BIT_LANES) // BIT_LANES, 1, 1),
        constants=np.zeros(channels, np.int64),
    )
