# SPDX-License-Identifier: Apache-2.0
"""Names of ports and wires that a person can follow.

Amaranth names a value after the first signal that has it in the module, and numbers what is left
over. So the port ``i.payload`` of a layer may come out as ``i__payload$17``, because the inside of
the module has an ``i.payload`` too, or as ``capture``. Here, in every module:

- a port gets the best of its names: a member of a stream in the right direction first, then a
  plain name without a number;
- a wire whose name has a number, or is that of another component's member, gets another name of
  its value that has and is not; else one that leads to a port of an instance is called after both
  (``replay_beat``), and data read from a memory after the memory (``weights_data``);
- no name needs a backslash in Verilog: ``codes[0]`` becomes ``codes_0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xnorflow.hw.emit.rtlil_modules import RtlilModule

__all__ = ["readable"]

PORT = re.compile(r"^  wire width (\d+) (input|output) \d+ +(?:signed )?\\(\S+)$", re.MULTILINE)
WIRE = re.compile(r"^  wire width (\d+) (?:signed )?\\(\S+)$", re.MULTILINE)
ALIAS = re.compile(r"^connect \\(\S+) \\(\S+) \[(?:(\d+):)?(\d+)\]$", re.MULTILINE)
CELL = re.compile(r"^  cell (\S+) (\S+)\n((?:    .*\n)*)  end\n", re.MULTILINE)
WHOLE = re.compile(r"^    connect \\(\S+) \\(\S+)(?: \[(?:(\d+):)?(\d+)\])?$", re.MULTILINE)
MEMORY = re.compile(r'^    parameter \\MEMID "\\\\(\w+)"$', re.MULTILINE)
TOKEN = re.compile(r"\\(\S+)")
NUMBER = re.compile(r"\$\d+$")

STREAM_PORTS = {
    "input": re.compile(r"i__(valid|payload)|o__ready"),
    "output": re.compile(r"o__(valid|payload)|i__ready"),
}

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Port:
    """A port, and all names of its value in the module."""

    name: str
    direction: str
    names: tuple[str, ...]


def readable(modules: tuple[RtlilModule, ...]) -> tuple[RtlilModule, ...]:
    """``modules`` with better names; those of the top module's ports and wires stay."""
    top, *others = modules
    ports = {module.path: port_names(module) for module in others}
    inner = {module.path: wire_names(module, ports) for module in others}
    return (
        replace(top, body=renamed_body(top.body, {}, ports)),
        *(replace(m, body=renamed_body(m.body, inner[m.path], ports)) for m in others),
    )


def port_names(module: RtlilModule) -> Names:
    """New name of each port of ``module``."""
    names: dict[str, str] = {}
    for port in ports_of(module.body):
        best = min(port.names, key=lambda name: rank(name, port.direction))
        plain = NUMBER.sub("", best)
        names[port.name] = best if plain in names.values() else plain
    return names


def ports_of(body: str) -> list[Port]:
    """The ports that ``body`` declares."""
    widths = {match[3]: int(match[1]) for match in PORT.finditer(body)}
    names: dict[str, list[str]] = {name: [name] for name in widths}
    for alias, name, high, low in ALIAS.findall(body):
        if name in widths and int(low) == 0 and int(high or 0) == widths[name] - 1:
            names[name].append(alias)
    return [Port(m[3], m[2], tuple(names[m[3]])) for m in PORT.finditer(body)]


def rank(name: str, direction: str) -> int:
    """How well ``name`` suits a port: less is better."""
    if STREAM_PORTS[direction].fullmatch(NUMBER.sub("", name)):
        return 0
    if "__" in name or "[" in name:
        return 3
    return 2 if re.search(r"[_$]\d+$", name) else 1


def wire_names(module: RtlilModule, ports: Mapping[str, Names]) -> Names:
    """New names of ports and wires of ``module``."""
    names = dict(ports[module.path])
    taken = set(names.values())
    for wire, wish in wishes(module.body, ports):
        if wire not in names and wish not in taken:
            names[wire] = wish
            taken.add(wish)
    for match in WIRE.finditer(module.body):
        if (wire := match[2]) not in names:
            names[wire] = fresh(re.sub(r"\W+", "_", wire).strip("_"), taken)
            taken.add(names[wire])
    return names


def wishes(body: str, ports: Mapping[str, Names]) -> Iterable[tuple[str, str]]:
    """Wires with names that say little, and better names for them."""
    widths = {match[2]: int(match[1]) for match in WIRE.finditer(body)}
    for alias, wire, high, low in ALIAS.findall(body):
        covers = int(low) == 0 and int(high or 0) == widths.get(wire, 0) - 1
        if covers and says_little(wire) and not says_little(alias):
            yield wire, alias
    for kind, instance, lines in CELL.findall(body):
        for port, wire, high, low in WHOLE.findall(lines):
            covers = not low or (int(low) == 0 and int(high or 0) == widths.get(wire, 0) - 1)
            if wire not in widths or not covers or not says_little(wire):
                continue
            if kind[1:] in ports:
                yield wire, f"{instance[1:]}_{ports[kind[1:]].get(port, port)}"
            elif port == "DATA" and (memory := MEMORY.search(lines)):
                yield wire, f"{memory[1]}_data"


def says_little(wire: str) -> bool:
    """Whether Amaranth has numbered ``wire`` or called it after another component's member."""
    return "__" in wire or re.search(r"[$\[]", wire) is not None


def fresh(name: str, taken: set[str]) -> str:
    """``name``, with a number if it is ``taken``."""
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def renamed_body(body: str, names: Names, ports: Mapping[str, Names]) -> str:
    """``body`` with its own signals renamed by ``names``, ports of instances by ``ports``."""

    def token(match: re.Match[str]) -> str:
        return f"\\{names.get(match[1], match[1])}"

    lines: list[str] = []
    of_instance: Names | None = None
    for line in body.splitlines(keepends=True):
        if line.startswith("  cell "):
            of_instance = ports.get(line.split()[1][1:], {})
        elif line.startswith("    connect \\") and of_instance is not None:
            _, port, signal = line.strip().split(None, 2)
            port = of_instance.get(port[1:], port[1:])
            lines.append(f"    connect \\{port} {TOKEN.sub(token, signal)}\n")
            continue
        elif line == "  end\n":
            of_instance = None
        elif not line.lstrip().startswith(("parameter", "attribute", "memory")):
            line = TOKEN.sub(token, line)
        lines.append(line)
    return "".join(lines)
