# SPDX-License-Identifier: Apache-2.0
"""Parts of popcounts in the cells of a family, counted one by one."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from xnorflow.hw.families import Device
from xnorflow.hw.popcount.adder_tree import LEVELS_PER_STAGE
from xnorflow.hw.popcount.chain_counter import is_registered
from xnorflow.hw.popcount.heap_counter import (
    MOST_ROWS,
    first_heights,
    first_pairs,
    next_heights,
    next_steps,
)
from xnorflow.hw.popcount.match_count import counted, has_carry_lane, match_cycles, match_plan
from xnorflow.hw.popcount.match_plan import PLACES, MatchPlan
from xnorflow.hw.primitives import absorbs, row_luts

__all__ = ["MatchParts", "match_parts"]


@dataclass(frozen=True, slots=True)
class MatchParts:
    """A :class:`~xnorflow.hw.popcount.MatchCount`.

    Parameters
    ----------
    luts
        LUTs, with carry cells that are LUTs.
    flip_flops
        Registers of sums, and of weights that are used later.
    input_flip_flops
        Registers of inputs that are used later; rows that see the same lanes share them.
    """

    luts: int
    flip_flops: int
    input_flip_flops: int


@functools.lru_cache(maxsize=1 << 12)
def match_parts(device: Device, lanes: int, levels_per_stage: int = LEVELS_PER_STAGE) -> MatchParts:
    """The parts for ``lanes`` lanes on ``device``."""
    plan = match_plan(device, counted(device, lanes))
    if plan is None:
        parts = heap_parts(lanes, levels_per_stage)
    else:
        parts = chain_parts(device, plan, levels_per_stage)
    carried = int(has_carry_lane(device, lanes))
    waiting = carried * match_cycles(device, lanes, levels_per_stage)
    return MatchParts(parts.luts + carried, parts.flip_flops + waiting, parts.input_flip_flops)


def chain_parts(device: Device, plan: MatchPlan, levels_per_stage: int) -> MatchParts:
    """A :class:`~xnorflow.hw.popcount.chain_counter.ChainCounter`."""
    luts = flip_flops = input_flip_flops = 0
    free, width = absorbs(device), 1
    for height, adders in enumerate(plan.levels, start=1):
        luts += row_luts(device, len(adders), width)
        bits = {"a": width, "b": width, "c": 1, "s": width + 1}
        luts += sum(
            bits[place]
            for adder in adders
            for place in PLACES
            if place not in free and adder.flip(place) is not None
        )
        width = plan.width_bits(height)
        if is_registered(height, levels_per_stage):
            flip_flops += len(adders) * width + len(plan.flips_behind(height))
            if len(plan.operands[height - 1]) % 2:
                flip_flops += plan.operands[height - 1][-1].lanes.bit_length()
            input_flip_flops += len(plan.lanes_behind(height))
    if not plan.levels:
        flip_flops += 1 + len(plan.flips_behind(0))
    luts += sum(node.lanes.bit_length() for node in plan.early_flips)
    luts += plan.root.lanes.bit_length() if plan.root_flip is not None else 0
    return MatchParts(luts, flip_flops, input_flip_flops)


def heap_parts(lanes: int, levels_per_stage: int) -> MatchParts:
    """A :class:`~xnorflow.hw.popcount.heap_counter.HeapCounter`."""
    heights, height = first_heights(lanes), 0
    luts, flip_flops = first_pairs(lanes) + lanes // 3, sum(heights)
    while max(heights) > MOST_ROWS:
        steps = next_steps(heights)
        luts += sum(step.counters * step.kind.luts for step in steps)
        heights, height = next_heights(heights, steps), height + 1
        if height % levels_per_stage == 0:
            flip_flops += sum(heights)
    width = lanes.bit_length()
    luts += width - next((n for n, rows in enumerate(heights) if rows > 1), width)
    if (height + 1) % levels_per_stage == 0:
        flip_flops += width
    return MatchParts(luts, flip_flops, 0)
