# SPDX-License-Identifier: Apache-2.0
"""Rows of the comparison of areas, and their tables: one for each family."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

__all__ = ["AreaRow", "row_line", "table_lines"]


@dataclass(frozen=True, slots=True)
class AreaRow:
    """What one contender takes for one subject on one family; None where it was not measured.

    Parameters
    ----------
    family, subject, contender
        What was synthesised for what.
    luts
        LUTs after synthesis; a real number only where it is a bound.
    luts_per_operation
        The same for each XNOR-accumulate.
    carries, flip_flops, block_rams
        As in :class:`~xnorflow.bitstreams.synthesis.Utilisation`.
    depth, levels
        As in :class:`~benchmarks.area.paths.PathLength`.
    part
        What it was placed on.
    cells
        Logic cells after packing, without those of the wrapper.
    fmax_mhz
        Clock from register to register: the median of several seeds.
    note
        Why something is missing.
    """

    family: str
    subject: str
    contender: str
    luts: float | None = None
    luts_per_operation: float | None = None
    carries: int | None = None
    flip_flops: int | None = None
    block_rams: int | None = None
    depth: int | None = None
    levels: int | None = None
    part: str = ""
    cells: int | None = None
    fmax_mhz: float | None = None
    note: str = ""


COLUMNS = (
    ("LUT", "luts"),
    ("LUT/op", "luts_per_operation"),
    ("carry", "carries"),
    ("FF", "flip_flops"),
    ("BRAM", "block_rams"),
    ("depth", "depth"),
    ("levels", "levels"),
    ("cells", "cells"),
    ("MHz", "fmax_mhz"),
)
"""Headings of the columns of numbers, and what stands there."""

NAME_WIDTH = 30
NUMBER_WIDTH = 7


def table_lines(title: str, rows: Sequence[AreaRow]) -> Iterator[str]:
    """A table for each family, with a section for each subject; at most 100 columns."""
    yield title
    for family in dict.fromkeys(row.family for row in rows):
        yield ""
        yield from family_lines([row for row in rows if row.family == family])


def family_lines(rows: Sequence[AreaRow]) -> Iterator[str]:
    """The table of a family; notes stand below it."""
    parts = ", ".join(dict.fromkeys(row.part for row in rows if row.part))
    yield f"{rows[0].family}: cells and MHz on {parts}" if parts else str(rows[0].family)
    headings = "".join(heading.rjust(NUMBER_WIDTH) for heading, _ in COLUMNS)
    yield " " * NAME_WIDTH + headings
    notes = tuple(dict.fromkeys(row.note for row in rows if row.note))
    for subject, group in groupby(rows, key=lambda row: row.subject):
        yield subject
        for row in group:
            mark = f" ({notes.index(row.note) + 1})" if row.note else ""
            numbers = "".join(cell.rjust(NUMBER_WIDTH) for cell in cells(row))
            yield f"  {row.contender}{mark}".ljust(NAME_WIDTH) + numbers
    for number, note in enumerate(notes, start=1):
        yield from textwrap.wrap(f"({number}) {note}", 100, subsequent_indent="    ")


def row_line(row: AreaRow) -> str:
    """One row by itself, with the names of its numbers, and what is missing."""
    numbers = zip(COLUMNS, cells(row), strict=True)
    said = [f"{cell} {name}" for (name, _), cell in numbers if cell] + [row.note] * bool(row.note)
    return f"{row.family}, {row.subject}, {row.contender}: {', '.join(said)}"


def cells(row: AreaRow) -> Iterator[str]:
    """The row's numbers as text, in the order of :data:`COLUMNS`."""
    for _, name in COLUMNS:
        value = getattr(row, name)
        if value is None:
            yield ""
        else:
            yield f"{value:.2f}" if name == "luts_per_operation" else f"{value:,.0f}"
