# SPDX-License-Identifier: Apache-2.0
# Numba has no types and prescribes parameters, whether they are needed or not:
# mypy: disable-error-code="misc, untyped-decorator"
# ruff: noqa: ARG001
"""The compiled inner loops: matrix products on packed bits and on pairs of 16-bit words.

Written in terms of *lanes*, values of a numba type that LLVM keeps in vector registers: one neuron
a lane, so popcounts are summed without any horizontal step and a comparison with thresholds gives
packed bits. :data:`IMAGES` images share each load of weights.

Numba looks only at a function's file to tell whether its cache is stale: all must stand here.

Arrays (all C-contiguous; ``n`` is a multiple of :data:`IMAGES`):

=========  ======  =========================  =================================================
x bits     uint64  (n, planes, words)         bit planes of the inputs, element 0 in bit 0
w bits     uint64  (groups, planes, words, 8) bit planes of the weights, 8 neurons a group
x words    int32   (n, pairs)                 two int16 inputs an element, the first one lowest
w words    int16   (groups, pairs, 32)        two weights for each of the 16 neurons of a group
=========  ======  =========================  =================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "BIT_LANES",
    "IMAGES",
    "WORD_LANES",
    "compile_cached",
    "pack_above",
    "pack_planes",
    "product_bytes",
    "product_signs",
    "product_sums",
]

IMAGES = 4
"""Images computed together: as many accumulators as fit in the registers of AVX2."""
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
def any_of(_typing: Any, a: Any, b: Any) -> Any:
    """Packed bits of ``(a & b) != 0``: lane 0 in bit 0."""
    packed = types.Integer.from_bitwidth(a.count, signed=False)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(a.vector, None)
        true = builder.icmp_unsigned("!=", builder.and_(*arguments), zero)
        return builder.bitcast(true, ir.IntType(a.count))

    return packed(a, b), code


def compile_cached(function: Callable[..., Any]) -> Any:
    """``function`` compiled on its first call without the interpreter lock, cached on disk.

    Numba caches beside this file, else in the user's cache folder; where neither can be written
    it refuses, and the function is compiled in each process.
    """
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy")(function)


inlined = njit(nogil=True, error_model="numpy", forceinline=True)
"""For functions that are called from compiled ones only."""


@inlined
def popcounts(x: Any, x_at: int, step: int, w: Any, w_at: int, words: int, xnor: bool) -> Any:
    """For four images, ``step`` words apart: ones of ``x ^ w`` (``xnor``) or ``x & w``."""
    s0 = s1 = s2 = s3 = splat(np.int64(0))
    if xnor:
        for k in range(words):
            row = load(w, w_at + BIT_LANES * k)
            s0 = add(s0, popcount(exclusive(row, spread(x, x_at + k))))
            s1 = add(s1, popcount(exclusive(row, spread(x, x_at + step + k))))
            s2 = add(s2, popcount(exclusive(row, spread(x, x_at + 2 * step + k))))
            s3 = add(s3, popcount(exclusive(row, spread(x, x_at + 3 * step + k))))
    else:
        for k in range(words):
            row = load(w, w_at + BIT_LANES * k)
            s0 = add(s0, popcount(both(row, spread(x, x_at + k))))
            s1 = add(s1, popcount(both(row, spread(x, x_at + step + k))))
            s2 = add(s2, popcount(both(row, spread(x, x_at + 2 * step + k))))
            s3 = add(s3, popcount(both(row, spread(x, x_at + 3 * step + k))))
    return s0, s1, s2, s3


def bit_totals(x: Any, image: int, w: Any, group: int, form: Any) -> Any:
    """Ones of all pairs of planes, weighted, for four images.

    ``form`` is (x planes, w planes, words, places, xnor). The weight of a pair of planes is
    ``2**s`` where its element of ``places`` is ``s``, and ``-2**s`` where it is ``~s``; that of
    the first pair is 1.
    """
    x_planes, w_planes, words, places, xnor = form
    step = x_planes * words
    x_at = image * step
    w_at = group * w_planes * words * BIT_LANES
    t0, t1, t2, t3 = popcounts(x, x_at, step, w, w_at, words, xnor)
    for pair in range(1, x_planes * w_planes):
        p = pair // w_planes
        q = pair - p * w_planes
        s0, s1, s2, s3 = popcounts(
            x, x_at + p * words, step, w, w_at + q * words * BIT_LANES, words, xnor
        )
        place = element(places, pair)
        if place >= 0:
            t0 = add(t0, shift(s0, splat(place)))
            t1 = add(t1, shift(s1, splat(place)))
            t2 = add(t2, shift(s2, splat(place)))
            t3 = add(t3, shift(s3, splat(place)))
        else:
            t0 = subtract(t0, shift(s0, splat(~place)))
            t1 = subtract(t1, shift(s1, splat(~place)))
            t2 = subtract(t2, shift(s2, splat(~place)))
            t3 = subtract(t3, shift(s3, splat(~place)))
    return t0, t1, t2, t3


def word_totals(x: Any, image: int, w: Any, group: int, form: Any) -> Any:
    """``sum(x * w)`` for four images; ``form[2]`` is the number of pairs of words."""
    pairs = form[2]
    t0 = t1 = t2 = t3 = splat(np.int32(0))
    x_at = image * pairs
    w_at = group * pairs * 2 * WORD_LANES
    for k in range(pairs):
        row = load(w, w_at + 2 * WORD_LANES * k)
        t0 = add_pair_products(t0, spread(x, x_at + k), row)
        t1 = add_pair_products(t1, spread(x, x_at + pairs + k), row)
        t2 = add_pair_products(t2, spread(x, x_at + 2 * pairs + k), row)
        t3 = add_pair_products(t3, spread(x, x_at + 3 * pairs + k), row)
    return t0, t1, t2, t3


def totals(x: Any, image: int, w: Any, group: int, form: Any) -> Any:
    """:func:`bit_totals` or :func:`word_totals`, as the type of ``x`` asks; compiled code only."""
    raise NotImplementedError


@overload(totals, inline="never", jit_options={"forceinline": True})
def choose_totals(x: Any, image: int, w: Any, group: int, form: Any) -> Any:
    """The implementation of :func:`totals` for arguments of the given numba types."""
    return bit_totals if x.dtype.bitwidth == 64 else word_totals


@compile_cached
def product_sums(x: Any, w: Any, shape: Any, places: Any, xnor: bool, lines: Any, out: Any) -> None:
    """``out[i, m] = base + slope * totals``.

    ``lines`` holds slopes and bases, shape (groups, 2, lanes); ``out`` is int64, shape
    (n, groups * lanes).
    """
    groups, _, lanes = lines.shape
    x_data, w_data, out_data = pointer_to(x), pointer_to(w), pointer_to(out)
    line_data = pointer_to(lines)
    form = (*shape, pointer_to(places), xnor)
    for group in range(groups):
        slope = load(line_data, 2 * group * lanes)
        base = load(line_data, (2 * group + 1) * lanes)
        for image in range(0, x.shape[0], IMAGES):
            t0, t1, t2, t3 = totals(x_data, image, w_data, group, form)
            at = (image * groups + group) * lanes
            row = groups * lanes
            store(add(base, multiply(slope, t0)), out_data, at)
            store(add(base, multiply(slope, t1)), out_data, at + row)
            store(add(base, multiply(slope, t2)), out_data, at + 2 * row)
            store(add(base, multiply(slope, t3)), out_data, at + 3 * row)


@compile_cached
def product_signs(
    x: Any, w: Any, shape: Any, places: Any, xnor: bool, thresholds: Any, flips: Any, out: Any
) -> None:
    """Bit ``m`` of row ``i`` of ``out`` is ``(totals >= thresholds[m]) ^ flip``.

    ``thresholds`` has shape (groups, lanes); ``flips`` and ``out`` hold the bits of a group in an
    element, shapes (groups,) and (n, groups or more).
    """
    groups, lanes = thresholds.shape
    x_data, w_data, out_data = pointer_to(x), pointer_to(w), pointer_to(out)
    threshold_data = pointer_to(thresholds)
    form = (*shape, pointer_to(places), xnor)
    row = out.shape[1]
    for group in range(groups):
        threshold = load(threshold_data, group * lanes)
        flip = flips[group]
        for image in range(0, x.shape[0], IMAGES):
            t0, t1, t2, t3 = totals(x_data, image, w_data, group, form)
            at = image * row + group
            put(at_least(t0, threshold) ^ flip, out_data, at)
            put(at_least(t1, threshold) ^ flip, out_data, at + row)
            put(at_least(t2, threshold) ^ flip, out_data, at + 2 * row)
            put(at_least(t3, threshold) ^ flip, out_data, at + 3 * row)


@compile_cached
def product_bytes(
    x: Any, w: Any, shape: Any, places: Any, xnor: bool, thresholds: Any, lines: Any, out: Any
) -> None:
    """``out[i, m] = base + slope * #{j : totals >= thresholds[m, j]}``, its low byte.

    ``thresholds`` has shape (groups, levels, lanes), ``lines`` (groups, 2, lanes); ``out`` is
    uint8, shape (n, groups * lanes).
    """
    groups, levels, lanes = thresholds.shape
    x_data, w_data, out_data = pointer_to(x), pointer_to(w), pointer_to(out)
    threshold_data, line_data = pointer_to(thresholds), pointer_to(lines)
    form = (*shape, pointer_to(places), xnor)
    for group in range(groups):
        slope = load(line_data, 2 * group * lanes)
        base = load(line_data, (2 * group + 1) * lanes)
        for image in range(0, x.shape[0], IMAGES):
            t0, t1, t2, t3 = totals(x_data, image, w_data, group, form)
            c0 = c1 = c2 = c3 = subtract(slope, slope)
            for level in range(levels):
                threshold = load(threshold_data, (group * levels + level) * lanes)
                c0 = add_at_least(c0, t0, threshold)
                c1 = add_at_least(c1, t1, threshold)
                c2 = add_at_least(c2, t2, threshold)
                c3 = add_at_least(c3, t3, threshold)
            at = (image * groups + group) * lanes
            row = groups * lanes
            store(add(base, multiply(slope, c0)), out_data, at)
            store(add(base, multiply(slope, c1)), out_data, at + row)
            store(add(base, multiply(slope, c2)), out_data, at + 2 * row)
            store(add(base, multiply(slope, c3)), out_data, at + 3 * row)


@compile_cached
def pack_above(data: Any, flips: Any, thresholds: Any, keep: Any, out: Any) -> None:
    """Bit ``e`` of row ``i`` of ``out`` is ``int8(data[i, e] ^ flips[e]) >= thresholds[e]``.

    ``data`` and ``flips`` are uint8, ``thresholds`` int8, ``out`` is uint64 of shape
    (n or more, words); bits not set in ``keep``, shape (words,), become 0.
    """
    n, size = data.shape
    whole = size // 64
    bytes_, flip_data, threshold_data = pointer_to(data), pointer_to(flips), pointer_to(thresholds)
    for i in range(n):
        for k in range(whole):
            flipped = exclusive(load(bytes_, i * size + 64 * k), load(flip_data, 64 * k))
            bits = at_least(flipped, load(threshold_data, 64 * k))
            out[i, k] = bits & keep[k]
        if size % 64:
            tail = np.uint64(0)
            for e in range(64 * whole, size):
                above = np.int8(data[i, e] ^ flips[e]) >= thresholds[e]
                tail |= np.uint64(above) << np.uint64(e % 64)
            out[i, whole] = tail & keep[whole]


@compile_cached
def pack_planes(data: Any, out: Any) -> None:
    """Bit ``e`` of plane ``p`` of row ``i`` of ``out`` is bit ``p`` of ``data[i, e]``.

    ``data`` is uint8; ``out`` is uint64 of shape (n or more, planes, words).
    """
    n, size = data.shape
    whole = size // 64
    bytes_ = pointer_to(data)
    for i in range(n):
        for p in range(out.shape[1]):
            mask = splat(np.uint8(1 << p))
            for k in range(whole):
                out[i, p, k] = any_of(load(bytes_, i * size + 64 * k), mask)
            if size % 64:
                tail = np.uint64(0)
                for e in range(64 * whole, size):
                    bit = (data[i, e] >> np.uint8(p)) & np.uint8(1)
                    tail |= np.uint64(bit) << np.uint64(e % 64)
                out[i, p, whole] = tail
