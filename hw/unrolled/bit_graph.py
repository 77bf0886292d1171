# SPDX-License-Identifier: Apache-2.0
"""A network of adders of bits, in which nothing is built twice.

Bits are given as *literals*: twice the number of the bit, plus 1 for its complement. Parities do
not care which of their operands are complemented, but for the sign of the result; the majority of
three complemented bits is the complement of their majority. So each of them is kept in one form,
and neurons whose weights differ by signs alone share it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

__all__ = ["ONE", "ZERO", "BitGate", "BitGraph", "GateKind", "Literal", "is_inverted"]

Literal = int
"""Twice the number of a node, plus 1 for its complement."""

ZERO: Literal = 0
ONE: Literal = 1


def is_inverted(literal: Literal) -> bool:
    """Whether ``literal`` is the complement of its node."""
    return bool(literal & 1)


class GateKind(Enum):
    """What makes nodes of other nodes."""

    PARITY = auto()
    """Whether an odd number of operands is 1."""
    MAJORITY = auto()
    """Whether two of three operands are 1."""
    ADDER = auto()
    """The sum of two numbers and a carry."""
    COUNTER = auto()
    """The number of ones among seven bits."""


@dataclass(frozen=True, slots=True)
class BitGate:
    """Makes the nodes ``first, first + 1, ...`` out of ``operands``.

    Parameters
    ----------
    kind
        What it does.
    operands
        Of an adder: the bits of one number, those of the other, and the carry.
    first, outputs
        Its nodes, the one of least weight first.
    level
        Gates on the longest way from an input, this one included.
    """

    kind: GateKind
    operands: tuple[Literal, ...]
    first: int
    outputs: int
    level: int


@dataclass(frozen=True, slots=True)
class Form:
    """The one form of all functions that differ by their sign alone.

    Parameters
    ----------
    kind
        Kind of the gate; None if the function is its only operand.
    operands
        In ascending order.
    sign
        1 for the complement.
    """

    kind: GateKind | None
    operands: tuple[Literal, ...]
    sign: int

    @property
    def key(self) -> Hashable:
        """What gates of equal outputs have in common."""
        return self.kind, self.operands


@dataclass(slots=True)
class BitGraph:
    """Gates on a number of input bits.

    Node 0 is the constant 0; nodes ``1..inputs`` are the inputs.

    Parameters
    ----------
    inputs
        Number of input bits.

    Attributes
    ----------
    gates : list of BitGate
        Each behind those that make its operands.
    """

    inputs: int
    gates: list[BitGate] = field(init=False, default_factory=list)
    _levels: list[int] = field(init=False)
    _known: dict[Hashable, BitGate] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._levels = [0] * (self.inputs + 1)

    def input(self, index: int) -> Literal:
        """Input bit ``index``."""
        return 2 * (index + 1)

    def level(self, literal: Literal) -> int:
        """Gates on the longest way to ``literal``."""
        return self._levels[literal >> 1]

    def full_add(self, a: Literal, b: Literal, c: Literal) -> tuple[Literal, Literal]:
        """Sum and carry of three bits."""
        return self._unary(parity_form((a, b, c))), self._unary(majority_form(a, b, c))

    def missing_gates(self, triples: Iterable[tuple[Literal, Literal, Literal]]) -> int:
        """Gates that :meth:`full_add` would add for all ``triples``."""
        forms = {form for each in triples for form in (parity_form(each), majority_form(*each))}
        keys = {form.key for form in forms if form.kind is not None}
        return len(keys - self._known.keys())

    def add(self, a: Sequence[Literal], b: Sequence[Literal], c: Literal) -> list[Literal]:
        """``a + b + c``, a bit wider than ``a`` and ``b``, which are equally wide."""
        assert len(a) == len(b)
        if len(a) == 1:
            return list(self.full_add(a[0], b[0], c))
        gate = self._gate(GateKind.ADDER, (*a, *b, c), outputs=len(a) + 1)
        return [2 * (gate.first + bit) for bit in range(gate.outputs)]

    def count_seven(self, bits: Sequence[Literal]) -> list[Literal]:
        """The number of ones among seven bits, three bits wide.

        Where most bits are complemented, the sum is complemented instead: it is the number of
        zeros. Complemented operands come first.
        """
        flip = int(2 * sum(map(is_inverted, bits)) > len(bits))
        operands = tuple(
            sorted((literal ^ flip for literal in bits), key=lambda each: (~each & 1, each))
        )
        gate = self._gate(GateKind.COUNTER, operands, outputs=3)
        return [2 * (gate.first + bit) ^ flip for bit in range(gate.outputs)]

    def _unary(self, form: Form) -> Literal:
        if form.kind is None:
            return form.operands[0] ^ form.sign
        return 2 * self._gate(form.kind, form.operands).first ^ form.sign

    def _gate(self, kind: GateKind, operands: tuple[Literal, ...], outputs: int = 1) -> BitGate:
        gate = self._known.get((kind, operands))
        if gate is None:
            level = 1 + max(self._levels[literal >> 1] for literal in operands)
            gate = BitGate(kind, operands, len(self._levels), outputs, level)
            self._levels += [level] * outputs
            self.gates.append(gate)
            self._known[kind, operands] = gate
        return gate


def parity_form(literals: Sequence[Literal]) -> Form:
    """Whether an odd number of ``literals`` is 1."""
    sign, odd = 0, set[Literal]()
    for literal in literals:
        sign ^= literal & 1
        odd ^= {literal & ~1}
    operands = tuple(sorted(odd - {ZERO}))
    if len(operands) < 2:
        return Form(None, operands or (ZERO,), sign)
    return Form(GateKind.PARITY, operands, sign)


def majority_form(a: Literal, b: Literal, c: Literal) -> Form:
    """Whether two of three bits are 1."""
    a, b, c = sorted((a, b, c))
    if a >> 1 == b >> 1:
        return Form(None, (a if a == b else c,), 0)
    if b >> 1 == c >> 1:
        return Form(None, (b if b == c else a,), 0)
    sign = a & 1
    return Form(GateKind.MAJORITY, (a ^ sign, b ^ sign, c ^ sign), sign)
