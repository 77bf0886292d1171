# SPDX-License-Identifier: Apache-2.0
"""Which lanes of an XNOR-popcount go where in a tree of adders, and who complements what.

A lane contributes ``x ^ s``, where ``s`` is the complement of its weight's code: 1 where weight
and input are equal. The number of ones among ``2**h - 1`` lanes, complemented bit by bit, is the
number of zeros. So a sum of so many lanes may be *relative* to one of them, its base: the sum of
``x ^ s ^ s_base``, which for the base itself takes no gate. Complemented where ``s_base`` is set
it is the sum proper, and the carry chains of some families do that for nothing: iCE40's to the
sum that they give, Gowin's to one of their operands. The weight memory then holds ``s ^ s_base``
for such lanes: as many bits as there are weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.popcount.adder_tree import tree_leaves

__all__ = ["OPERANDS", "PLACES", "Adder", "Leaf", "MatchPlan", "Relative"]


OPERANDS = ("a", "b", "c")
PLACES = (*OPERANDS, "s")
"""Operands of an adder; these and its result."""


class Relative(Enum):
    """Where relative sums are put right."""

    NEVER = auto()
    """There are none."""
    RESULTS = auto()
    """As an adder gives them."""
    OPERANDS = auto()
    """As an adder's second operand."""


@dataclass(frozen=True, eq=False, slots=True)
class Leaf:
    """A lane."""

    lane: int
    height = 0
    full = True
    lanes = 1


@dataclass(eq=False, slots=True)
class Adder:
    """The sum of two nodes and, if there is one, of a lane that comes as the carry.

    Parameters
    ----------
    a, b
        What it adds.
    c
        The lane.
    a_flip, b_flip, c_flip, s_flip
        Lanes whose stored bits complement operands and result.
    """

    a: Leaf | Adder
    b: Leaf | Adder
    c: Leaf | None
    a_flip: int | None = None
    b_flip: int | None = None
    c_flip: int | None = None
    s_flip: int | None = None
    height: int = field(init=False)
    full: bool = field(init=False)
    lanes: int = field(init=False)

    def __post_init__(self) -> None:
        self.height = 1 + max(self.a.height, self.b.height)
        same = self.a.height == self.b.height
        self.full = same and self.a.full and self.b.full and self.c is not None
        self.lanes = self.a.lanes + self.b.lanes + (self.c is not None)

    def flip(self, name: str) -> int | None:
        """The lane that complements ``a``, ``b``, ``c`` or ``s``."""
        lane: int | None = getattr(self, f"{name}_flip")
        return lane


Node = Leaf | Adder


