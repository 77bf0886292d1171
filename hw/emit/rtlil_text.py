# SPDX-License-Identifier: Apache-2.0
"""What is done to Amaranth's RTLIL before Yosys turns it into Verilog.

RTLIL text has one statement a line, and Amaranth calls modules by their path
(``accelerator.fc1.weight_memory``), so names and memories can be handled here, line by line,
without a parser and before millions of bits of weights pass through Yosys.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["MemoryImage", "file_names", "keep_wires", "name_modules", "split_memories"]


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """A memory and what it holds at first.

    Parameters
    ----------
    path
        Names of the instances from the top module (exclusive) to the memory's module.
    name
        Name of the memory in its module.
    width_bits
        Bits of a word.
    words
        Content, address 0 first, each word a string of ``width_bits`` binary digits.
    """

    path: tuple[str, ...]
    name: str
    width_bits: int
    words: tuple[str, ...]

    def hex_lines(self) -> str:
        """The content as ``$readmemh`` reads it."""
        digits = -(-self.width_bits // 4)
        return "".join(f"{int(word, 2):0{digits}x}\n" for word in self.words)


MODULE_LINE = re.compile(r"^module \\(\S+)$", re.MULTILINE)
MODULE_NAME = re.compile(r"^(module|  cell) \\(\S+)", re.MULTILINE)
INNER_WIRE = re.compile(r"^  wire width \d+(?: signed)? \\(\S+)$", re.MULTILINE)
MEMORY_INIT = re.compile(r"^  cell \$meminit_v2 \S+\n((?:    .*\n)*)  end\n", re.MULTILINE)
WRITTEN_MEMORY = re.compile(
    r"^  cell \$memwr_v2 \S+\n(?:    .*\n)*?    parameter \\MEMID \"\\\\(\w+)\"\n", re.MULTILINE
)


def name_modules(rtlil: str) -> str:
    """``rtlil`` with modules called after their path below the top: ``fc1_weight_memory``."""
    names: dict[str, str] = {}
    for path in MODULE_LINE.findall(rtlil):
        name = "_".join(path.split(".")[1:]) or path
        while name in names.values():
            name += "_"
        names[path] = name

    def renamed(match: re.Match[str]) -> str:
        return f"{match[1]} \\{names.get(match[2], match[2])}"

    return MODULE_NAME.sub(renamed, rtlil)


def keep_wires(rtlil: str, names: Iterable[str]) -> str:
    """``rtlil`` with the attribute ``keep`` on the wires of the top module called ``names``.

    Amaranth's own attributes would not do: it puts them on every wire of the same value.
    """
    wanted = set(names)
    top_end = rtlil.index("\nend\n")

    def marked(match: re.Match[str]) -> str:
        return f"  attribute \\keep 1\n{match[0]}" if match[1] in wanted else match[0]

    return INNER_WIRE.sub(marked, rtlil[:top_end]) + rtlil[top_end:]


def split_memories(rtlil: str, *, keep_tables: bool) -> tuple[str, tuple[MemoryImage, ...]]:
    """``rtlil`` without initial contents of memories, and these.

    A memory that is written (a buffer) loses its initial zeros for good: nothing is read from it
    before it is written, and memories without initial content fit more kinds of RAM.

    Parameters
    ----------
    keep_tables
        Leave the contents of read-only memories where they are; then no image is returned.
    """
    parts: list[str] = []
    images: list[MemoryImage] = []
    for module, body in modules_of(rtlil):
        buffers = frozenset(WRITTEN_MEMORY.findall(body))

        def split(
            match: re.Match[str], module: str = module, buffers: frozenset[str] = buffers
        ) -> str:
            image = image_of(match[1], module)
            if image.name not in buffers or any("1" in word for word in image.words):
                if keep_tables:
                    return match[0]
                images.append(image)
            return ""

        parts.append(MEMORY_INIT.sub(split, body))
    return "".join(parts), tuple(images)


def modules_of(rtlil: str) -> Iterator[tuple[str, str]]:
    """Name and text of each module; what stands before the first one is part of it."""
    matches = list(MODULE_LINE.finditer(rtlil))
    starts = [0, *(match.start() for match in matches[1:])]
    for match, start, end in zip(matches, starts, [*starts[1:], len(rtlil)], strict=True):
        yield match[1], rtlil[start:end]


def image_of(cell: str, module: str) -> MemoryImage:
    """The image that the lines of a ``$meminit_v2`` cell describe."""
    fields = dict(line.split(None, 2)[1:] for line in cell.splitlines())
    width = int(fields["\\WIDTH"])
    bits = fields["\\DATA"].partition("'")[2]
    count = int(fields["\\WORDS"])
    return MemoryImage(
        path=tuple(module.split(".")[1:]),
        name=fields["\\MEMID"].strip('"').lstrip("\\"),
        width_bits=width,
        words=tuple(
            bits[len(bits) - (i + 1) * width : len(bits) - i * width] for i in range(count)
        ),
    )


def file_names(images: tuple[MemoryImage, ...]) -> tuple[str, ...]:
    """A file name for each image: layer and memory where that is unique, else its whole path."""
    short = [f"{'_'.join((*image.path[:1], image.name))}.mem" for image in images]
    counts = Counter(short)
    return tuple(
        name if counts[name] == 1 else f"{'_'.join((*image.path, image.name))}.mem"
        for name, image in zip(short, images, strict=True)
    )
