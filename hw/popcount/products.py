# SPDX-License-Identifier: Apache-2.0
"""Products of one weight and one activation, cheapest form for each pair of types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned

from xnorflow.hw.popcount.adder_tree import Term
from xnorflow.ir import BIPOLAR, TERNARY, DataType, uint_type

__all__ = [
    "LaneProduct",
    "ProductForm",
    "code_value",
    "lane_product",
    "product_form",
    "product_range",
]


class ProductForm(Enum):
    """How a lane's product is made."""

    XNOR = auto()
    """Both operands are bipolar: the product is +1 where the codes are equal."""
    SELECT = auto()
    """One operand is a bit: the other one, or 0."""
    NEGATE = auto()
    """One operand is -1, (0,) or +1: the other one, (or 0,) or its negative."""
    MULTIPLY = auto()
    """Anything else."""


@dataclass(frozen=True, slots=True)
class LaneProduct:
    """A product as ``term + carry``.

    Parameters
    ----------
    term
        The product, or its ones' complement form.
    carry
        What the ones' complement lacks: one bit, or None.
    """

    term: Term
    carry: Value | None = None


def product_form(weight_type: DataType, activation_type: DataType) -> ProductForm:
    """The form for a pair of types."""
    pair = {weight_type, activation_type}
    if pair == {BIPOLAR}:
        return ProductForm.XNOR
    if uint_type(1) in pair:
        return ProductForm.SELECT
    if pair & {BIPOLAR, TERNARY}:
        return ProductForm.NEGATE
    return ProductForm.MULTIPLY


def product_range(weight_type: DataType, activation_type: DataType) -> tuple[int, int]:
    """Exact bounds of the product of two values."""
    corners = [
        a * b
        for a in (weight_type.min, weight_type.max)
        for b in (activation_type.min, activation_type.max)
    ]
    return min(corners), max(corners)


def code_value(code: Value, element: DataType) -> Value:
    """The value that ``code`` stands for, signed where the type is."""
    if element == BIPOLAR:
        return Cat(Const(1, 1), ~code[0]).as_signed()
    return code.as_signed() if element.signed else code


def lane_product(
    m: Module, weight: Value, weight_type: DataType, activation: Value, activation_type: DataType
) -> LaneProduct:
    """Product of two codes, in every form but XNOR (whose products are counted, not summed)."""
    form = product_form(weight_type, activation_type)
    operands = [(weight, weight_type), (activation, activation_type)]
    if form is ProductForm.SELECT:
        (bit, _), (code, element) = sorted(operands, key=lambda operand: operand[1] != uint_type(1))
        return _select(m, bit, code, element)
    if form is ProductForm.NEGATE:
        rank = [BIPOLAR, TERNARY]
        (sign, kind), (code, element) = sorted(
            operands,
            key=lambda operand: rank.index(operand[1]) if operand[1] in rank else len(rank),
        )
        return _negate(m, sign, kind, code, element)
    return _multiply(m, *operands[0], *operands[1])


def _select(m: Module, bit: Value, code: Value, element: DataType) -> LaneProduct:
    value = code_value(code, element)
    product = Signal(value.shape(), name="selected")
    m.d.comb += product.eq(value & bit[0].replicate(len(value)))
    return LaneProduct(Term(product, min(0, element.min), element.max))


def _negate(m: Module, sign: Value, kind: DataType, code: Value, element: DataType) -> LaneProduct:
    negative = ~sign[0] if kind == BIPOLAR else sign[1]
    value = code_value(code, element)
    width_bits = len(value) + (not element.signed)
    magnitude = value if kind == BIPOLAR else value & sign[0].replicate(len(value))
    product = Signal(signed(width_bits), name="signed_term")
    m.d.comb += product.eq(magnitude ^ negative.replicate(width_bits))
    low, high = min(element.min, -element.max - 1), max(element.max, -element.min - 1)
    return LaneProduct(Term(product, low, high), negative)


def _multiply(
    m: Module, weight: Value, weight_type: DataType, activation: Value, activation_type: DataType
) -> LaneProduct:
    width_bits = weight_type.width_bits + activation_type.width_bits
    is_signed = weight_type.signed or activation_type.signed
    product = Signal(signed(width_bits) if is_signed else unsigned(width_bits), name="product")
    m.d.comb += product.eq(
        code_value(weight, weight_type) * code_value(activation, activation_type)
    )
    return LaneProduct(Term(product, *product_range(weight_type, activation_type)))
