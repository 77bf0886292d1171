# SPDX-License-Identifier: Apache-2.0
"""Boolean functions, given by their truth tables, as expressions of few bitwise operations.

Bit ``i`` of the table is the value of the function where input ``k`` is bit ``k`` of ``i``.
"""

from __future__ import annotations

import functools

__all__ = ["expression", "reduced"]

ZERO, ONE = "ZERO", "ONE"
COST_OF_INVERSION = 1


def mask(inputs: int) -> int:
    """The table of the function that is always 1."""
    return (1 << (1 << inputs)) - 1


@functools.cache
def cofactor(table: int, inputs: int, chosen: int, value: int) -> int:
    """The table, of one input less, where input ``chosen`` is ``value``."""
    result = 0
    low = (1 << chosen) - 1
    for index in range(1 << (inputs - 1)):
        full = (index & low) | value << chosen | (index & ~low) << 1
        result |= (table >> full & 1) << index
    return result


def reduced(table: int, inputs: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The same function, of nets, without the inputs that it does not depend on.

    Nets 0 and 1 are the constants; inputs that are the same net become one.
    """
    for place, net in enumerate(inputs):
        count = len(inputs)
        zero, one = (cofactor(table, count, place, value) for value in (0, 1))
        if net in (0, 1) or zero == one:
            return reduced((zero, one)[net == 1], inputs[:place] + inputs[place + 1 :])
        if net in inputs[:place]:
            return reduced(merged(table, inputs, place), inputs[:place] + inputs[place + 1 :])
    return table, inputs


def merged(table: int, inputs: tuple[int, ...], place: int) -> int:
    """The table without input ``place``, which is the same net as an earlier one."""
    first, low = inputs.index(inputs[place]), (1 << place) - 1
    result = 0
    for index in range(1 << (len(inputs) - 1)):
        full = (index & low) | (index >> first & 1) << place | (index & ~low) << 1
        result |= (table >> full & 1) << index
    return result


def expression(table: int, inputs: int) -> str:
    """C++ for the function, with ``{k}`` for its inputs and the macro ``MUX(select, zero, one)``.

    Examples
    --------
    >>> expression(0b0110, 2), expression(0xCA, 3)
    ('({0} ^ {1})', 'MUX({2}, {0}, {1})')
    """
    return best(table, tuple(range(inputs)))[1]


@functools.cache
def best(table: int, names: tuple[int, ...]) -> tuple[int, str]:
    """Operations and text of the cheapest expression that splits on one input after another."""
    if table == 0:
        return 0, ZERO
    if table == mask(len(names)):
        return 0, ONE
    return min(split(table, names, place) for place in range(len(names)))


def split(table: int, names: tuple[int, ...], place: int) -> tuple[int, str]:
    """The expression that looks at input ``place`` first."""
    rest, x = names[:place] + names[place + 1 :], f"{{{names[place]}}}"
    count, full = len(names), mask(len(names) - 1)
    zero, one = (cofactor(table, count, place, value) for value in (0, 1))
    if zero == one:
        return best(zero, rest)
    if (zero, one) in ((0, full), (full, 0)):
        return (0, x) if one else (COST_OF_INVERSION, f"~{x}")
    if zero in (0, full) or one in (0, full) or zero == full ^ one:
        return gated(x, zero, one, rest)
    (zero_cost, zero_text), (one_cost, one_text) = best(zero, rest), best(one, rest)
    return zero_cost + one_cost + 1, f"MUX({x}, {zero_text}, {one_text})"


def gated(x: str, zero: int, one: int, rest: tuple[int, ...]) -> tuple[int, str]:
    """The expression with one binary operation on ``x``."""
    full = mask(len(rest))
    cost, text = best(one if zero in (0, full) else zero, rest)
    if zero == 0:
        return cost + 1, f"({x} & {text})"
    if zero == full:
        return cost + 1 + COST_OF_INVERSION, f"(~{x} | {text})"
    if one == 0:
        return cost + 1 + COST_OF_INVERSION, f"(~{x} & {text})"
    if one == full:
        return cost + 1, f"({x} | {text})"
    return cost + 1, f"({x} ^ {text})"
