# SPDX-License-Identifier: Apache-2.0
"""Constant weights times inputs, as sums of bits and complemented bits.

The value of a code is a weighted sum of its bits, plus a constant. So is its product with a
constant weight; a factor that is not a power of two is a sum and difference of some (its canonical
signed digits). A bit that is to be subtracted is added complemented, with a constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.unrolled.bit_graph import BitGraph, Literal
from xnorflow.ir import BIPOLAR, DataType

__all__ = ["ABSENT", "Columns", "SignedBits", "signed_digits"]

ABSENT: Literal = -1
"""In a slot: no bit."""

Columns = dict[int, list[NDArray[np.int64]]]
"""By exponents: slots, each with a literal of every neuron, or :data:`ABSENT`; shape ``(mh,)``."""


@dataclass(frozen=True, slots=True, eq=False)
class SignedBits:
    """``sums = constants + sum of 2**exponent * bit`` over the bits in all columns.

    Parameters
    ----------
    columns
        The bits.
    constants
        Shape ``(mh,)``.
    """

    columns: Columns
    constants: NDArray[np.int64]

    @classmethod
    def of(cls, graph: BitGraph, weights: NDArray[np.integer], element: DataType) -> SignedBits:
        """The products of ``weights`` and inputs.

        Parameters
        ----------
        graph
            Its inputs are the codes of all inputs, one after the other.
        weights
            Shape ``(mh, mw)``.
        element
            Type of the inputs.
        """
        wide = weights.astype(np.int64)
        factors, offset = code_factors(element)
        constants = offset * wide.sum(axis=1)
        columns: Columns = {}
        for lane in range(wide.shape[1]):
            for bit, factor in enumerate(factors):
                literal = graph.input(lane * len(factors) + bit)
                for exponent, digits in signed_digits(factor * wide[:, lane]):
                    slot = np.where(digits > 0, literal, literal ^ 1)
                    columns.setdefault(exponent, []).append(np.where(digits, slot, ABSENT))
                    constants -= (digits < 0).astype(np.int64) << exponent
        return cls(columns, constants)


def code_factors(element: DataType) -> tuple[list[int], int]:
    """What each bit of a code adds to its value, and what is added to all."""
    if element == BIPOLAR:
        return [2], -1
    factors = [1 << bit for bit in range(element.width_bits)]
    if element.signed:
        factors[-1] = -factors[-1]
    return factors, 0


def signed_digits(values: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Exponents and digits -1, 0, +1 of ``values``, of each as few as there can be.

    Yields
    ------
    tuple
        An exponent and a digit of every value, not all 0.
    """
    rest, exponent = values.copy(), 0
    while rest.any():
        odd = rest & 1
        digits = np.where(odd == 1, 2 - (rest & 3), 0)
        if digits.any():
            yield exponent, digits
        rest = (rest - digits) >> 1
        exponent += 1
