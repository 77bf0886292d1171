# SPDX-License-Identifier: Apache-2.0
"""Amaranth's RTLIL as a list of modules, and what is done to whole modules.

RTLIL text has one statement a line, and Amaranth calls modules by their path
(``accelerator.fc1.weight_memory``), so that a design can be taken apart, made readable and put
together again line by line, before Yosys sees it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["RtlilModule", "join_modules", "keep_wires", "merge_equal", "modules_of", "name_modules"]


@dataclass(frozen=True, slots=True)
class RtlilModule:
    """A module.

    Parameters
    ----------
    path
        Names of the instances from the top to the module, joined by dots: its name.
    head
        Attributes before the line ``module``.
    body
        All lines between that line and ``end``.
    """

    path: str
    head: str
    body: str

    @property
    def text(self) -> str:
        """The module as RTLIL."""
        return f"{self.head}module \\{self.path}\n{self.body}end\n\n"


MODULE = re.compile(r"((?:^attribute .*\n)*)^module \\(\S+)\n((?:.*\n)*?)^end\n", re.MULTILINE)
INSTANCE = re.compile(r"^  cell \\(\S+)", re.MULTILINE)
WIRE = re.compile(r"^  wire width \d+(?: signed)? \\(\S+)$", re.MULTILINE)


def modules_of(rtlil: str) -> tuple[RtlilModule, ...]:
    """All modules in ``rtlil``, the top module first."""
    return tuple(
        RtlilModule(path=match[2], head=match[1], body=match[3]) for match in MODULE.finditer(rtlil)
    )


def join_modules(modules: Iterable[RtlilModule]) -> str:
    """RTLIL of all ``modules``."""
    return "".join(module.text for module in modules)


def with_instances(module: RtlilModule, names: dict[str, str]) -> RtlilModule:
    """``module`` with the modules that it has instances of renamed."""
    body = INSTANCE.sub(lambda m: f"  cell \\{names.get(m[1], m[1])}", module.body)
    return replace(module, body=body)


def keep_wires(modules: tuple[RtlilModule, ...], names: Iterable[str]) -> tuple[RtlilModule, ...]:
    """``modules`` with the attribute ``keep`` on the wires of the top module called ``names``.

    Amaranth's own attributes would not do: it puts them on every wire of the same value.
    """
    wanted = set(names)

    def marked(match: re.Match[str]) -> str:
        return f"  attribute \\keep 1\n{match[0]}" if match[1] in wanted else match[0]

    top, *others = modules
    return (replace(top, body=WIRE.sub(marked, top.body)), *others)


def merge_equal(modules: tuple[RtlilModule, ...]) -> tuple[RtlilModule, ...]:
    """``modules`` with one module for all equal siblings (``dot_product_0``, ``_1``, ...).

    It is called without the number. Modules with memories stay apart: their contents differ.
    """
    while True:
        groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for module in modules:
            if "  memory width " not in module.body:
                groups[module.path.rpartition(".")[0], module.body].append(module.path)
        taken = {module.path for module in modules}
        names: dict[str, str] = {}
        for paths in groups.values():
            if len(paths) > 1:
                common = re.sub(r"_\d+$", "", paths[0])
                shared = paths[0] if common in taken else common
                taken.add(shared)
                names |= dict.fromkeys(paths, shared)
        if not names:
            return modules
        dropped = {path for paths in groups.values() for path in paths[1:]}
        modules = tuple(
            with_instances(replace(module, path=names.get(module.path, module.path)), names)
            for module in modules
            if module.path not in dropped
        )


def name_modules(modules: tuple[RtlilModule, ...]) -> dict[str, str]:
    """A plain name for each path: what is below the top, ``fc1_weight_memory``."""
    names: dict[str, str] = {}
    for module in modules:
        name = "_".join(module.path.split(".")[1:]) or module.path
        while name in names.values():
            name += "_"
        names[module.path] = name
    return names


def renamed(modules: tuple[RtlilModule, ...], names: dict[str, str]) -> tuple[RtlilModule, ...]:
    """``modules`` under the given ``names``."""
    return tuple(
        with_instances(replace(module, path=names[module.path]), names) for module in modules
    )
