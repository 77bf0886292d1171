# SPDX-License-Identifier: Apache-2.0
"""When the gates of a graph work, and what waits in registers in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xnorflow.hw.unrolled.bit_graph import ZERO, BitGate, BitGraph, GateKind, Literal

__all__ = ["Schedule"]

TABLES = (GateKind.PARITY, GateKind.MAJORITY)
"""Gates that are LUTs, whose inputs and output may as well be complemented."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The gates that some outputs need, in stages of ``levels_per_stage`` levels.

    What follows the outputs, such as thresholds, counts as one level more. A register follows
    every stage but the last one, which is left to whoever takes the result.

    Parameters
    ----------
    levels : list of list of BitGate
        Those of level 1, 2, ...
    registers
        Registers between inputs and outputs.
    levels_per_stage
        0 for none.
    given : dict
        Of each node, the literals that are built: the complement if it is wanted by adders, whose
        cells cannot complement it. Counters complement what they have to.
    stages : dict
        Of each of these literals, the stage that makes it and the last one that uses it.
    """

    levels: list[list[BitGate]]
    registers: int
    levels_per_stage: int
    given: dict[int, list[Literal]]
    stages: dict[Literal, tuple[int, int]]

    @classmethod
    def of(cls, graph: BitGraph, outputs: Sequence[Literal], levels_per_stage: int) -> Schedule:
        """The schedule for ``outputs``."""
        gates = needed_gates(graph, outputs)
        depth = max((gate.level for gate in gates), default=0)
        levels = [[gate for gate in gates if gate.level == n + 1] for n in range(depth)]
        registers = stage(depth + 1, levels_per_stage)
        given = given_literals(gates, outputs)
        made = {
            literal: stage(graph.level(literal), levels_per_stage)
            for node, literals in given.items()
            for literal in literals
            if node != ZERO
        }
        last = dict(made)
        uses = [(literal, registers) for literal in outputs]
        uses += [
            (literal, stage(gate.level, levels_per_stage))
            for gate in gates
            for literal in read_literals(gate)
        ]
        for literal, number in uses:
            if literal > 1:
                used = source(given, literal)
                last[used] = max(last[used], number)
        stages = {literal: (first, last[literal]) for literal, first in made.items()}
        return cls(levels, registers, levels_per_stage, given, stages)

    @property
    def register_bits(self) -> int:
        """Bits of all registers."""
        return sum(last - first for first, last in self.stages.values())

    def source(self, literal: Literal) -> Literal:
        """``literal``, or its complement if that is what is built."""
        return source(self.given, literal)

    def waits(self, literal: Literal, number: int) -> bool:
        """Whether ``literal`` is used behind stage ``number``."""
        return literal in self.stages and self.stages[literal][1] > number

    def ends_stage(self, level: int) -> bool:
        """Whether a register follows ``level``."""
        return self.levels_per_stage > 0 and level % self.levels_per_stage == 0


def stage(level: int, levels_per_stage: int) -> int:
    """The stage of a gate of some level."""
    return max(0, level - 1) // levels_per_stage if levels_per_stage else 0


def source(given: dict[int, list[Literal]], literal: Literal) -> Literal:
    """What is built of ``literal``."""
    built = given[literal >> 1]
    return literal if literal in built else built[0]


def needed_gates(graph: BitGraph, outputs: Sequence[Literal]) -> list[BitGate]:
    """Gates on the way to ``outputs``, in the order of the graph."""
    needed = {literal >> 1 for literal in outputs}
    gates = []
    for gate in reversed(graph.gates):
        if not needed.isdisjoint(range(gate.first, gate.first + gate.outputs)):
            needed |= {literal >> 1 for literal in gate.operands}
            gates.append(gate)
    return gates[::-1]


def read_literals(gate: BitGate) -> Sequence[Literal]:
    """What the cells of ``gate`` read; those of counters complement it themselves."""
    if gate.kind is GateKind.COUNTER:
        return [literal & ~1 for literal in gate.operands]
    return gate.operands


def given_literals(
    gates: Sequence[BitGate], outputs: Sequence[Literal]
) -> dict[int, list[Literal]]:
    """Of each node that is used, but the constant: the literals to build."""
    tables = {gate.first for gate in gates if gate.kind in TABLES}
    used = {literal >> 1 for gate in gates for literal in gate.operands}
    wanted: dict[int, set[Literal]] = {
        node: set() for node in used | {literal >> 1 for literal in outputs} if node != ZERO
    }
    direct = [each for gate in gates if gate.kind not in TABLES for each in read_literals(gate)]
    for literal in (*direct, *outputs):
        if literal >> 1 in tables:
            wanted[literal >> 1].add(literal)
    given = {node: sorted(literals) or [2 * node] for node, literals in wanted.items()}
    return given | {ZERO: [ZERO]}
