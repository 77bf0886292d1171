# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code="misc, untyped-decorator"
"""What all machines do: offer, move and push beats, and take steps between pauses."""

from __future__ import annotations

from typing import Any

from numba import int64, types
from numba.extending import intrinsic

from xnorflow.hw.cycle.layout import (
    ENTERED,
    FLIGHT_MASK,
    FLIGHT_RING,
    MOVED,
    MOVES,
    OUTPUT,
    OWN_TIME,
    PAUSE,
    PUSH_MASK,
    PUSH_PAUSES,
    PUSH_RING,
    PUSHED,
    STAGES,
    STEP_PAUSES,
    STEPS,
    WAITS_FOR,
)
from xnorflow.numba_cache import inlined

__all__ = [
    "GAVE",
    "TOOK",
    "give",
    "has_beat",
    "move",
    "offer",
    "pointer_to",
    "push",
    "push_flight",
    "step",
]

TOOK, GAVE = 1, 2
"""What a machine did, for its neighbours."""


@intrinsic
def pointer_to(_context: Any, address: Any) -> Any:
    """Words at an address. Bounds and reference counts of arrays would take most of the time."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(int64)(address), generate


@inlined
def has_beat(m: Any, channel: Any) -> Any:
    """Whether a beat has been pushed that has not moved."""
    return m[channel + PUSHED] > m[channel + MOVED]


@inlined
def offer(m: Any, channel: Any) -> Any:
    """First cycle in which the next beat, which has been pushed, is offered."""
    beat = m[channel + MOVED]
    pushed = m[m[channel + PUSH_RING] + (beat & m[channel + PUSH_MASK])]
    # The word before the first move is -1.
    return max(pushed, m[m[channel + MOVES] + beat - 1]) + 1


@inlined
def move(m: Any, channel: Any, cycle: Any) -> None:
    """Let the next beat move in ``cycle``."""
    beat = m[channel + MOVED]
    m[m[channel + MOVES] + beat] = cycle
    m[channel + MOVED] = beat + 1


@inlined
def push(m: Any, channel: Any, cycle: Any) -> None:
    """Push the next beat in ``cycle``."""
    beat = m[channel + PUSHED]
    m[m[channel + PUSH_RING] + (beat & m[channel + PUSH_MASK])] = cycle
    m[channel + PUSHED] = beat + 1


@inlined
def push_flight(m: Any, unit: Any) -> Any:
    """Push what is in the pipeline, as far as the pauses before are known."""
    output = m[unit + OUTPUT]
    ring, mask, moves = m[output + PUSH_RING], m[output + PUSH_MASK], m[output + MOVES]
    flight, flight_mask = m[unit + FLIGHT_RING], m[unit + FLIGHT_MASK]
    first = m[output + PUSHED]
    last = min(m[unit + ENTERED], m[output + MOVED] + 2)
    pauses = m[unit + PUSH_PAUSES]
    for beat in range(first, last):
        if beat >= 2:
            pauses += max(0, m[moves + beat - 2] - m[ring + ((beat - 1) & mask)])
        m[ring + (beat & mask)] = m[flight + (beat & flight_mask)] + pauses
    if last <= first:
        return 0
    m[unit + PUSH_PAUSES] = pauses
    m[output + PUSHED] = last
    return GAVE


@inlined
def step(m: Any, unit: Any, count: Any, ready: Any) -> Any:
    """The cycle in which ``count`` more steps have been taken, the last one not before ``ready``.

    -1 if it depends on beats that have not moved yet.
    """
    own_time = m[unit + OWN_TIME] + count
    pauses = m[unit + STEP_PAUSES]
    cycle = max(own_time + pauses, ready)
    output = m[unit + OUTPUT]
    beat, pushed = m[unit + PAUSE], m[output + PUSHED]
    if beat < pushed:
        ring, mask, moves = m[output + PUSH_RING], m[output + PUSH_MASK], m[output + MOVES]
        moved = m[output + MOVED]
        while beat < pushed:
            start = m[ring + (beat & mask)]
            if start >= cycle:
                break
            if beat > moved:
                m[unit + PAUSE] = beat
                m[unit + STEP_PAUSES] = pauses
                m[unit + WAITS_FOR] = -output
                return -1
            end = m[moves + beat - 1]
            if end > start:
                pauses += end - start
                cycle = max(own_time + pauses, ready, end + 1)
            beat += 1
        m[unit + PAUSE] = beat
        m[unit + STEP_PAUSES] = pauses
    m[unit + OWN_TIME] = cycle - pauses
    m[unit + STEPS] += count
    return cycle


@inlined
def give(m: Any, unit: Any) -> Any:
    """Let a beat enter the pipeline in the last step."""
    beat = m[unit + ENTERED]
    place = m[unit + FLIGHT_RING] + (beat & m[unit + FLIGHT_MASK])
    m[place] = m[unit + OWN_TIME] + m[unit + STAGES]
    m[unit + ENTERED] = beat + 1
    return push_flight(m, unit)
