# SPDX-License-Identifier: Apache-2.0
"""A counter that wraps, the way every layer keeps its place in a vector."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Mux, Signal, Value

__all__ = ["WrapCounter"]


class WrapCounter:
    """``value`` runs through 0 .. ``length - 1`` and starts again.

    Not a component: it lives in the module that steps it. A counter of length 1 has no register.

    Parameters
    ----------
    length
        Number of values, 1 or more.
    name
        Name of the register.
    init
        Value after reset.

    Attributes
    ----------
    value
        The count.
    last
        Whether the count is ``length - 1``.
    """

    def __init__(self, length: int, name: str, *, init: int = 0) -> None:
        self.length = length
        self.value: Value = Const(0, 0)
        if length > 1:
            self.value = Signal(range(length), name=name, init=init)
        self.last: Value = self.value == length - 1 if length > 1 else Const(1)

    def step(self) -> list[Any]:
        """Statements, for a clocked domain, that go on to the next value."""
        if self.length == 1:
            return []
        following = (self.value + 1)[: len(self.value)]
        if self.length == 1 << len(self.value):
            return [self.value.eq(following)]
        return [self.value.eq(Mux(self.last, 0, following))]