class MatchPlan:
    """The tree of adders for ``lanes`` lanes.

    Parameters
    ----------
    lanes
        Number of lanes, 1 or more.
    relative
        Where relative sums are put right.

    Attributes
    ----------
    levels : list of list of Adder
        Adders by their height above the lanes.
    operands : list of list of Leaf or Adder
        What each level adds: the first half of it in pairs with the second; one that is left
        over comes last.
    root : Leaf or Adder
        The sum.
    root_flip : int or None
        Lane whose stored bit complements the sum.
    early_flips : dict
        Of nodes that wait for an adder above the next level: lane whose stored bit complements
        them before they get zeros in front.
    inverted : frozenset of int
        Lanes whose stored bits complement where they are 0, as the second operand of Gowin's
        adders does.
    """

    def __init__(self, lanes: int, relative: Relative) -> None:
        self.lanes = lanes
        self._relative = relative
        self._references: dict[int, int | None] = {}
        self.levels: list[list[Adder]] = []
        self.operands: list[list[Node]] = []
        self.root = self._tree()
        self.root_flip: int | None = None
        self._settle()
        self.early_flips = self._early_flips()
        second = (adder.b_flip for level in self.levels for adder in level)
        self.inverted = frozenset(
            lane for lane in second if lane is not None and relative is Relative.OPERANDS
        )

    def stored(self, codes: NDArray[np.integer]) -> NDArray[np.int64]:
        """What the weight memory holds for the ``codes`` of bipolar weights.

        Parameters
        ----------
        codes
            Shape ``(..., lanes)``: 1 for +1, 0 for -1.

        Returns
        -------
        numpy.ndarray
            Of the same shape, bits.
        """
        signs = 1 - np.asarray(codes, np.int64)
        bits = signs.copy()
        for lane, reference in self._references.items():
            if reference is not None:
                bits[..., lane] ^= signs[..., reference]
        bits[..., sorted(self.inverted)] ^= 1
        return bits

    def width_bits(self, height: int) -> int:
        """Bits of the largest sum behind level ``height``."""
        nodes = [*self.levels[height - 1], self.operands[height - 1][-1]]
        return max(node.lanes for node in nodes).bit_length()

    def lanes_behind(self, height: int) -> set[int]:
        """Lanes that are added above level ``height``, as carries."""
        later = (adder for level in self.levels[height:] for adder in level)
        return {adder.c.lane for adder in later if adder.c}

    def flips_behind(self, height: int) -> set[int]:
        """Lanes whose stored bits complement something above level ``height``."""
        later = (adder for level in self.levels[height:] for adder in level)
        flips = {adder.flip(place) for adder in later for place in PLACES}
        flips |= {lane for node, lane in self.early_flips.items() if node.height >= height}
        return {lane for lane in (*flips, self.root_flip) if lane is not None}

    def _tree(self) -> Node:
        terms = self.lanes // 2 + 1
        leaves, carries = tree_leaves(terms, self.lanes - terms)
        level: list[Node] = [Leaf(lane) for lane in range(leaves)]
        pending = [Leaf(leaves + number) for number in range(carries)]
        while len(level) > 1:
            pairs = len(level) // 2
            inputs = [*pending[:pairs], *[None] * (pairs - len(pending))]
            pending = pending[pairs:]
            adders = [Adder(level[i], level[pairs + i], inputs[i]) for i in range(pairs)]
            self.operands.append(level)
            self.levels.append(adders)
            level = [*adders, *level[2 * pairs :]]
        return level[0]

    def _settle(self) -> None:
        """Decide who complements what."""
        match self._relative:
            case Relative.NEVER:
                self.root_flip = self._absolute(self.root)
            case Relative.RESULTS:
                self.root_flip = self._result_relative_to(self.root, None)
            case Relative.OPERANDS:
                self.root_flip = self._base(self.root)
                if self.root_flip is not None:
                    self._references[self.root_flip] = None

    def _early_flips(self) -> dict[Node, int]:
        """Take the flips of nodes that wait away from their adders."""
        early: dict[Node, int] = {}
        for height, adders in enumerate(self.levels, start=1):
            for adder in adders:
                for place, node in (("a", adder.a), ("b", adder.b)):
                    lane = adder.flip(place)
                    if lane is not None and node.height < height - 1:
                        setattr(adder, f"{place}_flip", None)
                        early[node] = lane
        return early

    def _absolute(self, node: Node) -> int | None:
        """The flip for ``node`` as an operand, where every lane is complemented by its own sign."""
        if isinstance(node, Leaf):
            self._references[node.lane] = None
            return node.lane
        node.a_flip, node.b_flip = self._absolute(node.a), self._absolute(node.b)
        node.c_flip = self._absolute(node.c) if node.c else None
        return None

    def _result_relative_to(self, node: Node, reference: int | None) -> int | None:
        """The flip for ``node`` as an operand that is to be relative to ``reference``."""
        if isinstance(node, Leaf):
            if node.lane == reference:
                return None
            self._references[node.lane] = reference
            return node.lane
        base = None
        if node.full and node.c is not None:
            base = node.a.lane if isinstance(node.a, Leaf) else node.c.lane
            node.s_flip = base
            self._references[base] = reference
        node.a_flip = self._result_relative_to(node.a, base)
        node.b_flip = self._result_relative_to(node.b, base)
        node.c_flip = self._result_relative_to(node.c, base) if node.c else None
        return None

    def _base(self, node: Node) -> int | None:
        """The lane to which ``node`` is relative, with all flips below it decided."""
        if isinstance(node, Leaf):
            return node.lane
        a, b = self._base(node.a), self._base(node.b)
        base = a if node.full else None
        node.b_flip = self._reference(b, base)
        if not node.full:
            node.a_flip = self._reference(a, None)
        if node.c is not None:
            node.c_flip = self._reference(node.c.lane, base)
        return base

    def _reference(self, lane: int | None, reference: int | None) -> int | None:
        if lane is not None:
            self._references[lane] = reference
        return lane
