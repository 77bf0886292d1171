# SPDX-License-Identifier: Apache-2.0
"""Quantisers: with all that waits before them they become one table of thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from xnorflow.frontends.qonnx.elementwise import constant, parameter, value
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.value import Array, Constant, Floats, Grid, Integers, Tensor, Value
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir import (
    BIPOLAR,
    DataType,
    Threshold,
    ThresholdTable,
    quantizer_type,
    smallest_type,
)
from xnorflow.ir.ask import find_thresholds

__all__ = ["Steps", "bipolar_quant", "quant", "quantised", "trunc"]

MAX_LEVELS = 255
MAX_BITS = 32
IDENTITY_POINTS = 1 << 22
"""Most integers of which a wide quantiser is asked whether it changes any."""


def half_up(x: Floats) -> Floats:
    """Rounded; halves away from 0."""
    result: Floats = np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5))
    return result


def half_down(x: Floats) -> Floats:
    """Rounded; halves towards 0."""
    result: Floats = np.sign(x) * np.ceil(np.abs(x) - x.dtype.type(0.5))
    return result


ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "ROUND": np.round,
        "HALF_EVEN": np.round,
        "CEIL": np.ceil,
        "FLOOR": np.floor,
        "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
        "DOWN": np.fix,
        "HALF_UP": half_up,
        "HALF_DOWN": half_down,
    }
)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a quantiser gives: ``scale * (base + element.step * level)`` for levels ``0 .. top``.

    Parameters
    ----------
    codes
        From values of shape ``(n, rows)`` to the integers.
    scale
        Shape ``(1,)`` or ``(channels,)``.
    element
        Type of the integers.
    base
        Least integer.
    top
        Highest level.
    per_channel
        Whether ``codes`` treats channels differently.
    """

    codes: Callable[[Floats], Floats]
    scale: Array
    element: DataType
    base: int
    top: int
    per_channel: bool = False


def quantised(walk: Walk, node: OnnxNode, source: Value, steps: Steps) -> Value:
    """``source``, with all that waits, through the quantiser ``steps``."""
    if steps.top > MAX_LEVELS or not steps.top:
        raise node.fail(f"must have 2 to {MAX_LEVELS + 1} levels, not {steps.top + 1}")
    by_channel = steps.per_channel or source.is_per_channel
    if len(source.shape) == 2 and not (by_channel and source.channels > 1):
        source = walk.flattened(source, node)
    found = asked(walk, node, source, steps, 0)
    if source.doubtful and any(
        not all(map(np.array_equal, found, asked(walk, node, source, steps, doubts)))
        for doubts in (-1, 1)
    ):
        raise node.fail(
            "depends on the order in which sums with a bias are added up, for the bias is no "
            "multiple of their scale: add it in a batch normalisation behind, or import with "
            "--float64"
        )
    threshold = Threshold(
        name=walk.unique(source.activation),
        inputs=(source.edge,),
        origin=node.origin,
        table=ThresholdTable(*found, base=steps.base, output_type=steps.element),
    )
    walk.append(threshold)
    return replace(
        source,
        edge=threshold.name,
        low=np.array([steps.base]),
        high=np.array([steps.base + steps.element.step * steps.top]),
        scale=steps.scale,
        element=steps.element,
        waiting=(),
    )


