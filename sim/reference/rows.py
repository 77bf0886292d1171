# SPDX-License-Identifier: Apache-2.0
"""Products of rows that lie in an array: vectors, or windows that were copied out of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import DataType
from xnorflow.sim.reference.compiled.products import row_products
from xnorflow.sim.reference.formats import Format, bits_buffer, words_of
from xnorflow.sim.reference.products import Product, fits_words, word_product
from xnorflow.sim.reference.rules import Rule, mask_type, sum_rule

__all__ = ["exact_product", "row_function"]

Array = NDArray[Any]


def row_function(product: Product, rule: Rule) -> Callable[[Array], Array]:
    """The function from BITS or WORDS to the results of ``product``: VALUES, BYTES or BITS."""
    kind = np.int64 if rule.format is Format.VALUES else np.uint8

    def numbers(x: Array) -> Array:
        out = np.empty((x.shape[0], product.width), kind)
        row_products(x, product.compiled, rule.arrays, out)
        return out

    def bits(x: Array) -> Array:
        out = bits_buffer(x.shape[0], rule.planes, product.mh)
        row_products(x, product.compiled, rule.arrays, out.view(mask_type(product)))
        return out

    return bits if rule.format is Format.BITS else numbers


def exact_product(
    matrix: NDArray[np.int8], inputs: DataType, sums: DataType
) -> Callable[[Array], Array]:
    """The function ``x @ matrix.T`` on integers, never by packed bits.

    What does not fit 16-bit words is multiplied in float64, which is exact: the range of every term
    of a sum has 0 in it, so all terms and partial sums lie in the range of the sum, of 32 bits.

    Parameters
    ----------
    matrix
        Shape ``(mh, mw)``.
    inputs, sums
        Types of ``x``, shape ``(n, mw)``, and of the result, int64 of shape ``(n, mh)``.
    """
    if fits_words(inputs, sums):
        product = word_product(matrix[:, np.newaxis])
        apply = row_function(product, sum_rule(product))
        return lambda x: apply(words_of(x))[: len(x), : len(matrix)]
    transposed = matrix.T.astype(float)
    return lambda x: (x @ transposed).astype(np.int64)
