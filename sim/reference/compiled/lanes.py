# SPDX-License-Identifier: Apache-2.0
# Numba has no types and prescribes parameters, whether they are needed or not:
# mypy: disable-error-code="misc, untyped-decorator"
# ruff: noqa: ARG001
"""Lanes: values of a numba type that LLVM keeps in vector registers, and what is done with them.

One neuron (or channel) a lane: sums need no horizontal step, and a comparison with the thresholds
of all lanes gives packed bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    "BIT_LANES",
    "WORD_LANES",
    "add",
    "add_at_least",
    "add_pair_products",
    "at_least",
    "both",
    "element",
    "exclusive",
    "load",
    "load_extended",
    "multiply",
    "plane_of",
    "pointer_to",
    "popcount",
    "put",
    "shift",
    "splat",
    "spread",
    "store",
    "subtract",
]

BIT_LANES = 8
"""Neurons of a group in the products of packed bits (64-bit lanes)."""
WORD_LANES = 16
"""Neurons of a group in the products of 16-bit words (32-bit lanes)."""


class Lanes(types.Type):
    """Numba type of a vector of ``count`` integers of ``bits`` bits."""

    def __init__(self, count: int, bits: int) -> None:
        self.count = count
        self.bits = bits
        super().__init__(name=f"Lanes({count}, {bits})")

    @property
    def vector(self) -> ir.VectorType:
        """The LLVM type."""
        return ir.VectorType(ir.IntType(self.bits), self.count)


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """Lanes are one LLVM vector."""

    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.vector)


BITS = Lanes(BIT_LANES, 64)
WORDS = Lanes(WORD_LANES, 32)
BYTES = Lanes(64, 8)
LANES = {64: BITS, 32: WORDS, 16: WORDS, 8: BYTES}
"""Lanes that an array is loaded into, by the width of its elements."""


def splat_of(builder: Any, scalar: Any, count: int) -> Any:
    """A vector with ``scalar`` in all lanes."""
    vector = ir.VectorType(scalar.type, count)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(
        one,
        ir.Constant(vector, ir.Undefined),
        ir.Constant(ir.VectorType(ir.IntType(32), count), None),
    )


def address(builder: Any, place: Any, of: Any) -> Any:
    """Pointer to type ``of`` at ``place``: a pointer and an index of its elements."""
    pointer, index = place
    return builder.bitcast(builder.gep(pointer, [index]), of.as_pointer())


@intrinsic
def pointer_to(_typing: Any, array: Any) -> Any:
    """Pointer to the elements of a contiguous array.

    Loops take pointers, not arrays, since an array that is handed on is counted as a reference,
    which costs more than the product of a short row.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), code


@intrinsic
def element(_typing: Any, pointer: Any, index: Any) -> Any:
    """The element at ``index``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.gep(*arguments[:1], arguments[1:]))

    return pointer.dtype(pointer, types.intp), code


@intrinsic
def put(_typing: Any, value: Any, pointer: Any, index: Any) -> Any:
    """Store the scalar ``value`` at ``index``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, target, index = arguments
        builder.store(value, builder.gep(target, [index]))
        return context.get_dummy_value()

    return types.void(pointer.dtype, pointer, types.intp), code


