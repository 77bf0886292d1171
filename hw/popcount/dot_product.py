# SPDX-License-Identifier: Apache-2.0
"""Dot product of the lanes of a weight word and of a beat."""

from __future__ import annotations

from dataclasses import replace

from amaranth.hdl import Module, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount.adder_tree import AdderTree, range_shape, tree_cycles
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


def dot_product_cycles(weight_type: DataType, activation_type: DataType, lanes: int) -> int:
    """Registers between the operands and their dot product."""
    match product_form(weight_type, activation_type):
        case ProductForm.XNOR:
            return PRODUCT_CYCLES + popcount_cycles(lanes)
        case ProductForm.NEGATE:
            return PRODUCT_CYCLES + tree_cycles(lanes, lanes)
        case _:
            return PRODUCT_CYCLES + tree_cycles(lanes, 0)


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

    Members
    -------
    weights, activations : In(lanes codes)
    sum : Out(shape)

    Attributes
    ----------
    latency : int
        Cycles.
    shape : Shape
        Shape of the sum: what the types allow, within ``max_width_bits``.
    """

    def __init__(
        self,
        weight_type: DataType,
        activation_type: DataType,
        lanes: int,
        *,
        max_width_bits: int = MAX_WIDTH_BITS,
    ) -> None:
        self.shape = _sum_shape(weight_type, activation_type, lanes, max_width_bits)
        self.latency = dot_product_cycles(weight_type, activation_type, lanes)
        super().__init__(
            {
                "weights": In(data.ArrayLayout(unsigned(weight_type.width_bits), lanes)),
                "activations": In(data.ArrayLayout(unsigned(activation_type.width_bits), lanes)),
                "sum": Out(self.shape),
            }
        )
        self._types = weight_type, activation_type
        self._lanes = lanes

    def elaborate(self, platform: object) -> Module:
        """Build products, their register and the tree."""
        m = Module()
        tree = AdderTree(m, max_width_bits=len(self.sum))
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
        m.d.sync += matches.eq(~(self.weights.as_value() ^ self.activations.as_value()))
        return matches

    def _product(self, m: Module, lane: int) -> LaneProduct:
        weight_type, activation_type = self._types
        return lane_product(
            m, self.weights[lane], weight_type, self.activations[lane], activation_type
        )

    @staticmethod
    def _registered(m: Module, product: LaneProduct) -> LaneProduct:
        term = Signal(product.term.value.shape(), name="term", reset_less=True)
        m.d.sync += term.eq(product.term.value)
        carry = None
        if product.carry is not None:
            carry = Signal(name="carry", reset_less=True)
            m.d.sync += carry.eq(product.carry)
        return LaneProduct(replace(product.term, value=term), carry)
