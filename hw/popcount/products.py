# SPDX-License-Identifier: Apache-2.0
"""Products of one weight and one activation, cheapest form for each pair of types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned

from xnorflow.hw.popcount.adder_tree import Term
from xnorflow.ir import BIPOLAR, TERNARY, DataType, int_type, uint_type

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
    """One operand is -2, -1, 0 or +1: the other one, 0, or the negative of it or of its double."""
    TABLE = auto()
    """Both operands have two bits: each bit of the product is one function of four inputs."""
    MULTIPLY = auto()
    """Anything else."""


TABLE_BITS = 4
"""Bits of both operands together up to which a product is a table: the inputs of a LUT on every
family. As a multiplication it would go to a DSP block, or to an adder of its own."""


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
    if weight_type.width_bits + activation_type.width_bits <= TABLE_BITS:
        return ProductForm.TABLE
    if int_type(2) in pair:
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
        rank = [BIPOLAR, TERNARY, int_type(2)]
        (sign, kind), (code, element) = sorted(
            operands,
            key=lambda operand: rank.index(operand[1]) if operand[1] in rank else len(rank),
        )
        return _negate(m, sign, kind, code, element)
    product = Signal(_product_shape(weight_type, activation_type), name="product")
    if form is ProductForm.TABLE:
        _build_table(m, product, *operands[0], *operands[1])
    else:
        m.d.comb += product.eq(
            code_value(weight, weight_type) * code_value(activation, activation_type)
        )
    return LaneProduct(Term(product, *product_range(weight_type, activation_type)))


def _select(m: Module, bit: Value, code: Value, element: DataType) -> LaneProduct:
    value = code_value(code, element)
    product = Signal(value.shape(), name="selected")
    m.d.comb += product.eq(value & bit[0].replicate(len(value)))
    return LaneProduct(Term(product, min(0, element.min), element.max))


def _negate(m: Module, sign: Value, kind: DataType, code: Value, element: DataType) -> LaneProduct:
    negative = ~sign[0] if kind == BIPOLAR else sign[1]
    value = code_value(code, element)
    width_bits = len(value) + (not element.signed) + (kind == int_type(2))
    product = Signal(signed(width_bits), name="signed_term")
    magnitude = _magnitude(sign, kind, value)
    m.d.comb += product.eq(magnitude ^ negative.replicate(width_bits))
    most = -kind.min  # the factor of the greatest magnitude is negative
    low = min(element.min, -most * element.max - 1)
    high = max(element.max, -most * element.min - 1)
    return LaneProduct(Term(product, low, high), negative)


def _magnitude(sign: Value, kind: DataType, value: Value) -> Value:
    """``value`` by the magnitude of the factor: 1, (0,) or 2."""
    if kind == BIPOLAR:
        return value
    if kind == TERNARY:
        return value & sign[0].replicate(len(value))
    return Mux(sign[0], value, Mux(sign[1], value << 1, 0))


def _product_shape(weight_type: DataType, activation_type: DataType) -> Shape:
    width_bits = weight_type.width_bits + activation_type.width_bits
    is_signed = weight_type.signed or activation_type.signed
    return signed(width_bits) if is_signed else unsigned(width_bits)


def _build_table(
    m: Module, product: Signal, a: Value, a_type: DataType, b: Value, b_type: DataType
) -> None:
    a_values = a_type.decode(np.arange(1 << a_type.width_bits))
    b_values = b_type.decode(np.arange(1 << b_type.width_bits))
    with m.Switch(Cat(a, b)):
        for code, value in enumerate(np.outer(b_values, a_values).ravel().tolist()):
            with m.Case(code):
                m.d.comb += product.eq(value)
