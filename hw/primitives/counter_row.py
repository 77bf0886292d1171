# SPDX-License-Identifier: Apache-2.0
"""Equal counters of few bits side by side, in the two-output LUTs of Xilinx 7 series."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import StrEnum
from typing import Any

from amaranth.hdl import Const, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives.cell_netlist import Bit, CellNetlist, port_bits
from xnorflow.hw.primitives.library import elaborate_cell
from xnorflow.hw.primitives.xc7 import xc7_count_seven, xc7_lut_pair

__all__ = ["CounterKind", "CounterRow"]


class CounterKind(StrEnum):
    """What a counter gives, the bit of least weight first."""

    MATCHES = "matches"
    """``x0 ^ v0`` and ``x1 ^ v1``, each for itself: one LUT."""
    ADD_MATCHES = "add_matches"
    """The sum of ``x0 ^ v0``, ``x1 ^ v1`` and a third bit: one LUT."""
    THREE = "three"
    """The number of ones among three bits: one LUT."""
    SEVEN = "seven"
    """The number of ones among seven bits: two LUTs and two positions of a carry chain."""

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return SIZES[self][0]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return SIZES[self][1]

    @property
    def luts(self) -> int:
        """LUTs of a counter."""
        return 2 if self is CounterKind.SEVEN else 1


FLIPPED_INPUTS = 5
"""Inputs of a counter of seven bits that go to lookup tables alone."""

SIZES = {
    CounterKind.MATCHES: (4, 2),
    CounterKind.ADD_MATCHES: (5, 2),
    CounterKind.THREE: (3, 2),
    CounterKind.SEVEN: (7, 3),
}


def evaluate(kind: CounterKind, bits: Sequence[Any]) -> list[Any]:
    """The outputs for ``bits``, which are vectors of hardware or Python's integers."""
    match kind:
        case CounterKind.MATCHES:
            x0, v0, x1, v1 = bits
            return [x0 ^ v0, x1 ^ v1]
        case CounterKind.ADD_MATCHES:
            x0, v0, x1, v1, c = bits
            return full_adder(x0 ^ v0, x1 ^ v1, c)
        case CounterKind.THREE:
            return full_adder(*bits)
        case CounterKind.SEVEN:
            first, second = full_adder(*bits[:3]), full_adder(*bits[3:6])
            third = full_adder(first[0], second[0], bits[6])
            return [third[0], *full_adder(first[1], second[1], third[1])]


def full_adder(a: Any, b: Any, c: Any) -> list[Any]:
    """Sum and carry of three bits."""
    return [a ^ b ^ c, (a & b) | (c & (a ^ b))]


class CounterRow(wiring.Component):
    """``counters`` counters of one kind.

    Bit ``k`` of port ``iN`` and of port ``oN`` belongs to counter ``k``.

    **Timing.** Combinational.

    Parameters
    ----------
    counter
        What each of them computes.
    counters
        How many there are.
    flips
        Of each counter of seven bits: which of its first :data:`FLIPPED_INPUTS` inputs are
        complemented, a bit each. None are by default.

    Members
    -------
    i0, i1, ... : In(counters)
    o0, o1, ... : Out(counters)
    """

    def __init__(
        self, counter: CounterKind, counters: int, flips: Sequence[int] | None = None
    ) -> None:
        self._counter = counter
        self._counters = counters
        self._flips = tuple(flips) if flips is not None else (0,) * counters
        super().__init__(
            {f"i{number}": In(counters) for number in range(counter.inputs)}
            | {f"o{number}": Out(counters) for number in range(counter.outputs)}
        )

    @property
    def inputs(self) -> list[Value]:
        """The input ports in order."""
        return [getattr(self, f"i{number}") for number in range(self._counter.inputs)]

    @property
    def outputs(self) -> list[Value]:
        """The output ports in order."""
        return [getattr(self, f"o{number}") for number in range(self._counter.outputs)]

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        return f"xc7_{self._counter}_row"

    @property
    def key(self) -> Hashable:
        """What tells it from others."""
        return self._counter, self._counters, self._flips

    def elaborate(self, platform: object) -> Module | Instance:
        """Build the counters."""
        return elaborate_cell(self, platform)

    def behaviour(self) -> Module:
        """All counters at once."""
        m = Module()
        found = evaluate(self._counter, self._flipped_inputs())
        m.d.comb += [port.eq(value) for port, value in zip(self.outputs, found, strict=True)]
        return m

    def _flipped_inputs(self) -> list[Value]:
        ports = self.inputs
        for place in range(min(len(ports), FLIPPED_INPUTS)):
            mask = sum((flip >> place & 1) << k for k, flip in enumerate(self._flips))
            if mask:
                ports[place] = ports[place] ^ Const(mask, self._counters)
        return ports

    def native(self) -> CellNetlist:
        """The same, LUT by LUT."""
        netlist = CellNetlist(self.signature)
        ports = [port_bits(self.signature, f"i{n}") for n in range(self._counter.inputs)]
        found = [
            self._native_counter(netlist, f"counter_{k}", [port[k] for port in ports], flips)
            for k, flips in enumerate(self._flips)
        ]
        for number in range(self._counter.outputs):
            netlist.output(f"o{number}", [bits[number] for bits in found])
        return netlist

    def _native_counter(
        self, netlist: CellNetlist, name: str, bits: Sequence[Bit], flips: int
    ) -> list[Bit]:
        if self._counter is CounterKind.SEVEN:
            return xc7_count_seven(netlist, name, bits, flips)
        tables = [lambda b, n=n: evaluate(self._counter, b)[n] for n in (0, 1)]
        return xc7_lut_pair(netlist, name, bits, tables)
