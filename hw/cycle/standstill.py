# SPDX-License-Identifier: Apache-2.0
"""Why a design stands still: who waits for whom."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.hw.cycle.design import Design, Memory

__all__ = ["Standstill", "Wait", "standstill_of"]


@dataclass(frozen=True, slots=True)
class Wait:
    """A unit that waits for another one.

    Parameters
    ----------
    unit
        Layer, or ``m_axis``, that waits.
    other
        Layer that it waits for.
    for_beat
        Whether it waits for a beat, or for its own beat to be taken.
    """

    unit: str
    other: str
    for_beat: bool

    def __str__(self) -> str:
        if self.unit == self.other:
            return f"{self.unit} has no room for the beat that it waits for"
        if self.for_beat:
            return f"{self.unit} waits for a beat of {self.other}"
        return f"{self.unit} has a beat that {self.other} does not take"


@dataclass(frozen=True, slots=True)
class Standstill:
    """A design in which nothing moves any more.

    Parameters
    ----------
    cycle
        Last cycle in which a beat moved, -1 if none did.
    frames_done
        Frames that have left the design.
    waits
        From the output on, who waits for whom.
    loop
        Place in ``waits`` of the unit for which the last one waits.
    """

    cycle: int
    frames_done: int
    waits: tuple[Wait, ...]
    loop: int

    @property
    def circle(self) -> tuple[Wait, ...]:
        """Those that wait for each other."""
        return self.waits[self.loop :]

    def __str__(self) -> str:
        circle = "; ".join(map(str, self.circle))
        return f"standstill after cycle {self.cycle}, {self.frames_done} frames have left: {circle}"


def standstill_of(design: Design, memory: Memory, frames: int) -> Standstill | None:
    """Why not all frames left, or None if they did.

    Parameters
    ----------
    design, memory
        After a run.
    frames
        Frames that were sent.
    """
    (last,) = design.units[-1].inputs
    moved = memory.channel_field(last, "moved")
    beats = design.channels[last].beats
    if moved == frames * beats:
        return None
    waits: list[Wait] = []
    seen: dict[int, int] = {}
    unit = len(design.units) - 1
    while unit not in seen:
        seen[unit] = len(waits)
        wait, unit = wait_of(unit, design, memory)
        waits.append(wait)
    cycle = max(int(memory.moves(number, frames).max()) for number in range(len(design.channels)))
    return Standstill(cycle, moved // beats, tuple(waits), seen[unit])


def wait_of(unit: int, design: Design, memory: Memory) -> tuple[Wait, int]:
    """What a unit waits for, and the number of the unit that it waits for."""
    waits_for = memory.unit_field(unit, "waits_for")
    number = memory.channel_at(abs(waits_for))
    channel = design.channels[number]
    name = design.units[unit].name
    if waits_for < 0:
        return Wait(name, design.units[channel.reader].name, for_beat=False), channel.reader
    has_beat = memory.channel_field(number, "pushed") > memory.channel_field(number, "moved")
    if has_beat:
        return Wait(name, name, for_beat=True), unit
    maker = channel.maker
    return Wait(name, design.units[maker].name, for_beat=True), maker