@intrinsic
def load(_typing: Any, pointer: Any, index: Any) -> Any:
    """The lanes from ``index`` on."""
    lanes = LANES[pointer.dtype.bitwidth]

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(builder, arguments, lanes.vector)
        return builder.load(place, align=pointer.dtype.bitwidth // 8)

    return lanes(pointer, types.intp), code


@intrinsic
def load_extended(_typing: Any, pointer: Any, index: Any) -> Any:
    """The int16 elements from ``index`` on, sign-extended to 32-bit lanes."""
    halves = ir.VectorType(ir.IntType(16), WORD_LANES)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(address(builder, arguments, halves), align=2)
        return builder.sext(value, WORDS.vector)

    return WORDS(pointer, types.intp), code


@intrinsic
def store(_typing: Any, lanes: Any, pointer: Any, index: Any) -> Any:
    """Store ``lanes`` from ``index`` on, cut or sign-extended to the elements there."""
    target = ir.IntType(pointer.dtype.bitwidth)
    vector = ir.VectorType(target, lanes.count)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, *place = arguments
        if target.width < lanes.bits:
            value = builder.trunc(value, vector)
        elif target.width > lanes.bits:
            value = builder.sext(value, vector)
        builder.store(value, address(builder, place, vector), align=target.width // 8)
        return context.get_dummy_value()

    return types.void(lanes, pointer, types.intp), code


@intrinsic
def spread(_typing: Any, pointer: Any, index: Any) -> Any:
    """The element at ``index`` in all lanes."""
    lanes = LANES[pointer.dtype.bitwidth]

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        scalar = builder.load(address(builder, arguments, ir.IntType(lanes.bits)))
        return splat_of(builder, scalar, lanes.count)

    return lanes(pointer, types.intp), code


@intrinsic
def splat(_typing: Any, scalar: Any) -> Any:
    """``scalar`` in all lanes of the vector that goes with its width."""
    lanes = LANES[scalar.bitwidth]

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return splat_of(builder, arguments[0], lanes.count)

    return lanes(scalar), code


def binary(operation: str) -> Any:
    """An intrinsic that joins two vectors lane by lane."""

    @intrinsic
    def join(_typing: Any, a: Any, b: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, operation)(*arguments)

        return a(a, b), code

    return join


add = binary("add")
subtract = binary("sub")
multiply = binary("mul")
shift = binary("shl")
exclusive = binary("xor")
both = binary("and_")


@intrinsic
def popcount(_typing: Any, lanes: Any) -> Any:
    """Number of ones in each lane."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(lanes.vector, [lanes.vector])
        name = f"llvm.ctpop.v{lanes.count}i{lanes.bits}"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    return lanes(lanes), code


@intrinsic
def add_pair_products(_typing: Any, sums: Any, pairs: Any, weights: Any) -> Any:
    """``sums + x0 * w0 + x1 * w1`` in 32-bit lanes that hold the int16 pairs (x0, x1), (w0, w1)."""
    halves = ir.VectorType(ir.IntType(16), 2 * sums.count)
    wide = ir.VectorType(ir.IntType(32), 2 * sums.count)
    chosen = ir.VectorType(ir.IntType(32), sums.count)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, w = (builder.sext(builder.bitcast(v, halves), wide) for v in arguments[1:])
        product = builder.mul(x, w)
        parts = [
            builder.shuffle_vector(
                product,
                ir.Constant(wide, ir.Undefined),
                ir.Constant(chosen, list(range(first, 2 * sums.count, 2))),
            )
            for first in (0, 1)
        ]
        return builder.add(arguments[0], builder.add(*parts))

    return sums(sums, pairs, weights), code


@intrinsic
def at_least(_typing: Any, a: Any, b: Any) -> Any:
    """Packed bits of ``a >= b``: lane 0 in bit 0."""
    packed = types.Integer.from_bitwidth(a.count, signed=False)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.icmp_signed(">=", *arguments), ir.IntType(a.count))

    return packed(a, b), code


@intrinsic
def add_at_least(_typing: Any, count: Any, a: Any, b: Any) -> Any:
    """``count + (a >= b)``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        true = builder.icmp_signed(">=", *arguments[1:])
        return builder.sub(arguments[0], builder.sext(true, count.vector))

    return count(count, a, b), code


@intrinsic
def plane_of(_typing: Any, a: Any, place: Any) -> Any:
    """Packed bits ``place`` of all lanes: lane 0 in bit 0."""
    packed = types.Integer.from_bitwidth(a.count, signed=False)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, place = arguments
        lane = ir.IntType(a.bits)
        mask = builder.shl(lane(1), builder.trunc(place, lane) if a.bits < 64 else place)
        chosen = builder.and_(value, splat_of(builder, mask, a.count))
        true = builder.icmp_unsigned("!=", chosen, ir.Constant(a.vector, None))
        return builder.bitcast(true, ir.IntType(a.count))

    return packed(a, types.intp), code
