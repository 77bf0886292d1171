# SPDX-License-Identifier: Apache-2.0
"""Trees of adders for XNOR-popcounts, on the carry chains of an FPGA family."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Signal, Value

from xnorflow.hw.families import Device
from xnorflow.hw.popcount.match_plan import PLACES, Adder, MatchPlan
from xnorflow.hw.primitives import AdderRow, absorbs

__all__ = ["ChainCounter", "chain_registers", "is_registered"]

Bits = Mapping[int, Value]
"""A bit for each lane that is still to be used."""


def chain_registers(lanes: int, levels_per_stage: int) -> int:
    """Registers between the lanes and their number of matches.

    One follows the exclusive ORs and the first level of adders, one each ``levels_per_stage``
    levels behind that; there is none for 0 levels a stage.
    """
    if not levels_per_stage:
        return 0
    levels = (lanes // 2).bit_length()
    return 1 + max(0, levels - 1) // levels_per_stage


def is_registered(height: int, levels_per_stage: int) -> bool:
    """Whether a register follows level ``height``, counted from 1."""
    return levels_per_stage > 0 and (height - 1) % levels_per_stage == 0


class ChainCounter:
    """Builds the tree in a module, level by level.

    Parameters
    ----------
    m
        The module; registers go to its ``sync`` domain and have no reset.
    device
        A family with carry chains (:class:`~xnorflow.hw.primitives.AdderRow`).
    plan
        The tree.
    levels_per_stage
        As in :func:`chain_registers`.
    """

    def __init__(
        self, m: Module, device: Device, plan: MatchPlan, *, levels_per_stage: int
    ) -> None:
        self._m = m
        self._device = device
        self._plan = plan
        self._levels_per_stage = levels_per_stage

    def count(self, inputs: Value, stored: Value) -> Value:
        """Number of lanes whose weight and input are equal, :func:`chain_registers` later.

        Parameters
        ----------
        inputs
            A bit a lane.
        stored
            The bits that :meth:`MatchPlan.stored` gives for the weights.
        """
        x: Bits = dict(enumerate(inputs))
        plan = self._plan
        v: Bits = dict(enumerate(stored))
        columns: list[Value] = [inputs[: len(plan.operands[0]) if plan.operands else plan.lanes]]
        if not plan.levels and self._levels_per_stage:
            columns, x, v = self._delay(0, columns, x, v)
        for height in range(1, len(plan.levels) + 1):
            columns = self._add(height, columns, x, v)
            if is_registered(height, self._levels_per_stage):
                columns, x, v = self._delay(height, columns, x, v)
        total = Cat(*columns)
        if plan.root_flip is not None:
            total = total ^ self._flips(v)[plan.root_flip].replicate(len(total))
        return total

    def _add(self, height: int, columns: list[Value], x: Bits, v: Bits) -> list[Value]:
        """Bit-sliced sums of level ``height``, with what is left over as the last of them."""
        adders = self._plan.levels[height - 1]
        pairs = len(adders)
        signs = self._flips(v)
        found = {place: flip_bits(adders, place, signs) for place in PLACES}
        flips = {place: bits for place, bits in found.items() if bits is not None}
        operands = {
            "a": [column[:pairs] for column in columns],
            "b": [column[pairs : 2 * pairs] for column in columns],
            "c": [Cat(x[adder.c.lane] if adder.c else Const(0, 1) for adder in adders)],
        }
        sums = self._row(height, operands, flips)
        rest = self._left_over(height, [column[2 * pairs :] for column in columns], signs)
        width_bits = self._plan.width_bits(height)
        return [Cat(total, left) for total, left in zip(sums, rest, strict=True)][:width_bits]

    def _flips(self, v: Bits) -> Bits:
        """What complements: the stored bits, some of which are stored complemented.

        Registers hold them as they are stored, so that inverters meet those of the cells.
        """
        inverted = self._plan.inverted
        return {lane: ~bit if lane in inverted else bit for lane, bit in v.items()}

    def _row(
        self, height: int, operands: dict[str, list[Value]], flips: dict[str, Value]
    ) -> list[Value]:
        """Bit-sliced sums; what the row cannot complement by itself is complemented here."""
        free = absorbs(self._device) & flips.keys()
        pairs, width_bits = len(operands["c"][0]), len(operands["a"])
        row = AdderRow(self._device, pairs, width_bits, free)
        self._m.submodules[f"row_{height}"] = row
        for place, bits in operands.items():
            if place in flips and place not in free:
                bits = [bit ^ flips[place] for bit in bits]
            self._m.d.comb += getattr(row, place).eq(Cat(*bits))
        self._m.d.comb += [getattr(row, f"{place}_flip").eq(flips[place]) for place in free]
        sums: list[Value] = [row.s.word_select(bit, pairs) for bit in range(width_bits + 1)]
        if "s" in flips and "s" not in free:
            sums = [total ^ flips["s"] for total in sums]
        return sums

    def _left_over(self, height: int, bits: list[Value], v: Bits) -> list[Value]:
        """The operand of level ``height`` that has no partner, if there is one, a bit wider."""
        node = self._plan.operands[height - 1][-1]
        lane = self._plan.early_flips.get(node)
        if len(bits[0]) and lane is not None and node.height == height - 1:
            bits = [bit ^ v[lane] for bit in bits]
        return [*bits, Const(0, len(bits[0]))]

    def _delay(
        self, height: int, columns: list[Value], x: Bits, v: Bits
    ) -> tuple[list[Value], Bits, Bits]:
        """Everything that is used behind level ``height``, in registers."""
        lanes, flips = self._plan.lanes_behind(height), self._plan.flips_behind(height)
        return (
            [self._register(column, f"sum_{height}_{bit}") for bit, column in enumerate(columns)],
            self._register_lanes(x, lanes, f"carries_{height}"),
            self._register_lanes(v, flips, f"flips_{height}"),
        )

    def _register(self, value: Value, name: str) -> Value:
        register = Signal(len(value), name=name, reset_less=True)
        self._m.d.sync += register.eq(value)
        return register

    def _register_lanes(self, bits: Bits, lanes: set[int], name: str) -> Bits:
        if not lanes:
            return {}
        order = sorted(lanes)
        register = self._register(Cat(bits[lane] for lane in order), name)
        return dict(zip(order, register, strict=True))


def flip_bits(adders: list[Adder], place: str, v: Bits) -> Value | None:
    """What complements ``place`` of each adder; None where nothing does."""
    lanes = [adder.flip(place) for adder in adders]
    if all(lane is None for lane in lanes):
        return None
    return Cat(Const(0, 1) if lane is None else v[lane] for lane in lanes)