def asked(
    walk: Walk, node: OnnxNode, source: Value, steps: Steps, doubts: int
) -> tuple[Integers, Array]:
    """Thresholds, and whether they descend."""

    def levels(integers: Integers) -> Integers:
        codes = steps.codes(source.ask(integers, walk.dtype, doubts))
        if not np.isfinite(codes).all():
            raise node.fail("must give finite values for all inputs")
        return (codes.astype(np.int64) - steps.base) // steps.element.step

    found = find_thresholds(levels, *source.ranges(steps.per_channel), steps.top)
    if isinstance(found, int):
        raise node.fail(f"must be monotone together with what is before it, channel {found} is not")
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What QONNX's ``Quant`` does to a number that is divided by the scale.

    Parameters
    ----------
    width, offset
        Bits, and zero point; one for all, or one for each element of a constant.
    signed, narrow
        Whether integers below 0 exist, and whether the least one is missing.
    rounding
        From floats to whole floats.
    """

    width: Integers
    offset: Integers
    signed: bool
    narrow: bool
    rounding: Callable[[Floats], Floats]

    @property
    def limits(self) -> tuple[Integers, Integers]:
        """Least and largest integer before the zero point is taken off."""
        return limits(self.width, self.signed, self.narrow)

    def codes(self, x: Floats, scale: Array) -> Floats:
        """The integers, computed as QONNX does, in its order."""
        kind = x.dtype.type
        low, high = (bound.astype(x.dtype) for bound in self.limits)
        offset = self.offset.astype(x.dtype)
        y = x / scale.astype(x.dtype) + offset
        rounded = self.rounding(np.minimum(np.maximum(y, low), high))
        one_bit = (self.width == 1) & self.signed
        codes: Floats = np.where(one_bit, np.where(y >= 0, kind(1), kind(-1)), rounded) - offset
        return codes

    @property
    def element(self) -> DataType | None:
        """Type of the integers; ``None`` where elements differ in it."""
        if self.width.size > 1 or self.offset.size > 1:
            return None
        if not self.offset.any():
            return quantizer_type(int(self.width.item()), self.signed, self.narrow)
        low, high = (int(bound.item() - self.offset.item()) for bound in self.limits)
        return smallest_type(low, high)


def rule_of(node: OnnxNode, source: Tensor, zero: Tensor | None, bits: Tensor | None) -> Rule:
    """The rule that ``node`` states."""
    width = whole_numbers(node, bits, 3)
    offset = whole_numbers(node, zero, 2)
    if isinstance(source, Constant):
        shape = source.array.shape
        if np.broadcast_shapes(shape, width.shape, offset.shape) != shape:
            raise node.fail("must have a width and a zero point that fit what it quantises")
    if np.any(width < 1) or np.any(width > MAX_BITS):
        raise node.fail(f"must have 1 to {MAX_BITS} bits")
    if missing := {"signed", "narrow"} - set(node.attributes):
        raise node.fail(f"must have the attribute {min(missing)!r}")
    return Rule(
        width=width,
        offset=offset,
        signed=bool(node.integer("signed", 1)),
        narrow=bool(node.integer("narrow", 0)),
        rounding=rounding_of(node),
    )


def quant(
    walk: Walk,
    node: OnnxNode,
    source: Tensor,
    scale: Tensor | None = None,
    zero: Tensor | None = None,
    bits: Tensor | None = None,
) -> Tensor:
    """QONNX's ``Quant``: divide, clip, round."""
    factor = walk.check_scale(parameter(walk, node, scale, 1), node, node.inputs[1])
    rule = rule_of(node, source, zero, bits)
    element = rule.element
    if isinstance(source, Constant):
        return quantised_constant(node, source, lambda x: rule.codes(x, factor), factor, element)
    if element is None:
        raise node.fail("must have one bit width and one zero point for all channels")
    target, row = walk.rows(value(node, source), factor, node)
    low, high = (int(bound.item() - rule.offset.item()) for bound in rule.limits)
    steps = Steps(
        codes=lambda x: rule.codes(x, row),
        scale=row,
        element=element,
        base=low,
        top=(high - low) // element.step,
        per_channel=len(row) > 1,
    )
    if steps.top > MAX_LEVELS and (same := unchanged(walk, target, steps)):
        return same
    return quantised(walk, node, target, steps)


def whole_numbers(node: OnnxNode, tensor: Tensor | None, position: int) -> Integers:
    """A constant of whole numbers."""
    array = constant(node, tensor, position).astype(np.float64)
    if not np.all(np.abs(array) < 1 << 24) or np.any(array != np.rint(array)):
        raise node.fail(f"must have whole numbers as its input {position + 1}")
    return array.astype(np.int64)


def rounding_of(node: OnnxNode) -> Callable[[Floats], Floats]:
    """The rounding that the node asks for."""
    mode = node.word("rounding_mode", "ROUND").upper()
    if mode not in ROUNDINGS:
        raise node.fail(f"must round by one of {', '.join(ROUNDINGS)}, not {mode!a}")
    return ROUNDINGS[mode]


def limits(width: Integers, signed: bool, narrow: bool) -> tuple[Integers, Integers]:
    """Least and largest integer of each width; -1 and +1 of one bit that is signed."""
    if not signed:
        return np.zeros_like(width), (1 << width) - 1 - narrow
    low, high = narrow - (1 << (width - 1)), (1 << (width - 1)) - 1
    one_bit = width == 1
    return np.where(one_bit, -1, low), np.where(one_bit, 1, high)


