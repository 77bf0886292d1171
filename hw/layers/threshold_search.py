# SPDX-License-Identifier: Apache-2.0
"""Pipelined binary search: from accumulators to activations."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from xnorflow.hw.layers.search_table import SearchTable, search_stages
from xnorflow.hw.layers.weight_memory import pack_words
from xnorflow.hw.popcount import range_shape
from xnorflow.hw.streams import WrapCounter
from xnorflow.ir import DataType

__all__ = ["ThresholdSearch", "search_cycles"]


def search_cycles(levels: int) -> int:
    """Cycles from the accumulator to a register that takes the code."""
    return search_stages(levels)


class ThresholdSearch(wiring.Component):
    """Each lane's value through the step function of its channel.

    Lane ``p`` of the ``n``-th beat of a vector is channel ``n * lanes + p``. Stage ``j`` finds bit
    ``j`` of the count, most significant first: it compares with the threshold that a memory read
    at ``(fold, bits found so far)`` in the cycle before.

    **Timing.** ``capture`` says that ``values`` come in the next cycle; ``codes`` are there, with
    ``valid``, ``search_cycles(levels)`` cycles after ``capture``; a register that takes them has
    them one cycle later. Everything stands still where the clock is not enabled.

    Parameters
    ----------
    table
        The same step functions on the values that come.
    base, output_type
        As in :class:`~xnorflow.ir.ThresholdTable`.
    shape
        Shape of a value.
    lanes
        Channels a cycle (``pe``).
    folds
        Beats of a vector (``nf``).

    Members
    -------
    capture : In(1)
        Whether the values of the next cycle are to be looked up.
    values : In(lanes x shape)
    valid : Out(1)
    codes : Out(lanes x output_type)
    """

    def __init__(
        self,
        table: SearchTable,
        base: int,
        output_type: DataType,
        *,
        shape: Shape,
        lanes: int,
        folds: int,
    ) -> None:
        super().__init__(
            {
                "capture": In(1),
                "values": In(data.ArrayLayout(shape, lanes)),
                "valid": Out(1),
                "codes": Out(data.ArrayLayout(unsigned(output_type.width_bits), lanes)),
            }
        )
        self._table = table
        self._base = base
        self._output_type = output_type
        self._shape = shape
        self._lanes = lanes
        # Rows that are all equal need no fold.
        self._folds = folds if len(table.flips) > 1 else 1

    def elaborate(self, platform: object) -> Module:
        """Build the stages."""
        m = Module()
        counter = WrapCounter(self._folds, "fold")
        with m.If(self.capture):
            m.d.sync += counter.step()
        fold: Value = counter.value
        valid: Value = self.capture
        values: list[Value] = [self.values[lane] for lane in range(self._lanes)]
        counts: list[Value] = [Const(0, 0)] * self._lanes
        for stage in range(self._table.stages):
            last = stage == self._table.stages - 1
            thresholds = self._read_thresholds(m, stage, fold, counts)
            flips = self._read_flips(m, fold) if last else None
            if not last:
                fold = self._delay(m, fold, f"fold_{stage}")
            valid = self._delay(m, valid, f"valid_{stage}", reset_less=False)
            counts = self._delay_lanes(m, counts, f"count_{stage}")
            if stage > 0:
                values = self._delay_lanes(m, values, f"value_{stage}")
            counts = self._compare(m, stage, values, thresholds, counts)
        m.d.comb += self.valid.eq(valid)
        for lane, count in enumerate(counts):
            found = count if flips is None else count ^ flips[lane].replicate(len(count))
            m.d.comb += self.codes[lane].eq(self._code(found))
        return m

    def _code(self, count: Value) -> Value:
        if self._output_type.step != 1:
            return count
        return count + self._base  # assigned to a code: extended by its sign, or cut

    def _compare(
        self,
        m: Module,
        stage: int,
        values: list[Value],
        thresholds: list[Value],
        counts: list[Value],
    ) -> list[Value]:
        bits = Signal(self._lanes, name=f"reached_{stage}")
        m.d.comb += [
            bits[lane].eq(value >= threshold)
            for lane, (value, threshold) in enumerate(zip(values, thresholds, strict=True))
        ]
        return [Cat(bit, count) for bit, count in zip(bits, counts, strict=True)]

    def _read_thresholds(
        self, m: Module, stage: int, fold: Value, counts: list[Value]
    ) -> list[Value]:
        """A threshold for every lane, in the next cycle."""
        table = self._table.stage(stage)
        shape = range_shape(int(table.min()), int(table.max()))
        rows = np.broadcast_to(table, (self._lanes, table.shape[1])) if len(table) == 1 else table
        # Axes: fold, lane, bits found so far.
        codes = rows.reshape(self._folds, self._lanes, -1) & ((1 << shape.width) - 1)
        if stage == 0:
            word = self._read(m, "thresholds_0", codes[:, :, 0], shape.width, fold)
            words = [word.word_select(lane, shape.width) for lane in range(self._lanes)]
        else:
            words = [
                self._read(
                    m,
                    f"thresholds_{stage}_{lane}",
                    codes[:, lane].reshape(-1, 1),
                    shape.width,
                    Cat(count, fold),
                )
                for lane, count in enumerate(counts)
            ]
        return [word.as_signed() if shape.signed else word for word in words]

    def _read_flips(self, m: Module, fold: Value) -> Value | None:
        flips = self._table.flips
        if not flips.any():
            return None
        codes = np.broadcast_to(flips, self._folds * self._lanes).reshape(self._folds, self._lanes)
        return self._read(m, "flips", codes, 1, fold)

    @staticmethod
    def _read(m: Module, name: str, codes: NDArray[Any], width_bits: int, address: Value) -> Value:
        """The word at ``address``, in the next cycle."""
        words = pack_words(codes, width_bits)
        shape = unsigned(width_bits * codes.shape[1])
        if len(words) == 1:
            return Const(words[0], shape)
        m.submodules[name] = memory = Memory(shape=shape, depth=len(words), init=words)
        port = memory.read_port()
        m.d.comb += port.addr.eq(address)
        return port.data

    @staticmethod
    def _delay(m: Module, value: Value, name: str, *, reset_less: bool = True) -> Value:
        if len(value) == 0:
            return value
        delayed = Signal(value.shape(), name=name, reset_less=reset_less)
        m.d.sync += delayed.eq(value)
        return delayed

    def _delay_lanes(self, m: Module, values: list[Value], name: str) -> list[Value]:
        return [self._delay(m, value, f"{name}_{lane}") for lane, value in enumerate(values)]
