# SPDX-License-Identifier: Apache-2.0
"""Rules: what becomes of the totals of a product, as ``compiled.results`` wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import ThresholdTable
from xnorflow.sim.reference.formats import Format
from xnorflow.sim.reference.products import Product

__all__ = ["Rule", "byte_rule", "is_one_bit", "mask_type", "plane_rule", "sign_rule", "sum_rule"]

Array = NDArray[Any]

BEYOND_ALL_SUMS = 1 << 40
"""Sums have at most 32 bits; thresholds of this size can be shifted without overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What is made of totals.

    Parameters
    ----------
    arrays
        The argument ``rule`` of the compiled loops.
    format
        VALUES, BYTES, or BITS (PIXELS on images).
    planes
        Planes of bits.
    """

    arrays: tuple[Array, ...]
    format: Format
    planes: int = 1


def sum_rule(product: Product) -> Rule:
    """The sums as they are."""
    slopes = np.full_like(product.constants, product.scale)
    return Rule((lines_of(product, slopes, product.constants),), Format.VALUES)


def sign_rule(product: Product, table: ThresholdTable) -> Rule:
    """Results of a ``table`` with :func:`one bit <is_one_bit>`."""
    thresholds, downwards = on_totals(product, table)
    flips = np.zeros(product.width, bool)
    flips[: product.mh] = downwards
    masks = np.packbits(flips, bitorder="little").view(mask_type(product))
    highest = int(np.iinfo(product.lane_type).max)
    return Rule((product.by_lane(thresholds[:, 0], highest), masks), Format.BITS)


def byte_rule(product: Product, table: ThresholdTable) -> Rule:
    """Results of a ``table`` whose type has at most 8 bits, as bytes."""
    return Rule(count_arrays(product, table), Format.BYTES)


def plane_rule(product: Product, table: ThresholdTable) -> Rule:
    """Results of a ``table``, plane by plane."""
    return Rule(count_arrays(product, table), Format.BITS, table.output_type.width_bits)


def is_one_bit(table: ThresholdTable) -> bool:
    """Whether the code of a result is one bit, the count."""
    return table.output_type.width_bits == 1 and table.levels == 1


def mask_type(product: Product) -> type[np.unsignedinteger[Any]]:
    """Integers that hold a bit for each lane of a group."""
    return np.uint8 if product.lanes == 8 else np.uint16


def count_arrays(product: Product, table: ThresholdTable) -> tuple[Array, Array]:
    """Thresholds on totals, and the lines from counts to values."""
    thresholds, downwards = on_totals(product, table)
    step = table.output_type.step
    slopes = np.where(downwards, -step, step)
    bases = table.base + step * table.levels * downwards
    return product.by_lane(thresholds, 0), lines_of(product, slopes, bases)


def lines_of(product: Product, slopes: Array, bases: Array) -> Array:
    """Slopes and bases of all neurons, shape (groups, 2, lanes); absent ones give 0."""
    return product.by_lane(np.stack([slopes, bases], axis=1), 0)


def on_totals(
    product: Product, table: ThresholdTable
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Thresholds ``t`` on totals, shape (mh, levels), and which neurons count downwards.

    The count of ``table`` is ``#{total >= t}``, or ``levels`` less that where it is counted
    downwards: for a descending channel, and for a negative scale, each of which makes
    ``a <= b`` of a comparison, which is ``not a >= b + 1``.
    """
    constants = product.constants[:, np.newaxis]
    descending = np.broadcast_to(table.descending, (product.mh,))
    within = np.clip(table.values, -BEYOND_ALL_SUMS, BEYOND_ALL_SUMS)
    lacking = within + descending[:, np.newaxis] - constants
    flipped = product.scale < 0
    thresholds = -lacking // -product.scale + 1 if flipped else -(-lacking // product.scale)
    low, high = np.iinfo(product.lane_type).min, np.iinfo(product.lane_type).max
    return np.clip(thresholds, low, high), descending ^ flipped
