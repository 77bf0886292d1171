# SPDX-License-Identifier: Apache-2.0
"""What pools compute: the largest value or the sum of the taps of a beat, and on which numbers."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.popcount import (
    AdderTree,
    Term,
    code_value,
    count_ones,
    popcount_cycles,
    range_shape,
    tree_cycles,
)
from xnorflow.ir import BIPOLAR, DataType, PoolKind

__all__ = ["TapTree", "pool_result", "pool_shape", "pool_value", "tap_tree_cycles"]


def pool_value(code: Value, element: DataType) -> Value:
    """What a pool computes on: the value, or the bit where the type is bipolar."""
    return code if element == BIPOLAR else code_value(code, element)


def pool_shape(kind: PoolKind, element: DataType, count: int) -> Shape:
    """Shape of what a pool makes of ``count`` values of type ``element``."""
    low, high = (0, 1) if element == BIPOLAR else (element.min, element.max)
    return (
        range_shape(low, high) if kind is PoolKind.MAX else range_shape(count * low, count * high)
    )


def pool_result(total: Value, kind: PoolKind, element: DataType, count: int) -> Value:
    """The code of the result for the ``total`` over ``count`` values of type ``element``."""
    if element == BIPOLAR and kind is PoolKind.SUM:
        return (total << 1) - count
    return total


def tap_tree_cycles(kind: PoolKind, element: DataType, taps: int) -> int:
    """Registers between the taps and their pool."""
    if kind is PoolKind.MAX:
        return (taps - 1).bit_length() if element.width_bits > 1 else 0
    return popcount_cycles(taps) if element == BIPOLAR else tree_cycles(taps, 0)


class TapTree(wiring.Component):
    """``total`` is the largest value, or the sum, of ``taps``, :attr:`latency` cycles later.

    Bipolar taps count as bits: the total is whether one of them is +1, or how many are. Comparisons
    of more than a bit have a register after each round; the largest of bits is an OR without any.

    **Timing.** A total a cycle; ``latency = tap_tree_cycles(...)``.

    Parameters
    ----------
    kind
        Largest value or sum.
    element
        Type of a tap.
    taps
        Number of taps.

    Members
    -------
    taps : In(taps codes)
    total : Out(shape)

    Attributes
    ----------
    latency : int
        Cycles.
    shape : Shape
        Shape of the total.
    """

    def __init__(self, kind: PoolKind, element: DataType, taps: int) -> None:
        self.shape = pool_shape(kind, element, taps)
        self.latency = tap_tree_cycles(kind, element, taps)
        super().__init__(
            {
                "taps": In(data.ArrayLayout(unsigned(element.width_bits), taps)),
                "total": Out(self.shape),
            }
        )
        self._kind = kind
        self._element = element

    def elaborate(self, platform: object) -> Module:
        """Build the tree."""
        m = Module()
        values = [pool_value(code, self._element) for code in self.taps]
        m.d.comb += self.total.eq(self._build_tree(m, values))
        return m

    def _build_tree(self, m: Module, values: Sequence[Value]) -> Value:
        if self._kind is PoolKind.MAX:
            one_bit = self._element.width_bits == 1
            return self.taps.as_value().any() if one_bit else self._build_maximum(m, values)
        tree = AdderTree(m, max_width_bits=self.shape.width)
        if self._element == BIPOLAR:
            return count_ones(tree, self.taps.as_value()).value
        terms = [Term(value, self._element.min, self._element.max) for value in values]
        return tree.sum(terms, []).value

    def _build_maximum(self, m: Module, values: Sequence[Value]) -> Value:
        level = list(values)
        for height in range(self.latency):
            pairs = list(zip(level[::2], level[1::2], strict=False))
            greater = [Mux(a > b, a, b) for a, b in pairs] + level[2 * len(pairs) :]
            level = [
                Signal(self.shape, name=f"greater_{height}_{i}", reset_less=True)
                for i in range(len(greater))
            ]
            m.d.sync += [register.eq(value) for register, value in zip(level, greater, strict=True)]
        return level[0]
