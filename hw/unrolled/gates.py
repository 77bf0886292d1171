# SPDX-License-Identifier: Apache-2.0
"""Gates of a graph as hardware."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from amaranth.hdl import Cat, Const, Module, Signal, Value

from xnorflow.hw.families import Device
from xnorflow.hw.primitives import (
    AdderRow,
    CounterKind,
    CounterRow,
    LutPairRow,
    SignedFunction,
)
from xnorflow.hw.unrolled.bit_graph import ZERO, BitGate, GateKind, Literal, is_inverted
from xnorflow.hw.unrolled.schedule import TABLES, Schedule

__all__ = ["GateBuilder", "lut_pairs"]

ADDER_ROWS = frozenset({Device.ECP5, Device.GOWIN})
"""Families on which adders side by side on a chain take less than adders by themselves."""

ROW_BITS = 64
"""Gates of a row, and bits of a register: a machine word of simulators. Compilers of generated
simulators break at concatenations of thousands of bits."""

T = TypeVar("T")

Table = tuple[BitGate, Literal]
"""A gate that is a LUT, and which of its output and its complement is wanted."""


class GateBuilder:
    """Builds the gates of a schedule in a module, level by level.

    Gates of one kind are built as one row, bit-sliced, so that simulators evaluate them by a few
    word-wide operations.

    Parameters
    ----------
    m
        The module; registers go to its ``sync`` domain and have no reset.
    schedule
        The gates.
    device
        Family of whose cells adders and counters are built; None for plain operators.
    """

    def __init__(self, m: Module, schedule: Schedule, device: Device | None) -> None:
        self._m = m
        self._schedule = schedule
        self._device = device
        self._values: dict[Literal, Value] = {ZERO: Const(0, 1)}

    def build(self, inputs: Value) -> None:
        """Build all gates on ``inputs``."""
        self._values |= {2 * (index + 1): bit for index, bit in enumerate(inputs)}
        passed = 0
        for level, gates in enumerate(self._schedule.levels, start=1):
            self._build_level(level, gates)
            if self._schedule.ends_stage(level) and passed < self._schedule.registers:
                self._register(passed)
                passed += 1

    def has(self, literal: Literal) -> bool:
        """Whether ``literal`` is there in the stage that is being built."""
        return literal >> 1 in self._schedule.given and (
            self._schedule.source(literal) in self._values
        )

    def value(self, literal: Literal) -> Value:
        """The value of ``literal`` in the stage that is being built; in the end, an output's."""
        built = self._schedule.source(literal)
        value = self._values[built]
        return value if built == literal else ~value

    def _build_level(self, level: int, gates: Sequence[BitGate]) -> None:
        kinds: dict[GateKind, list[BitGate]] = defaultdict(list)
        for gate in gates:
            kinds[gate.kind].append(gate)
        self._build_tables(level, [gate for kind in TABLES for gate in kinds[kind]])
        widths: dict[int, list[BitGate]] = defaultdict(list)
        for gate in kinds[GateKind.ADDER]:
            widths[gate.outputs - 1].append(gate)
        for width_bits, adders in sorted(widths.items()):
            if self._device in ADDER_ROWS:
                for number, row in enumerate(rows_of(adders)):
                    self._build_chains(f"adders_{level}_{width_bits}_{number}", width_bits, row)
            else:
                self._build_adders(width_bits, adders)
        counters = sorted(
            kinds[GateKind.COUNTER], key=lambda gate: sum(map(is_inverted, gate.operands))
        )
        for number, row in enumerate(rows_of(counters)):
            self._build_counters(f"counters_{level}_{number}", row)

    def _build_tables(self, level: int, gates: Sequence[BitGate]) -> None:
        given = self._schedule.given
        tables = [(gate, literal) for gate in gates for literal in given[gate.first]]
        pairs, alone = lut_pairs(tables) if self._device is Device.XC7 else ([], tables)
        pairs.sort(key=lambda pair: [self._function(table) for table in pair])
        for number, row in enumerate(rows_of(pairs)):
            self._build_pairs(f"pairs_{level}_{number}", row)
        groups: dict[tuple[SignedFunction, int], list[Table]] = defaultdict(list)
        for table in alone:
            groups[self._function(table), len(support_of(table[0]))].append(table)
        rows = [(key[0], row) for key, group in sorted(groups.items()) for row in rows_of(group)]
        for number, (function, tables_of_row) in enumerate(rows):
            self._build_row(f"tables_{level}_{number}", function, tables_of_row)

    def _build_row(self, name: str, function: SignedFunction, tables: Sequence[Table]) -> None:
        bits = Signal(len(tables), name=name)
        supports = [support_of(gate) for gate, _ in tables]
        vectors = [Cat(self._built(each, place) for each in supports) for place in range(3)]
        self._m.d.comb += bits.eq(function.of_vectors(vectors))
        self._keep((literal for _, literal in tables), bits)

    def _function(self, table: Table) -> SignedFunction:
        """What ``table`` makes of what is built of its support."""
        gate, literal = table
        signs = [each & 1 for each in gate.operands if each > 1]
        built = [self._schedule.source(2 * node) & 1 for node in support_of(gate)]
        flips = [sign ^ other for sign, other in zip(signs, built, strict=True)]
        a, b, c = (*flips, *[0] * (3 - len(flips)))
        return SignedFunction(gate.kind is GateKind.MAJORITY, (a, b, c), literal & 1).normal

    def _vector(self, literals: Iterable[Literal]) -> Value:
        """The values of ``literals``."""
        wanted = list(literals)
        built = [self._schedule.source(literal) for literal in wanted]
        signs = [literal ^ other for literal, other in zip(wanted, built, strict=True)]
        return complemented(Cat(self._values[literal] for literal in built), signs)

    def _build_pairs(self, name: str, pairs: Sequence[tuple[Table, Table]]) -> None:
        supports = [support_of(first[0]) for first, _ in pairs]
        row = LutPairRow(
            [(self._function(first), self._function(second)) for first, second in pairs]
        )
        self._m.submodules[name] = row
        for place, port in enumerate((row.i0, row.i1, row.i2)):
            self._m.d.comb += port.eq(Cat(self._built(support, place) for support in supports))
        self._keep((table[1] for table, _ in pairs), row.o0)
        self._keep((table[1] for _, table in pairs), row.o1)

    def _built(self, support: Sequence[int], place: int) -> Value:
        if place >= len(support):
            return Const(0, 1)
        return self._values[self._schedule.source(2 * support[place])]

    def _build_chains(self, name: str, width_bits: int, gates: Sequence[BitGate]) -> None:
        assert self._device is not None
        row = AdderRow(self._device, len(gates), width_bits)
        self._m.submodules[name] = row
        columns = [self._vector(literals) for literals in operands_by_place(gates)]
        self._m.d.comb += [
            row.a.eq(Cat(*columns[:width_bits])),
            row.b.eq(Cat(*columns[width_bits:-1])),
            row.c.eq(columns[-1]),
        ]
        for bit in range(width_bits + 1):
            literals = (2 * (gate.first + bit) for gate in gates)
            self._keep(literals, row.s.word_select(bit, len(gates)))

    def _build_adders(self, width_bits: int, gates: Sequence[BitGate]) -> None:
        for gate in gates:
            a = self._vector(gate.operands[:width_bits])
            b = self._vector(gate.operands[width_bits:-1])
            c = self._vector(gate.operands[-1:])
            total = Signal(width_bits + 1, name=f"sum_{gate.first}")
            carried = (Cat(c, a) + Cat(Const(1, 1), b))[1:]
            self._m.d.comb += total.eq(a + b if gate.operands[-1] == ZERO else carried)
            self._keep((2 * (gate.first + bit) for bit in range(gate.outputs)), total)

    def _build_counters(self, name: str, gates: Sequence[BitGate]) -> None:
        flips = [sum((literal & 1) << n for n, literal in enumerate(g.operands)) for g in gates]
        row = CounterRow(CounterKind.SEVEN, len(gates), flips)
        self._m.submodules[name] = row
        for port, literals in zip(row.inputs, operands_by_place(gates), strict=True):
            self._m.d.comb += port.eq(self._vector(literal & ~1 for literal in literals))
        for bit, port in enumerate(row.outputs):
            self._keep((2 * (gate.first + bit) for gate in gates), port)

    def _keep(self, literals: Iterable[Literal], bits: Value) -> None:
        self._values |= dict(zip(literals, bits, strict=True))

    def _register(self, number: int) -> None:
        """Everything that later stages use, in registers."""
        waiting = [literal for literal in self._values if self._schedule.waits(literal, number)]
        before, self._values = self._values, {ZERO: Const(0, 1)}
        for index, literals in enumerate(rows_of(waiting)):
            name = f"stage_{number}_{index}"
            register = Signal(len(literals), name=name, reset_less=True)
            self._m.d.sync += register.eq(Cat(before[literal] for literal in literals))
            self._keep(literals, register)


