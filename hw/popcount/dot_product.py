# SPDX-License-Identifier: Apache-2.0
"""Dot product of the lanes of a weight word and of a beat."""

from __future__ import annotations

from dataclasses import replace

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount.adder_tree import (
    LEVELS_PER_STAGE,
    AdderTree,
    range_shape,
    tree_cycles,
)
from xnorflow.hw.popcount.popcount import count_ones, popcount_cycles
from xnorflow.hw.popcount.products import (
    LaneProduct,
    ProductForm,
    lane_product,
    product_form,
    product_range,
)
from xnorflow.ir import DataType
from xnorflow.ir.datatype import MAX_WIDTH_BITS

__all__ = ["PRODUCT_CYCLES", "DotProduct", "dot_product_cycles"]

PRODUCT_CYCLES = 1
"""The register after the products of the lanes; it frees a block RAM of all but one gate."""


def dot_product_cycles(
    weight_type: DataType,
    activation_type: DataType,
    lanes: int,
    levels_per_stage: int = LEVELS_PER_STAGE,
) -> int:
    """Registers between the operands and their dot product."""
    match product_form(weight_type, activation_type):
        case ProductForm.XNOR:
            return PRODUCT_CYCLES + popcount_cycles(lanes, levels_per_stage)
        case ProductForm.NEGATE:
            return PRODUCT_CYCLES + tree_cycles(lanes, lanes, levels_per_stage)
        case _:
            return PRODUCT_CYCLES + tree_cycles(lanes, 0, levels_per_stage)


def _sum_shape(
    weight_type: DataType, activation_type: DataType, lanes: int, max_width_bits: int
) -> Shape:
    if product_form(weight_type, activation_type) is ProductForm.XNOR:
        shape = range_shape(0, lanes)
    else:
        low, high = product_range(weight_type, activation_type)
        shape = range_shape(lanes * low, lanes * high)
    return Shape(min(shape.width, max_width_bits), shape.signed)


class DotProduct(wiring.Component):
    """``sum`` is the dot product of ``weights`` and ``activations``, :attr:`latency` cycles later.

    For bipolar weights and activations it is the number ``p`` of lanes with equal codes (XNOR and
    popcount); the dot product proper is ``2 * p - lanes``, a step that its user folds into what
    follows. For all other types it is the sum of ``weight * activation``.

    A flag for 0 makes the activations of its group of neighbouring lanes 0, whatever their codes
    are. Then ``p`` counts one half of them as equal: those in odd places. In groups of an odd
    number of lanes no half is whole, but in two beats of a pixel it is: ``odd_beat`` says that
    the first lane of a group is in an odd place.

    **Timing.** A sum a cycle; ``latency = dot_product_cycles(...)``.

    Parameters
    ----------
    weight_type, activation_type
        Types of the lanes.
    lanes
        Number of lanes.
    max_width_bits
        The sum is not made wider, but taken modulo ``2**max_width_bits``: all that an accumulator
        of that width can see.
    zero_flags
        Number of flags for 0 on the activations, which must be bipolar; divides ``lanes``.
    levels_per_stage
        A register follows the products, and then every so many levels of adders.

    Members
    -------
    weights, activations : In(lanes codes)
    zeros : In(zero_flags)
        Flag ``f`` is that of lanes ``f * lanes / zero_flags`` and up. Only if there are flags.
    odd_beat : In(1)
        Only where :attr:`needs_parity`.
    sum : Out(shape)

    Attributes
    ----------
    latency : int
        Cycles.
    shape : Shape
        Shape of the sum: what the types allow, within ``max_width_bits``.
    needs_parity : bool
        Whether what flagged lanes count depends on the beat.
    """

    def __init__(
        self,
        weight_type: DataType,
        activation_type: DataType,
        lanes: int,
        *,
        max_width_bits: int = MAX_WIDTH_BITS,
        zero_flags: int = 0,
        levels_per_stage: int = LEVELS_PER_STAGE,
    ) -> None:
        self.shape = _sum_shape(weight_type, activation_type, lanes, max_width_bits)
        self.latency = dot_product_cycles(weight_type, activation_type, lanes, levels_per_stage)
        self._types = weight_type, activation_type
        self._lanes = lanes
        self._zero_flags = zero_flags
        self._levels_per_stage = levels_per_stage
        self._group_lanes = lanes // zero_flags if zero_flags else 0
        counts = product_form(*self._types) is ProductForm.XNOR
        self.needs_parity = counts and self._group_lanes % 2 == 1
        super().__init__(
            {
                "weights": In(data.ArrayLayout(unsigned(weight_type.width_bits), lanes)),
                "activations": In(data.ArrayLayout(unsigned(activation_type.width_bits), lanes)),
                "sum": Out(self.shape),
                **({"zeros": In(zero_flags)} if zero_flags else {}),
                **({"odd_beat": In(1)} if self.needs_parity else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build products, their register and the tree."""
        m = Module()
        tree = AdderTree(m, levels_per_stage=self._levels_per_stage, max_width_bits=len(self.sum))
        if product_form(*self._types) is ProductForm.XNOR:
            total = count_ones(tree, self._matches(m))
        else:
            products = [self._registered(m, self._product(m, lane)) for lane in range(self._lanes)]
            carries = [product.carry for product in products if product.carry is not None]
            total = tree.sum([product.term for product in products], carries)
        m.d.comb += self.sum.eq(total.value)
        return m

    def _matches(self, m: Module) -> Value:
        matches = Signal(self._lanes, reset_less=True)
        equal = ~(self.weights.as_value() ^ self.activations.as_value())
        if self._zero_flags:
            # Not a multiplexer: synthesis would make set and reset of flip-flops of it, a pair
            # for each flag, and could pack only few of them together.
            zeros = Cat(self._zero(lane) for lane in range(self._lanes))
            equal = (equal & ~zeros) | (self._halves() & zeros)
        m.d.sync += matches.eq(equal)
        return matches

    def _zero(self, lane: int) -> Value:
        """Whether ``lane`` is 0 whatever its code is."""
        zero: Value = self.zeros[lane // self._group_lanes]
        return zero

    def _halves(self) -> Value:
        """The lanes that count where a flag is set."""
        odd_places = (lane % self._group_lanes % 2 for lane in range(self._lanes))
        halves = Cat(Const(odd, 1) for odd in odd_places)
        return halves ^ self.odd_beat.replicate(self._lanes) if self.needs_parity else halves

    def _product(self, m: Module, lane: int) -> LaneProduct:
        weight_type, activation_type = self._types
        product = lane_product(
            m, self.weights[lane], weight_type, self.activations[lane], activation_type
        )
        return masked_product(product, self._zero(lane)) if self._zero_flags else product

    @staticmethod
    def _registered(m: Module, product: LaneProduct) -> LaneProduct:
        term = Signal(product.term.value.shape(), name="term", reset_less=True)
        m.d.sync += term.eq(product.term.value)
        carry = None
        if product.carry is not None:
            carry = Signal(name="carry", reset_less=True)
            m.d.sync += carry.eq(product.carry)
        return LaneProduct(replace(product.term, value=term), carry)


def masked_product(product: LaneProduct, zero: Value) -> LaneProduct:
    """``product``, or 0 where ``zero`` is set."""
    value = product.term.value
    kept = value[:] & (~zero).replicate(len(value))
    term = replace(product.term, value=kept.as_signed() if value.shape().signed else kept)
    return LaneProduct(term, None if product.carry is None else product.carry & ~zero)
