# SPDX-License-Identifier: Apache-2.0
"""Structure of dot products: the products of the lanes, and the tree that adds them up."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from xnorflow.hw.estimate.resources.structure import SHORTEST_SHIFT_REGISTER, distinct
from xnorflow.hw.popcount import LEVELS_PER_STAGE, ProductForm, product_form, range_shape
from xnorflow.hw.popcount.adder_tree import tree_leaves, tree_levels
from xnorflow.hw.popcount.products import product_range
from xnorflow.ir import BIPOLAR, DataType, int_type, uint_type

__all__ = [
    "DotProductParts",
    "TreeParts",
    "dot_product_parts",
    "popcount_parts",
    "sum_parts",
    "weight_decides",
]


@dataclass(frozen=True, slots=True)
class TreeParts:
    """An adder tree.

    Parameters
    ----------
    flip_flops
        Bits of the registers of its sums.
    carry_flip_flops
        Registers of carries that are added later.
    adders
        How many adders there are of each width, and with a carry-in or not.
    shifted_flip_flops, shift_registers
        Registers in rows that could be shift registers, and the number of these rows.
    """

    flip_flops: float
    carry_flip_flops: float
    adders: Mapping[tuple[int, bool], float]
    shifted_flip_flops: float = 0.0
    shift_registers: float = 0.0


@dataclass(frozen=True, slots=True)
class Operand:
    """A value in the tree: its bounds, how many lanes it depends on, and registers in a row."""

    low: int
    high: int
    lanes: int
    waited: int


class TreeCount:
    """Counts the parts of one of several trees that see the same lanes.

    Parameters
    ----------
    max_width_bits
        Bits of a sum at most.
    trees, patterns
        Number of trees, and different constant weights (or small tables of them) that a lane can
        have: equal parts are built once. 0 patterns if no parts are equal.
    """

    def __init__(self, max_width_bits: int, trees: float, patterns: float) -> None:
        self._max_width_bits = max_width_bits
        self._trees = trees
        self._patterns = patterns
        self.flip_flops = self.carry_flip_flops = 0.0
        self.adders: dict[tuple[int, bool], float] = {}
        self.shifted_flip_flops = self.shift_registers = 0.0

    def parts(self) -> TreeParts:
        """What was counted."""
        return TreeParts(
            self.flip_flops,
            self.carry_flip_flops,
            self.adders,
            self.shifted_flip_flops,
            self.shift_registers,
        )

    def _share(self, operand: Operand) -> float:
        """How many of these each tree has, as a fraction."""
        if not self._patterns:
            return 1.0
        kinds = math.exp(min(operand.lanes * math.log(self._patterns), 100.0))
        return distinct(self._trees, kinds) / self._trees

    def _width(self, operand: Operand) -> int:
        width: int = range_shape(operand.low, operand.high).width
        return min(self._max_width_bits, width)

    def add(self, a: Operand, b: Operand, carry: Operand | None) -> Operand:
        """An adder; gives its sum."""
        extra = (carry,) if carry else ()
        for operand in (a, b, *extra):
            self._take(operand)
        total = Operand(
            a.low + b.low, a.high + b.high + len(extra), a.lanes + b.lanes + len(extra), 0
        )
        form = self._width(total), bool(extra)
        self.adders[form] = self.adders.get(form, 0.0) + self._share(total)
        return total

    def _take(self, operand: Operand) -> None:
        if operand.waited >= SHORTEST_SHIFT_REGISTER:
            width = self._width(operand) * self._share(operand)
            self.shift_registers += width
            self.shifted_flip_flops += width * operand.waited

    def register(self, operand: Operand) -> Operand:
        """A register behind a sum, or behind what waits for its turn."""
        self.flip_flops += self._share(operand) * self._width(operand)
        return replace(operand, waited=operand.waited + 1)

    def register_carries(self, carry: Operand, count: int) -> Operand:
        """Registers behind carries that wait for their turn."""
        self.carry_flip_flops += self._share(carry) * count
        return replace(carry, waited=carry.waited + 1)


@functools.lru_cache(maxsize=1 << 14)
def tree_parts(
    terms: int,
    bounds: tuple[int, int],
    carries: int,
    max_width_bits: int,
    sharing: tuple[float, float] = (1.0, 0.0),
    waited: int = 1,
    levels_per_stage: int = LEVELS_PER_STAGE,
) -> TreeParts:
    """The tree of :class:`~xnorflow.hw.popcount.AdderTree`, level by level.

    Parameters
    ----------
    terms, bounds
        Number of terms, and the least and greatest value of each.
    carries
        Number of carries.
    max_width_bits, sharing
        As in :class:`TreeCount`.
    waited
        Registers in front of the tree that nothing else reads.
    levels_per_stage
        As in the tree.
    """
    count = TreeCount(max_width_bits, *sharing)
    leaves, kept = tree_leaves(terms, carries)
    carry = Operand(0, 1, 1, waited)
    level = [Operand(*bounds, 1, waited)] * terms + [carry] * (leaves - terms)
    for height in range(1, tree_levels(leaves) + 1):
        pairs = len(level) // 2
        sums = [
            count.add(level[2 * pair], level[2 * pair + 1], carry if pair < kept else None)
            for pair in range(pairs)
        ]
        kept = max(0, kept - pairs)
        level = sums + level[2 * pairs :]
        if height % levels_per_stage == 0:
            level = [count.register(operand) for operand in level]
            carry = count.register_carries(carry, kept)
    return count.parts()


def popcount_parts(
    bits: int,
    max_width_bits: int,
    sharing: tuple[float, float] = (1.0, 0.0),
    waited: int = 1,
    levels_per_stage: int = LEVELS_PER_STAGE,
) -> TreeParts:
    """The tree that counts ones."""
    terms, bounds = bits // 2 + 1, (0, 1)
    carries = bits - terms
    return tree_parts(terms, bounds, carries, max_width_bits, sharing, waited, levels_per_stage)


def sum_parts(terms: int, element: DataType, max_width_bits: int) -> TreeParts:
    """The tree that adds up values of type ``element``."""
    return tree_parts(terms, (element.min, element.max), 0, max_width_bits, waited=0)


@dataclass(frozen=True, slots=True)
class DotProductParts:
    """The dot product of one row of weights.

    Parameters
    ----------
    form
        How a lane's product is made.
    term_bits
        Bits of the register of a lane's product, but for its carry.
    carries
        Carries of a lane that are not equal to a bit of the product.
    by_weight
        Whether the weight says what becomes of the activation; else, activations that say what
        becomes of weights have the same carries in all rows.
    width_bits
        Bits of the sum.
    tree
        Its adders.
    """

    form: ProductForm
    term_bits: int
    carries: int
    by_weight: bool
    width_bits: int
    tree: TreeParts


@functools.lru_cache(maxsize=1 << 14)
def dot_product_parts(
    weight: DataType,
    element: DataType,
    lanes: int,
    max_width_bits: int,
    sharing: tuple[float, float] = (1.0, 0.0),
    levels_per_stage: int = LEVELS_PER_STAGE,
) -> DotProductParts:
    """The parts of a :class:`~xnorflow.hw.popcount.DotProduct`."""
    form = product_form(weight, element)
    if form is ProductForm.XNOR:
        width = min(max_width_bits, range_shape(0, lanes).width)
        tree = popcount_parts(lanes, width, sharing, levels_per_stage=levels_per_stage)
        return DotProductParts(form, 1, 0, True, width, tree)
    low, high = product_range(weight, element)
    width = min(max_width_bits, range_shape(lanes * low, lanes * high).width)
    if form is ProductForm.NEGATE:
        factor, other = factor_first(weight, element)
        most = -factor.min
        bounds = min(other.min, -most * other.max - 1), max(other.max, -most * other.min - 1)
        tree = tree_parts(lanes, bounds, lanes, width, sharing, levels_per_stage=levels_per_stage)
        bits = other.width_bits + (factor == int_type(2))
        # Above an unsigned value stands a 0; negated, it is the carry.
        return DotProductParts(form, bits, 1, factor == weight, width, tree)
    bits = weight.width_bits + element.width_bits
    if form is ProductForm.SELECT:
        other = element if weight == uint_type(1) else weight
        bits, low, high = len_of_value(other), min(0, other.min), other.max
    tree = tree_parts(lanes, (low, high), 0, width, sharing, levels_per_stage=levels_per_stage)
    return DotProductParts(form, bits, 0, True, width, tree)


def weight_decides(weight: DataType, element: DataType) -> bool:
    """Whether a weight of 0 makes nothing of its lane, in the product as in its carry."""
    if product_form(weight, element) is ProductForm.NEGATE:
        return factor_first(weight, element)[0] == weight
    return True


def len_of_value(element: DataType) -> int:
    """Bits of the number that a code of type ``element`` stands for."""
    return 2 if element == BIPOLAR else element.width_bits


def factor_first(weight: DataType, element: DataType) -> tuple[DataType, DataType]:
    """The operand that says what becomes of the other one, and that one."""
    rank = {"BIPOLAR": 0, "TERNARY": 1, "INT2": 2}
    first, second = sorted((weight, element), key=lambda kind: rank.get(kind.name, 3))
    return first, second