def rows_of(members: Sequence[T]) -> list[Sequence[T]]:
    """``members`` in rows of :data:`ROW_BITS`."""
    return [members[first : first + ROW_BITS] for first in range(0, len(members), ROW_BITS)]


def complemented(bits: Value, literals: Iterable[Literal]) -> Value:
    """``bits``, with those complemented whose literals are odd."""
    signs = [literal & 1 for literal in literals]
    mask = sum(sign << number for number, sign in enumerate(signs))
    return bits ^ Const(mask, len(signs)) if mask else bits


def operands_by_place(gates: Sequence[BitGate]) -> list[tuple[Literal, ...]]:
    """Of each place: its operands in all ``gates``."""
    return list(zip(*(gate.operands for gate in gates), strict=True))


def support_of(gate: BitGate) -> tuple[int, ...]:
    """Nodes on which ``gate`` depends."""
    return tuple(literal >> 1 for literal in gate.operands if literal > 1)


def lut_pairs(tables: Sequence[Table]) -> tuple[list[tuple[Table, Table]], list[Table]]:
    """Pairs of functions of the same nodes, and those that are left over."""
    groups: dict[tuple[int, ...], list[Table]] = defaultdict(list)
    for table in tables:
        groups[tuple(sorted(support_of(table[0])))].append(table)
    pairs: list[tuple[Table, Table]] = []
    alone: list[Table] = []
    for group in groups.values():
        pairs += zip(group[::2], group[1::2], strict=False)
        alone += group[len(group) // 2 * 2 :]
    return pairs, alone
