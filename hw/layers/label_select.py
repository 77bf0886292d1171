# SPDX-License-Identifier: Apache-2.0
"""Label select: argmax and top-k."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value

from xnorflow.hw.layers.ranking import Ranked, merge_ranked
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.popcount import code_value
from xnorflow.ir import LabelSelect as LabelSelectNode

__all__ = ["LabelSelect", "tournament_cycles"]


def tournament_cycles(lanes: int) -> int:
    """Registers between a beat and its ranked list: one after each round of pairs."""
    return (lanes - 1).bit_length()


class LabelSelect(StreamUnit):
    """Indices of the ``k`` largest of a frame, largest first, lowest index on ties, in one beat.

    The lanes of a beat meet in a tournament that merges ranked lists pair by pair; its result is
    merged with the best of the beats before it.

    **Timing.** ``ii_frame = beats of a frame``;
    ``latency_first = ii_frame - 1 + tournament_cycles(lanes) + SKID_CYCLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream of ``k`` lanes)

    Raises
    ------
    GraphError
        If the stream has fewer than ``k`` channels.
    """

    _node: LabelSelectNode

    def elaborate(self, platform: object) -> Module:
        """Build tournament, running best and output buffer."""
        m = Module()
        output = self._build_output(m)
        advance = Signal()
        m.d.comb += [advance.eq(output.i.ready), self.i.ready.eq(advance)]

        valid, best_of_beat = self._build_tournament(m, advance)
        first_channel, last = self._build_position(m, advance & valid)
        challengers = [
            Ranked(entry.score, self._index(first_channel, entry.index), entry.present)
            for entry in best_of_beat
        ]
        merged = self._build_running_best(m, advance & valid, last, challengers)
        m.d.comb += [
            output.i.valid.eq(valid & last),
            *(output.i.payload[place].eq(entry.index) for place, entry in enumerate(merged)),
        ]
        return m

    def _index(self, first_channel: Value, lane: Value) -> Value:
        return (first_channel + lane)[: self._result.element.width_bits]

    def _build_tournament(self, m: Module, advance: Signal) -> tuple[Value, list[Ranked]]:
        """The beat's lanes as one ranked list, :func:`tournament_cycles` later."""
        source = self._source
        lane_bits = tournament_cycles(source.lanes)
        lists = [
            [Ranked(code_value(code, source.element), Const(lane, lane_bits), Const(1, 1))]
            for lane, code in enumerate(self.i.payload)
        ]
        valid: Value = self.i.valid
        for level in range(lane_bits):
            merged = [
                merge_ranked(
                    m, lists[pair], lists[pair + 1], self._node.k, f"round_{level}_{pair // 2}"
                )
                for pair in range(0, len(lists) - 1, 2)
            ]
            lists = [
                [
                    self._register(m, advance, entry, f"ranked_{level}_{i}_{place}")
                    for place, entry in enumerate(ranked)
                ]
                for i, ranked in enumerate(merged + lists[2 * len(merged) :])
            ]
            passed = Signal(name=f"valid_{level}")
            with m.If(advance):
                m.d.sync += passed.eq(valid)
            valid = passed
        return valid, lists[0]

    @staticmethod
    def _register(m: Module, advance: Signal, entry: Ranked, name: str) -> Ranked:
        score = Signal(entry.score.shape(), name=f"{name}_score", reset_less=True)
        lane = Signal(entry.index.shape(), name=f"{name}_lane", reset_less=True)
        with m.If(advance):
            m.d.sync += [score.eq(entry.score), lane.eq(entry.index)]
        return Ranked(score, lane, Const(1, 1))

    def _build_position(self, m: Module, step: Value) -> tuple[Value, Value]:
        """First channel of the beat, and whether the beat is the last one of its frame."""
        source = self._source
        if source.beats_per_frame == 1:
            return Const(0, 1), Const(1, 1)
        first_channel = Signal(range(source.size))
        last = Signal()
        m.d.comb += last.eq(first_channel == source.size - source.lanes)
        with m.If(step):
            m.d.sync += first_channel.eq(Mux(last, 0, first_channel + source.lanes))
        return first_channel, last

    def _build_running_best(
        self, m: Module, step: Value, last: Value, challengers: list[Ranked]
    ) -> list[Ranked]:
        """The best ``k`` of this beat and of those before it in the frame."""
        if self._source.beats_per_frame == 1:
            return challengers
        score_shape = challengers[0].score.shape()
        best = [
            Ranked(
                Signal(score_shape, name=f"best_{place}_score", reset_less=True),
                Signal(
                    self._result.element.width_bits, name=f"best_{place}_index", reset_less=True
                ),
                Signal(name=f"best_{place}_present"),
            )
            for place in range(self._node.k)
        ]
        merged = merge_ranked(m, best, challengers, self._node.k, "merged")
        with m.If(step):
            for kept, entry in zip(best, merged, strict=True):
                m.d.sync += [
                    kept.score.eq(entry.score),
                    kept.index.eq(entry.index),
                    kept.present.eq(entry.present & ~last),
                ]
        return merged