def quantised_constant(
    node: OnnxNode,
    source: Constant,
    codes: Callable[[Floats], Floats],
    factor: Array,
    element: DataType | None,
) -> Constant:
    """A constant through a quantiser, which tells its integers."""
    array = source.array
    if np.broadcast_shapes(array.shape, factor.shape) != array.shape:
        raise node.fail("must have a scale that fits what it quantises")
    if array.dtype != np.float32 or not np.isfinite(array).all():
        raise node.fail("must quantise finite float32 numbers")
    whole = codes(array)
    scale = np.broadcast_to(factor, whole.shape)
    grid = None if element is None else Grid(whole.astype(np.float64), scale, element)
    return Constant((whole * scale.astype(whole.dtype)).astype(np.float32), grid)


def unchanged(walk: Walk, source: Value, steps: Steps) -> Value | None:
    """``source``, if a quantiser of many bits changes none of its integers."""
    low, high = source.ranges()
    span = int((high - low).max()) + 1
    if source.waiting or span * len(low) > IDENTITY_POINTS:
        return None
    integers = np.minimum(low + np.arange(span)[:, np.newaxis], high)
    values = source.ask(integers, np.float64)
    same = np.array_equal(steps.codes(values.astype(walk.dtype)) * steps.scale, values)
    return source if same else None


def bipolar_quant(
    walk: Walk, node: OnnxNode, source: Tensor, scale: Tensor | None = None
) -> Tensor:
    """QONNX's ``BipolarQuant``: the sign, where 0 counts as positive."""
    factor = walk.check_scale(parameter(walk, node, scale, 1), node, node.inputs[1])

    def codes(x: Floats) -> Floats:
        return np.asarray(np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1)))

    if isinstance(source, Constant):
        return quantised_constant(node, source, codes, factor, BIPOLAR)
    target, row = walk.rows(value(node, source), factor, node)
    return quantised(walk, node, target, Steps(codes, row, BIPOLAR, base=-1, top=1))


def trunc(walk: Walk, node: OnnxNode, source: Tensor, *parameters: Tensor) -> Tensor:
    """QONNX's ``Trunc``: the highest bits of quantised values.

    Its first version has five inputs, its second one six: the scale of the output, too. Which one
    it is, the version of the operators says.
    """
    if len(parameters) != (4 if node.version < 2 else 5):
        raise node.fail(f"cannot have {len(parameters) + 1} inputs in version {node.version}")
    scale = walk.check_scale(parameter(walk, node, parameters[0], 1), node, node.inputs[1])
    if whole_numbers(node, parameters[1], 2).any():
        raise node.fail("must have zero point 0")
    second = len(parameters) == 5
    bits = whole_numbers(node, parameters[4 if second else 3], 5 if second else 4)
    before = whole_numbers(node, parameters[2], 3)
    if bits.size > 1 or before.size > 1 or scale.size > 1 or not 1 <= bits.item() <= 8:
        raise node.fail("must have one scale, one bit width before, and one of 1..8 behind")
    result = scale
    if second:
        result = walk.check_scale(parameter(walk, node, parameters[3], 4), node, node.inputs[4])
        if result.size > 1:
            raise node.fail("must have one scale")
    ratio = np.exp2(np.rint(np.log2(result / scale)) if second else before - bits)
    target = value(node, source)
    return quantised(
        walk, node, target, trunc_steps(walk, node, target, scale, result, ratio, bits)
    )


def trunc_steps(
    walk: Walk,
    node: OnnxNode,
    source: Value,
    scale: Array,
    result: Array,
    ratio: Array,
    bits: Integers,
) -> Steps:
    """What a ``Trunc`` gives."""
    rounding = rounding_of(node)
    clips = len(node.inputs) == 6
    signed = bool(node.integer("signed", 1))
    low, high = limits(bits, signed, bool(node.integer("narrow", 0)))

    def codes(x: Floats) -> Floats:
        y = np.round(x / scale.astype(x.dtype).reshape(-1)) / ratio.astype(x.dtype).reshape(-1)
        if clips:
            y = np.minimum(np.maximum(y, low.astype(x.dtype)), high.astype(x.dtype))
        return rounding(y)

    if clips:
        base, top = int(low.item()), int(high.item() - low.item())
    else:
        ends = codes(source.ask(np.stack(source.ranges()), walk.dtype))
        base, top = int(ends.min()), int(ends.max() - ends.min())
    named = quantizer_type(int(bits.item()), signed if clips else base < 0, narrow=False)
    fits = named.contains(np.array([base, base + top])) and named.step == 1
    element = named if fits else smallest_type(base, base + top)
    return Steps(codes, result.reshape(-1), element, base, top)
