# SPDX-License-Identifier: Apache-2.0
"""Layout of the memory of the cycle model: kinds of machines, fields of records, bits of steps."""

from __future__ import annotations

GIVES, TAKES, WAITS, PORT_SHIFT = 1, 2, 4, 3
"""Bits of a step; its port is in those from ``PORT_SHIFT`` on."""

FREES_SHIFT = 1
"""A read of a storage has ``GIVES`` as its lowest bit; above it stands how many places it frees."""

KINDS = ("pipeline", "storage", "replay", "converter", "buffer", "copies", "source", "sink")
"""Machines, in the order of their numbers."""

PIPELINE, STORAGE, REPLAY, CONVERTER, BUFFER, COPIES, SOURCE, SINK = range(len(KINDS))

UNIT_FIELDS = (
    "kind",
    "inputs",  # place of the list of input channels
    "input_count",
    "output",  # the channel; of copies the place of a list
    "output_count",
    "is_queued",
    "stages",
    "table",  # place of its steps, or of its needs, behind which is what reads do
    "period",  # steps, or reads of a round
    "all_inputs",  # whether each step is about all inputs
    "input_beats",  # of a round; of a replay, of a vector; of a converter, groups of a beat
    "output_groups",
    "depth",
    "passes",
    "freed_ring",  # cycles in which places of a memory became free
    "freed_mask",
    "flight_ring",  # beats in the pipeline
    "flight_mask",
    # What follows changes.
    "place",  # in the period
    "frame",
    "pass",
    "own_time",  # of the last step
    "pause",  # number of the next pause for steps
    "step_pauses",  # cycles of all pauses before the next step
    "push_pauses",  # cycles of all pauses before the next push
    "entered",  # beats that entered the pipeline
    "freed",
    "steps",
    "waits_for",  # a channel, for a beat; minus a channel, for its reader
)
(
    KIND, INPUTS, INPUT_COUNT, OUTPUT, OUTPUT_COUNT, IS_QUEUED, STAGES, TABLE, PERIOD, ALL_INPUTS,
    INPUT_BEATS, OUTPUT_GROUPS, DEPTH, PASSES, FREED_RING, FREED_MASK, FLIGHT_RING, FLIGHT_MASK,
    PLACE, FRAME, PASS, OWN_TIME, PAUSE, STEP_PAUSES, PUSH_PAUSES, ENTERED, FREED, STEPS, WAITS_FOR,
) = range(len(UNIT_FIELDS))  # fmt: skip

CHANNEL_FIELDS = ("maker", "reader", "moves", "push_ring", "push_mask", "pushed", "moved")
MAKER, READER, MOVES, PUSH_RING, PUSH_MASK, PUSHED, MOVED = range(len(CHANNEL_FIELDS))
