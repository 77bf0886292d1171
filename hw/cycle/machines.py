# SPDX-License-Identifier: Apache-2.0
# mypy: disable-error-code="misc, untyped-decorator"
"""Compiled machines, one for each kind of control, and the loop that runs them.

Time is not stepped. Each machine gives its beats their cycles one after the other, as far as it
knows what they depend on, and wakes its neighbours; a machine that can go no further waits until
one of them wakes it. What comes out does not depend on the order in which they run.

**Memory.** All machines live in one array ``m`` of 64-bit words: records of units and channels,
rings, lists and tables, and the cycle of every move. A unit or a channel is the place of its
record; the fields of records are named constants.

**Channels.** Between a maker and a reader of a stream. The maker *pushes* beat ``n`` in cycle
``t[n]``, the reader *moves* it in cycle ``o[n]``. It is offered from cycle
``max(t[n], o[n - 1]) + 1`` on.

**Output buffers** hold two beats. While two are there, everything before them stands still: after
beat ``n`` was pushed, from cycle ``t[n] + 1`` to ``o[n - 1]``. Between these pauses a pipeline
moves as a whole, so in its *own time*, which leaves them out, every beat takes the same number of
cycles from its step to its push.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorflow.hw.cycle.flow import (
    GAVE,
    TOOK,
    give,
    has_beat,
    move,
    offer,
    pointer_to,
    push,
    push_flight,
    step,
)
from xnorflow.hw.cycle.layout import (
    ALL_INPUTS,
    BUFFER,
    CONVERTER,
    COPIES,
    DEPTH,
    FRAME,
    FREED,
    FREED_MASK,
    FREED_RING,
    FREES_SHIFT,
    GIVES,
    INPUT_BEATS,
    INPUT_COUNT,
    INPUTS,
    IS_QUEUED,
    KIND,
    MAKER,
    MOVED,
    MOVES,
    OUTPUT,
    OUTPUT_COUNT,
    OUTPUT_GROUPS,
    PASS,
    PASSES,
    PERIOD,
    PIPELINE,
    PLACE,
    PORT_SHIFT,
    PUSH_MASK,
    PUSH_RING,
    PUSHED,
    READER,
    REPLAY,
    SOURCE,
    STORAGE,
    TABLE,
    TAKES,
    WAITS,
    WAITS_FOR,
)
from xnorflow.numba_cache import compile_cached, inlined

__all__ = ["run"]


@inlined
def run_pipeline(m: Any, unit: Any) -> Any:
    """Steps of a table."""
    did = push_flight(m, unit)
    while True:
        what = m[m[unit + TABLE] + m[unit + PLACE]]
        first, last = m[unit + INPUTS], m[unit + INPUTS] + m[unit + INPUT_COUNT]
        if m[unit + ALL_INPUTS] == 0:
            first += what >> PORT_SHIFT
            last = first + 1
        ready = 0
        if what & WAITS:
            for port in range(first, last):
                channel = m[port]
                if not has_beat(m, channel):
                    m[unit + WAITS_FOR] = channel
                    return did
                ready = max(ready, offer(m, channel))
        cycle = step(m, unit, 1, ready)
        if cycle < 0:
            return did
        if what & TAKES:
            for port in range(first, last):
                move(m, m[port], cycle)
            did |= TOOK
        if what & GIVES:
            did |= give(m, unit)
        place = m[unit + PLACE] + 1
        m[unit + PLACE] = place if place < m[unit + PERIOD] else 0


@inlined
def accept(m: Any, unit: Any) -> Any:
    """Take beats into a memory as far as it has room."""
    channel = m[m[unit + INPUTS]]
    did = 0
    while has_beat(m, channel):
        cycle = offer(m, channel)
        place = m[channel + MOVED] - m[unit + DEPTH]
        if place >= 0:
            if m[unit + FREED] <= place:
                break
            cycle = max(cycle, m[m[unit + FREED_RING] + (place & m[unit + FREED_MASK])] + 1)
        move(m, channel, cycle)
        did = TOOK
    return did


@inlined
def free(m: Any, unit: Any, count: Any, cycle: Any) -> None:
    """Note that ``count`` more places became free in ``cycle``."""
    freed = m[unit + FREED]
    for place in range(freed, freed + count):
        m[m[unit + FREED_RING] + (place & m[unit + FREED_MASK])] = cycle
    m[unit + FREED] = freed + count


@inlined
def written(m: Any, unit: Any, need: Any) -> Any:
    """First cycle in which beat ``need - 1`` can be read; -1 if it has not come."""
    channel = m[m[unit + INPUTS]]
    if m[channel + MOVED] < need:
        m[unit + WAITS_FOR] = channel
        return -1
    return m[m[channel + MOVES] + need - 1] + 1


@inlined
def run_storage(m: Any, unit: Any) -> Any:
    """Reads of a table."""
    did = push_flight(m, unit) | accept(m, unit)
    table, period = m[unit + TABLE], m[unit + PERIOD]
    while True:
        place = m[unit + PLACE]
        need = m[unit + FRAME] * m[unit + INPUT_BEATS] + m[table + place]
        ready = written(m, unit, need)
        cycle = step(m, unit, 1, ready) if ready >= 0 else -1
        if cycle < 0:
            took = accept(m, unit)
            if not took:
                return did
            did |= took
            continue
        what = m[table + period + place]
        if what >> FREES_SHIFT:
            free(m, unit, what >> FREES_SHIFT, cycle)
        if what & GIVES:
            did |= give(m, unit)
        m[unit + PLACE] = place + 1
        if place + 1 == period:
            m[unit + PLACE] = 0
            m[unit + FRAME] += 1


@inlined
def run_replay(m: Any, unit: Any) -> Any:
    """Passes over vectors: the first one waits for beats, the last one frees them."""
    beats, passes = m[unit + INPUT_BEATS], m[unit + PASSES]
    did = push_flight(m, unit) | accept(m, unit)
    while True:
        number, place = m[unit + PASS], m[unit + PLACE]
        count = 1 if number == 0 or number == passes - 1 else beats
        ready = 0
        if number == 0:
            ready = written(m, unit, m[unit + FRAME] * beats + place + 1)
        cycle = step(m, unit, count, ready) if ready >= 0 else -1
        if cycle < 0:
            took = accept(m, unit)
            if not took:
                return did
            did |= took
            continue
        if number == passes - 1:
            free(m, unit, 1, cycle)
        m[unit + PLACE] = place + count
        if place + count == beats:
            did |= give(m, unit)
            m[unit + PLACE] = 0
            m[unit + PASS] = number + 1
            if number + 1 == passes:
                m[unit + PASS] = 0
                m[unit + FRAME] += 1


@inlined
def accept_groups(m: Any, unit: Any) -> Any:
    """Take a beat when it fits behind the groups that wait; one given makes room at once."""
    channel, output = m[m[unit + INPUTS]], m[unit + OUTPUT]
    did = 0
    while has_beat(m, channel):
        before = m[channel + MOVED] * m[unit + INPUT_BEATS] // m[unit + OUTPUT_GROUPS]
        if m[output + PUSHED] < before:
            break
        cycle = offer(m, channel)
        if before > 0:
            last = m[m[output + PUSH_RING] + ((before - 1) & m[output + PUSH_MASK])]
            cycle = max(cycle, last)
        move(m, channel, cycle)
        did = TOOK
    return did


@inlined
def run_converter(m: Any, unit: Any) -> Any:
    """A beat is given when enough groups have come."""
    taken, given = m[unit + INPUT_BEATS], m[unit + OUTPUT_GROUPS]
    did = accept_groups(m, unit)
    while True:
        need = ((m[m[unit + OUTPUT] + PUSHED] + 1) * given + taken - 1) // taken
        ready = written(m, unit, need)
        cycle = step(m, unit, 1, ready) if ready >= 0 else -1
        if cycle < 0:
            took = accept_groups(m, unit)
            if not took:
                return did
            did |= took
            continue
        push(m, m[unit + OUTPUT], cycle)
        did |= GAVE


@inlined
def run_buffer(m: Any, unit: Any) -> Any:
    """A memory of all places but one, then the output register.

    Beat ``n`` goes from memory to register in cycle ``max(o_in[n] + 1, o_out[n - 1])``, and
    can be seen in the next one.
    """
    channel, output = m[m[unit + INPUTS]], m[unit + OUTPUT]
    moves_in, moves_out = m[channel + MOVES], m[output + MOVES]
    did = 0
    while has_beat(m, channel):
        cycle = offer(m, channel)
        before = m[channel + MOVED] - (m[unit + DEPTH] - 1)
        if before >= 0:
            if m[output + MOVED] < before:
                m[unit + WAITS_FOR] = -output
                return did
            read = max(m[moves_in + before] + 1, m[moves_out + before - 1])
            cycle = max(cycle, read + 1)
        move(m, channel, cycle)
        push(m, output, cycle + 1)
        did = TOOK | GAVE
    m[unit + WAITS_FOR] = channel
    return did


@inlined
def run_copies(m: Any, unit: Any) -> Any:
    """Each beat is offered on all ways at once, and moves when the last one has taken it."""
    channel, ways = m[m[unit + INPUTS]], m[unit + OUTPUT]
    did = 0
    while has_beat(m, channel):
        beat = m[channel + MOVED]
        offered, cycle = offer(m, channel), 0
        for place in range(ways, ways + m[unit + OUTPUT_COUNT]):
            way = m[place]
            if m[way + PUSHED] == beat:
                push(m, way, offered - 1)
                did |= GAVE
            if m[way + MOVED] == beat:
                m[unit + WAITS_FOR] = -way
                cycle = -1
            elif cycle >= 0:
                cycle = max(cycle, m[m[way + MOVES] + beat])
        if cycle < 0:
            return did
        move(m, channel, cycle)
        did |= TOOK
    m[unit + WAITS_FOR] = channel
    return did


@inlined
def next_go(cycle: Any, pauses: Any) -> Any:
    """First cycle from ``cycle`` on without a pause.

    It pauses in a cycle if the highest eight bits of ``mix(key + cycle)``, on 32 bits, are less
    than the probability; ``mix`` is the finaliser of MurmurHash3.
    """
    key, probability = pauses
    if probability == 0:
        return cycle
    while True:
        x = np.uint32((key + cycle) & 0xFFFFFFFF)
        x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        x = np.uint32((x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        x = np.uint32(x ^ (x >> np.uint32(16)))
        if (x >> np.uint32(24)) >= probability:
            return cycle
        cycle += 1


@inlined
def run_source(m: Any, unit: Any, total: Any, pace: Any, pauses: Any) -> Any:
    """Offers a beat when the last one has moved, its time has come, and there is no pause."""
    output = m[unit + OUTPUT]
    beat = m[output + MOVED]
    if beat == total or has_beat(m, output):
        m[unit + WAITS_FOR] = -output
        return 0
    cycle = m[m[output + MOVES] + beat - 1] + 1
    cycle = max(cycle, beat * pace // m[unit + INPUT_BEATS])
    push(m, output, next_go(cycle, pauses) - 1)
    return GAVE


@inlined
def run_sink(m: Any, unit: Any, pauses: Any) -> Any:
    """Takes beats, but for pauses."""
    channel = m[m[unit + INPUTS]]
    did = 0
    while has_beat(m, channel):
        move(m, channel, next_go(offer(m, channel), pauses))
        did = TOOK
    m[unit + WAITS_FOR] = channel
    return did


@inlined
def run_unit(m: Any, unit: Any, traffic: Any) -> Any:
    """Let a unit go as far as it can; tells whether it took or gave beats."""
    total, pace, source_pauses, sink_pauses = traffic
    kind = m[unit + KIND]
    if kind == PIPELINE:
        return run_pipeline(m, unit)
    if kind == STORAGE:
        return run_storage(m, unit)
    if kind == REPLAY:
        return run_replay(m, unit)
    if kind == CONVERTER:
        return run_converter(m, unit)
    if kind == BUFFER:
        return run_buffer(m, unit)
    if kind == COPIES:
        return run_copies(m, unit)
    if kind == SOURCE:
        return run_source(m, unit, total, pace, source_pauses)
    return run_sink(m, unit, sink_pauses)


@inlined
def enqueue(m: Any, queue: Any, size: Any, place: Any, unit: Any) -> Any:
    """Put a unit into the queue unless it is there; gives how many came in."""
    if m[unit + IS_QUEUED]:
        return 0
    m[unit + IS_QUEUED] = 1
    m[queue + (place if place < size else place - size)] = unit
    return 1


@compile_cached
def run(memory: Any, units: Any, queue: Any, traffic: Any) -> None:
    """Let all machines run until none can go on.

    Parameters
    ----------
    memory
        Int64, as :class:`~xnorflow.hw.cycle.design.Memory` makes it.
    units
        Places of all units.
    queue
        Place of the queue, which is as long.
    traffic
        Beats to send; cycles over which those of a frame are spread, 0 for none; key and
        probability in 1/256 of the pauses of the source, and of the sink.
    """
    m = pointer_to(memory.ctypes.data)
    size = len(units)
    for number in range(size):
        m[queue + number] = units[number]
        m[units[number] + IS_QUEUED] = 1
    head, waiting = 0, size
    while waiting > 0:
        unit = m[queue + head]
        head = head + 1 if head + 1 < size else 0
        waiting -= 1
        m[unit + IS_QUEUED] = 0
        did = run_unit(m, unit, traffic)
        if did & GAVE:
            for number in range(m[unit + OUTPUT_COUNT]):
                is_fork = m[unit + KIND] == COPIES
                output = m[m[unit + OUTPUT] + number] if is_fork else m[unit + OUTPUT]
                waiting += enqueue(m, queue, size, head + waiting, m[output + READER])
        if did & TOOK:
            for place in range(m[unit + INPUTS], m[unit + INPUTS] + m[unit + INPUT_COUNT]):
                waiting += enqueue(m, queue, size, head + waiting, m[m[place] + MAKER])
