# SPDX-License-Identifier: Apache-2.0
"""Initial contents of memories: taken out of RTLIL, written as ``$readmemh`` files."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from xnorflow.hw.emit.rtlil_modules import RtlilModule

__all__ = ["MemoryImage", "file_names", "take_memories"]


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """A memory and what it holds at first.

    Parameters
    ----------
    module
        Path of the module that has the memory.
    name
        Name of the memory in its module.
    width_bits
        Bits of a word.
    words
        Content, address 0 first, each word a string of ``width_bits`` binary digits.
    """

    module: str
    name: str
    width_bits: int
    words: tuple[str, ...]

    def hex_lines(self) -> str:
        """The content as ``$readmemh`` reads it, a word a line."""
        digits = -(-self.width_bits // 4)
        return "".join(f"{int(word, 2):0{digits}x}\n" for word in self.words)


CONTENT = re.compile(r"^  cell \$meminit_v2 \S+\n((?:    .*\n)*)  end\n", re.MULTILINE)
WRITE_PORT = re.compile(
    r"^  cell \$memwr_v2 \S+\n(?:    .*\n)*?    parameter \\MEMID \"\\\\(\w+)\"\n", re.MULTILINE
)


def take_memories(
    modules: tuple[RtlilModule, ...], *, keep_tables: bool
) -> tuple[tuple[RtlilModule, ...], tuple[MemoryImage, ...]]:
    """``modules`` without initial contents of memories, and these.

    A memory that is written (a buffer) loses its initial zeros for good: nothing is read from it
    before it is written, and memories without initial content fit more kinds of RAM.

    Parameters
    ----------
    keep_tables
        Leave the contents of read-only memories where they are; then no image is returned.
    """
    images: list[MemoryImage] = []
    bodies: list[RtlilModule] = []
    for module in modules:
        found = [image_of(match[1], module.path) for match in CONTENT.finditer(module.body)]
        buffers = frozenset(WRITE_PORT.findall(module.body))
        tables = frozenset(i.name for i in found if i.name not in buffers or not is_zero(i))
        kept = tables if keep_tables else frozenset()
        images += [image for image in found if image.name in tables - kept]
        contents = iter(found)
        body = CONTENT.sub(lambda m: m[0] if next(contents).name in kept else "", module.body)  # noqa: B023
        bodies.append(replace(module, body=body))
    return tuple(bodies), tuple(images)


def is_zero(image: MemoryImage) -> bool:
    """Whether all words are 0."""
    return not any("1" in word for word in image.words)


def image_of(cell: str, module: str) -> MemoryImage:
    """The image that the lines of a ``$meminit_v2`` cell describe."""
    fields = dict(line.split(None, 2)[1:] for line in cell.splitlines())
    width, count = int(fields["\\WIDTH"]), int(fields["\\WORDS"])
    bits = fields["\\DATA"].partition("'")[2]
    return MemoryImage(
        module=module,
        name=fields["\\MEMID"].strip('"').lstrip("\\"),
        width_bits=width,
        words=tuple(bits[(count - 1 - i) * width : (count - i) * width] for i in range(count)),
    )


def file_names(images: tuple[MemoryImage, ...]) -> tuple[str, ...]:
    """A file name for each image: layer and memory where that is unique, else the whole path."""
    paths = [image.module.split(".")[1:] for image in images]
    short = ["_".join((*path[:1], i.name)) for path, i in zip(paths, images, strict=True)]
    counts = Counter(short)
    return tuple(
        f"{name if counts[name] == 1 else '_'.join((*path, image.name))}.mem"
        for name, path, image in zip(short, paths, images, strict=True)
    )
