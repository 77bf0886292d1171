# SPDX-License-Identifier: Apache-2.0
"""In which order the parts of a netlist are evaluated, and in which slot each net is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xnorflow.errors import SimulationError
from xnorflow.sim.gates.netlist import ONE, ZERO, Gate, Memory, Netlist, ReadPort

__all__ = ["Read", "Schedule", "Step", "schedule"]


@dataclass(frozen=True, slots=True)
class Read:
    """A read of the memory with this number."""

    memory: int
    port: ReadPort


Step = Gate | Read


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps of an evaluation, and where nets are kept.

    Parameters
    ----------
    steps
        Every gate and read that something depends on, behind those that it depends on.
    targets
        For each step, slots of its outputs, in a row: the first one.
    sources
        For each step, slots of its inputs.
    held
        Flip-flop outputs that another flip-flop takes on directly, and slots of their copies:
        these are made before the clock edge.
    slots
        Slot of each net that is there at the clock edge.
    slot_count
        Slots in all.
    """

    steps: tuple[Step, ...]
    targets: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]
    held: dict[int, int]
    slots: dict[int, int]
    slot_count: int


def schedule(netlist: Netlist) -> Schedule:
    """Order the steps so that few values wait for their use at a time, and share out the slots.

    A slot whose value was used for the last time is given to the next gate, so the values in use
    stay in the fastest cache.
    """
    steps = ordered(netlist)
    kept = nets_at_edge(netlist)
    places = Places(netlist, steps, kept)
    targets, sources = [], []
    for step in steps:
        inputs = inputs_of(step)
        sources.append(tuple(places.slots[net] for net in inputs))
        places.release(inputs)
        targets.append(places.take(outputs_of(step)))
    held = {net: places.fresh() for net in sorted(held_nets(netlist))}
    return Schedule(tuple(steps), tuple(targets), tuple(sources), held, places.slots, places.count)


class Places:
    """Slots in use."""

    def __init__(self, netlist: Netlist, steps: Iterable[Step], kept: Iterable[int]) -> None:
        self.slots = {ZERO: ZERO, ONE: ONE}
        self.count = 2
        self.free: list[int] = []
        self.uses = Counter(net for step in steps for net in inputs_of(step))
        self.uses.update(kept)  # never used up
        for nets in netlist.inputs.values():
            for net in nets:
                self.hold(net)
        for flip_flop in netlist.flip_flops:
            self.hold(flip_flop.output)

    def fresh(self) -> int:
        """A slot that was never used."""
        self.count += 1
        return self.count - 1

    def hold(self, net: int) -> None:
        """A slot for a net that keeps its value from evaluation to evaluation."""
        self.slots[net] = self.fresh()
        self.uses[net] += 1

    def take(self, nets: tuple[int, ...]) -> int:
        """Slots in a row for ``nets``; the first one."""
        if len(nets) == 1:
            slot = self.free.pop() if self.free else self.fresh()
            self.slots[nets[0]] = slot
            return slot
        first = self.count
        for net in nets:
            self.hold(net)
        return first

    def release(self, nets: Iterable[int]) -> None:
        """Note that a step uses ``nets``."""
        for net in nets:
            self.uses[net] -= 1
            if not self.uses[net] and net not in (ZERO, ONE):
                self.free.append(self.slots[net])


def inputs_of(step: Step) -> tuple[int, ...]:
    """Nets that the step needs."""
    return step.inputs if isinstance(step, Gate) else step.port.address


def outputs_of(step: Step) -> tuple[int, ...]:
    """Nets that the step gives."""
    return (step.output,) if isinstance(step, Gate) else step.port.data


def nets_at_edge(netlist: Netlist) -> Iterator[int]:
    """Nets that are looked at after the evaluation, groups of flip-flops side by side."""
    for nets in netlist.outputs.values():
        yield from nets
    for memory in netlist.memories:
        for port in memory.writes:
            yield from (*port.enable, *port.address, *port.data)
    for flip_flop in netlist.flip_flops:
        yield flip_flop.enable
        yield flip_flop.data


def held_nets(netlist: Netlist) -> set[int]:
    """Outputs of flip-flops that others (or they themselves, as enable) look at at the edge."""
    outputs = {flip_flop.output for flip_flop in netlist.flip_flops}
    looked_at = {net for flop in netlist.flip_flops for net in (flop.data, flop.enable)}
    return outputs & looked_at


def ordered(netlist: Netlist) -> list[Step]:
    """Every step that is needed, behind what it needs, as late as its first reader wants it."""
    drivers = drivers_of(netlist)
    done: set[int] = set()
    steps: list[Step] = []
    for net in nets_at_edge(netlist):
        if net in drivers and net not in done:
            visit(net, drivers, done, steps)
    return steps


def drivers_of(netlist: Netlist) -> dict[int, Step]:
    """What drives each net that a gate or a memory drives."""
    drivers: dict[int, Step] = {gate.output: gate for gate in netlist.gates}
    for number, memory in enumerate(netlist.memories):
        for port in memory.reads:
            drivers |= dict.fromkeys(port.data, Read(number, port))
    return drivers


def visit(root: int, drivers: dict[int, Step], done: set[int], steps: list[Step]) -> None:
    """Append the driver of ``root`` behind everything that it needs."""
    waiting = [(drivers[root], iter(inputs_of(drivers[root])))]
    under_way = set(outputs_of(drivers[root]))
    while waiting:
        step, rest = waiting[-1]
        for net in rest:
            if net in under_way:
                raise SimulationError(f"the netlist has a loop of gates, through net {net}")
            if net in drivers and net not in done:
                under_way.update(outputs_of(drivers[net]))
                waiting.append((drivers[net], iter(inputs_of(drivers[net]))))
                break
        else:
            waiting.pop()
            steps.append(step)
            done.update(outputs_of(step))
            under_way.difference_update(outputs_of(step))


def row_bytes(memory: Memory) -> bytes:
    """The initial rows in whole bytes each, least significant bit first."""
    width = memory.width
    bits = memory.init.ljust(memory.size * width, "0")
    rows = (bits[start : start + width] for start in range(0, len(bits), width))
    return b"".join(int(row[::-1], 2).to_bytes(-(-width // 8), "little") for row in rows)
