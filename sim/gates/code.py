# SPDX-License-Identifier: Apache-2.0
"""A netlist as C++ whose every variable holds one bit of many lanes (see ``design.h``)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xnorflow.sim.gates.netlist import ONE, FlipFlop, Memory, Netlist
from xnorflow.sim.gates.schedule import Read, Schedule, Step, row_bytes, schedule
from xnorflow.sim.gates.truth import expression

__all__ = ["design_code"]

PART_STATEMENTS = 500
"""Statements of a function: compilers take more than linear time."""


def design_code(netlist: Netlist, facts: Mapping[str, Any], optional: Iterable[str] = ()) -> str:
    """The file to compile with a harness that drives the ports.

    Parameters
    ----------
    netlist
        Names of its ports must be names in C.
    facts
        What the library shall tell of its design.
    optional
        Ports that the harness knows, and the netlist may lack: of no width then.
    """
    absent = [name for name in optional if name not in {**netlist.inputs, **netlist.outputs}]
    ports = (f"extern const Port port_{name} = {{nullptr, 0}};\n" for name in absent)
    return "".join([*Writer(netlist, facts).text(), *ports])


class Writer:
    """Writes the file of one netlist."""

    def __init__(self, netlist: Netlist, facts: Mapping[str, Any]) -> None:
        self.netlist = netlist
        self.plan: Schedule = schedule(netlist)
        self.facts = facts
        self.arrays: list[str] = []

    def text(self) -> Iterator[str]:
        """All of it."""
        memories = [*self.memories()]
        evaluation = [*self.functions("evaluate", self.evaluation())]
        edge = [*self.functions("commit", self.edge())]
        first = [*self.functions("first_state", self.first_state())]
        ports = [*self.ports()]
        yield '#include "design.h"\n\n#define ZERO state[0]\n#define ONE state[1]\n\n'
        yield f"alignas(64) Word state[{self.plan.slot_count}];\n"
        yield f"const char *const facts = {json.dumps(json.dumps(self.facts))};\n"
        yield from memories
        yield from self.arrays
        yield from (*ports, *evaluation, *edge, *first)

    def ports(self) -> Iterator[str]:
        """The slots of each port."""
        for name, nets in (*self.netlist.inputs.items(), *self.netlist.outputs.items()):
            yield f"extern const Port port_{name} = {{{self.slots_of(nets)}, {len(nets)}}};\n"

    def slots_of(self, nets: Iterable[int]) -> str:
        """Name of a constant array with the slots of ``nets``."""
        return self.array(self.plan.slots[net] for net in nets)

    def array(self, values: Iterable[int]) -> str:
        """Name of a constant array."""
        name = f"slots_{len(self.arrays)}"
        text = ", ".join(map(str, values))
        self.arrays.append(f"static const int32_t {name}[] = {{{text}}};\n")
        return name

    def memories(self) -> Iterator[str]:
        """The memories, and the table of them."""
        for number, memory in enumerate(self.netlist.memories):
            yield memory_code(number, memory)
        count = len(self.netlist.memories)
        table = ", ".join(f"&memory_{number}" for number in range(count)) or "nullptr"
        yield f"const int32_t memory_count = {count};\n"
        yield f"Memory *const memories[] = {{{table}}};\n"

    def functions(self, name: str, statements: Iterator[str]) -> Iterator[str]:
        """``statements`` in functions of bounded length, and ``name`` that calls them."""
        calls: list[str] = []
        while part := [*itertools.islice(statements, PART_STATEMENTS)]:
            calls.append(f"  {name}_{len(calls)}();\n")
            yield f"\nstatic void {name}_{len(calls) - 1}() {{\n"
            yield from part
            yield "}\n"
        yield f"\nvoid {name}() {{\n"
        yield from calls
        yield "}\n"

    def evaluation(self) -> Iterator[str]:
        """All steps in order."""
        plan = self.plan
        for step, target, sources in zip(plan.steps, plan.targets, plan.sources, strict=True):
            yield self.step(step, target, sources)
        for net, copy in plan.held.items():
            yield f"  state[{copy}] = state[{plan.slots[net]}];\n"

    def step(self, step: Step, target: int, sources: tuple[int, ...]) -> str:
        """The statement of a step."""
        if isinstance(step, Read):
            address = self.array(sources)
            return f"  read_memory(&memory_{step.memory}, {address}, {len(sources)}, {target});\n"
        names = [f"state[{slot}]" for slot in sources]
        return f"  state[{target}] = {expression(step.table, len(names)).format(*names)};\n"

    def edge(self) -> Iterator[str]:
        """What the clock edge does: memories first, which look at flip-flops."""
        for number, memory in enumerate(self.netlist.memories):
            for port in memory.writes:
                address, data, enable = map(self.slots_of, (port.address, port.data, port.enable))
                yield (
                    f"  write_memory(&memory_{number}, {address}, {len(port.address)}, "
                    f"{data}, {enable});\n"
                )
        for net, flip_flops in self.groups():
            if net == ONE:
                yield from (
                    f"  state[{self.plan.slots[flop.output]}] = state[{self.at_edge(flop.data)}];\n"
                    for flop in flip_flops
                )
            else:
                yield self.group(self.at_edge(net), flip_flops)

    def groups(self) -> Iterator[tuple[int, list[FlipFlop]]]:
        """Flip-flops with the same enable, at most :data:`PART_STATEMENTS` together."""
        by_enable: dict[int, list[FlipFlop]] = {}
        for flop in self.netlist.flip_flops:
            by_enable.setdefault(flop.enable, []).append(flop)
        for enable, flops in by_enable.items():
            for start in range(0, len(flops), PART_STATEMENTS):
                yield enable, flops[start : start + PART_STATEMENTS]

    def group(self, enable: int, flip_flops: list[FlipFlop]) -> str:
        """Flip-flops that often all keep their values."""
        lines = [f"  if (is_any({enable})) {{\n"]
        for flop in flip_flops:
            slot, data = self.plan.slots[flop.output], self.at_edge(flop.data)
            chosen = f"MUX(state[{enable}], state[{slot}], state[{data}])"
            lines.append(f"    state[{slot}] = {chosen};\n")
        return "".join([*lines, "  }\n"])

    def at_edge(self, net: int) -> int:
        """Slot of ``net`` as it was before the clock edge."""
        return self.plan.held.get(net, self.plan.slots[net])

    def first_state(self) -> Iterator[str]:
        """The values before the first clock edge."""
        for flop in self.netlist.flip_flops:
            yield f"  state[{self.plan.slots[flop.output]}] = {'ONE' if flop.init else 'ZERO'};\n"


def memory_code(number: int, memory: Memory) -> str:
    """A memory and its contents."""
    octets = row_bytes(memory)
    rows = "nullptr"
    text = ""
    if memory.writes:
        rows = f"rows_{number}"
        text += f"alignas(64) static Word {rows}[{memory.size * memory.width}];\n"
    text += f"static const uint8_t init_{number}[] = {{{', '.join(map(str, octets))}}};\n"
    fields = f"{memory.size}, {memory.width}, {memory.offset}, init_{number}, {rows}"
    return text + f"static Memory memory_{number} = {{{fields}}};\n"
