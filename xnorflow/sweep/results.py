# SPDX-License-Identifier: Apache-2.0
"""The results of a sweep: rows, their tables, and what several seeds tell together.

A row is a mapping of the names in :data:`COLUMNS`, one for each trained network; None, or a name
that is not there, means that there is nothing to say. Rows that differ only in their seed become
a :class:`Summary`, and everything that is shown or compared is a summary.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import fmean, stdev
from typing import cast

__all__ = [
    "COLUMNS",
    "Column",
    "Kind",
    "Role",
    "Row",
    "Spread",
    "Summary",
    "Value",
    "column",
    "float_baseline",
    "mismatched",
    "ordered",
    "pareto",
    "summarise",
    "width_rank",
    "write_tables",
]

Value = str | int | float | None
Row = Mapping[str, Value]

METHODS = ("float", "after training", "fine-tuned", "trained")
"""Ways to come by a network, each with more training at its own widths than the one before."""

ACCURACY = "accuracy_percent"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"


class Role(StrEnum):
    """What a column is to the seeds of a summary."""

    NAME = "name"
    SETTING = "setting"  # the same for all seeds
    SEED = "seed"
    MEAN = "mean"
    HARDWARE = "hardware"  # a mean too; comparable only on one device
    TOTAL = "total"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sweep's results.

    Parameters
    ----------
    name
        Key in a row, head in the tables that are written.
    kind
        What it holds.
    role
        What it is to the seeds of a summary.
    head
        Head in tables for people.
    unit
        Of its numbers; empty for text and counts.
    description
        A phrase for people.
    better
        ``"less"`` or ``"more"`` for a cost, so that :func:`pareto` knows its direction.
    """

    name: str
    kind: Kind
    role: Role
    head: str
    unit: str
    description: str
    better: str = ""


TEXT, WHOLE, NUMBER = Kind
NAME, SETTING, SEED, MEAN, HARDWARE, TOTAL, STATE = Role

COLUMNS = (
    Column("point", TEXT, NAME, "point", "", "name of the trained network, unique in the sweep"),
    Column("study", TEXT, SETTING, "study", "", "group in the sweep file"),
    Column("dataset", TEXT, SETTING, "data set", "", "data set of training and test"),
    Column("architecture", TEXT, SETTING, "architecture", "", "kind of network and its layers"),
    Column("weight_bits", TEXT, SETTING, "W", "", "bits of a weight; t is ternary"),
    Column("activation_bits", TEXT, SETTING, "A", "", "bits of an activation; t is ternary"),
    Column("method", TEXT, SETTING, "method", "", "how it came to its widths"),
    Column("pattern", TEXT, SETTING, "pattern", "", "what is removed at a time; empty: nothing"),
    Column("sparsity_percent", NUMBER, SETTING, "sparsity", "%", "share of weights removed"),
    Column("teachers", TEXT, SETTING, "teachers", "", "networks that it learnt from; empty: none"),
    Column("teacher_weight", NUMBER, SETTING, "teacher weight", "", "their share of the loss"),
    Column("temperature", NUMBER, SETTING, "temperature", "", "of the teachers' softmax"),
    Column("labelled_percent", NUMBER, SETTING, "labelled", "%", "training images with labels"),
    Column("epochs", WHOLE, SETTING, "epochs", "", "epochs of training"),
    Column("device", TEXT, SETTING, "device", "", "what the hardware is estimated for"),
    Column("seed", WHOLE, SEED, "seed", "", "of the random numbers"),
    Column("accuracy_percent", NUMBER, MEAN, "accuracy", "%", "on all test images", "more"),
    Column("mismatches", WHOLE, TOTAL, "mismatches", "", "values that differ; must be 0"),
    Column("verified_images", WHOLE, TOTAL, "verified", "", "images of verification"),
    Column("weights", WHOLE, MEAN, "weights", "", "weights that are left", "less"),
    Column("size_bits", WHOLE, MEAN, "size", "bits", "weights, thresholds and indices", "less"),
    Column("coded_bits", WHOLE, MEAN, "coded size", "bits", "the same, Huffman-coded", "less"),
    Column("float_bits", WHOLE, MEAN, "float size", "bits", "dense, 32 bits a weight"),
    Column("clock_mhz", NUMBER, MEAN, "clock", "MHz", "clock of the hardware"),
    Column("cycles_per_frame", NUMBER, MEAN, "cycles/frame", "cycles", "of an image", "less"),
    Column("frames_per_second", NUMBER, MEAN, "frames/s", "1/s", "images at this clock", "more"),
    Column("luts", WHOLE, HARDWARE, "LUTs", "", "look-up tables, estimated", "less"),
    Column("flip_flops", WHOLE, HARDWARE, "flip-flops", "", "flip-flops, estimated", "less"),
    Column("block_rams", NUMBER, HARDWARE, "block RAMs", "", "block RAMs, estimated", "less"),
    Column("dsps", WHOLE, HARDWARE, "DSPs", "", "multiplier blocks, estimated", "less"),
    Column("memory_bits", WHOLE, MEAN, "memory", "bits", "weights, thresholds, buffers", "less"),
    Column("synthesised_luts", WHOLE, HARDWARE, "real LUTs", "", "the same, synthesised", "less"),
    Column("train_seconds", NUMBER, MEAN, "training", "s", "time of training", "less"),
    Column("status", TEXT, STATE, "status", "", "done or failed"),
    Column("error", TEXT, STATE, "error", "", "why it failed"),
)
"""All columns, in the order of the tables and, for settings, of sorting."""

SETTINGS = tuple(c.name for c in COLUMNS if c.role is Role.SETTING)
MEANS = tuple(c.name for c in COLUMNS if c.role in (Role.MEAN, Role.HARDWARE))
TOTALS = tuple(c.name for c in COLUMNS if c.role is Role.TOTAL)


def column(name: str) -> Column:
    """The column ``name``.

    Examples
    --------
    >>> column("memory_bits").head
    'memory'
    """
    return next(c for c in COLUMNS if c.name == name)


def width_rank(bits: str) -> float:
    """A number to sort widths by: the levels' logarithm; floating point comes last.

    Examples
    --------
    >>> sorted(["8", "float", "t", "1", "2"], key=width_rank)
    ['1', 't', '2', '8', 'float']
    """
    named = {"t": math.log2(3), "float": math.inf}
    return named.get(bits, float(bits) if bits.isdecimal() else 0.0)


def done(row: Row) -> bool:
    """Whether ``row`` has an accuracy."""
    return row.get("status") == "done" and number(row, ACCURACY) is not None


def mismatched(row: Row) -> bool:
    """Whether verification found mismatches in ``row``, or in the totals of a summary."""
    return bool(row.get("mismatches"))


def number(row: Row, name: str) -> float | None:
    """A finite number of ``row``, or None."""
    value = row.get(name)
    known = isinstance(value, int | float) and math.isfinite(value)
    return cast(float, value) if known else None


# --- order and tables -----------------------------------------------------------------------------


def sort_key(name: str, value: Value) -> tuple[bool, float, str]:
    """A key by which all values of a column can be compared; None comes first."""
    if isinstance(value, str):
        rank = 0.0
        if name in ("weight_bits", "activation_bits"):
            rank = width_rank(value)
        elif name == "method" and value in METHODS:
            rank = METHODS.index(value)
        return True, rank, value
    return value is not None, value or 0.0, ""


def ordered(rows: Sequence[Row]) -> list[Row]:
    """``rows`` by study and the other settings, then by seed and name, however they came."""
    names = (*SETTINGS, "seed", "point")
    return sorted(rows, key=lambda row: [sort_key(name, row.get(name)) for name in names])


def write_tables(rows: Sequence[Row], folder: Path) -> tuple[Path, ...]:
    """Write ``sweep.csv`` and ``sweep.parquet``, the same bytes for the same rows in any order.

    In the CSV file None is an empty field; the other file keeps types, and has units and
    descriptions in its schema.

    Returns
    -------
    tuple of Path
        The files: without ``sweep.parquet`` if pyarrow is not installed.
    """
    lines = [[row.get(c.name) for c in COLUMNS] for row in ordered(rows)]
    text = folder / "sweep.csv"
    with text.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([c.name for c in COLUMNS])
        writer.writerows(lines)
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        return (text,)
    types = {
        Kind.TEXT: pyarrow.string(),
        Kind.WHOLE: pyarrow.int64(),
        Kind.NUMBER: pyarrow.float64(),
    }
    fields = [
        pyarrow.field(
            c.name, types[c.kind], metadata={"unit": c.unit, "description": c.description}
        )
        for c in COLUMNS
    ]
    arrays = [
        pyarrow.array([line[number] for line in lines], field.type)
        for number, field in enumerate(fields)
    ]
    binary = folder / "sweep.parquet"
    pyarrow.parquet.write_table(pyarrow.table(arrays, pyarrow.schema(fields)), binary)
    return text, binary


# --- seeds together -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Accuracies of several seeds, in percent.

    Parameters
    ----------
    mean
        Their mean.
    stdev
        Their sample standard deviation; None for a single one.
    least, most
        The worst and the best.
    seeds
        How many there are.
    """

    mean: float
    stdev: float | None
    least: float
    most: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows that differ only in their seed.

    Parameters
    ----------
    values
        Settings as they are, totals of verification over all rows, and means of all else over the
        rows that are done; None where no row has anything to say.
    points
        Names of its rows, failed ones included.
    accuracy
        Of the rows that are done; None if there is none.
    failed
        Rows that failed, which are in no mean.
    """

    values: Mapping[str, Value]
    points: tuple[str, ...]
    accuracy: Spread | None
    failed: int

    def text(self, name: str) -> str:
        """A setting as text; None is empty."""
        value = self.values[name]
        return "" if value is None else str(value)

    def number(self, name: str) -> float | None:
        """A mean or a number of the settings; None where there is nothing to say."""
        return number(self.values, name)

    @property
    def widths(self) -> str:
        """Weight and activation bits as ``1x4``, ``t x t``; ``float`` if both are."""
        both = weights, activations = self.text("weight_bits"), self.text("activation_bits")
        if both == ("float", "float"):
            return "float"
        return f"{weights} x {activations}" if "t" in both else f"{weights}x{activations}"

    @property
    def technique(self) -> str:
        """How it was made: the method, or that it was pruned or distilled."""
        parts = [
            word
            for word, setting in (("pruned", "pattern"), ("distilled", "teachers"))
            if self.text(setting)
        ]
        return ", ".join(parts) or self.text("method")

    @property
    def label(self) -> str:
        """A short name: widths, method, and what was done to it."""
        parts = [self.widths]
        if self.text("method") != self.widths:
            parts.append(self.text("method"))
        if self.text("pattern"):
            parts.append(f"{self.text('pattern')} {self.number('sparsity_percent') or 0:.3g} %")
        if self.text("teachers"):
            parts.append(f"taught by {self.text('teachers')}")
        labelled = self.number("labelled_percent")
        if labelled is not None and labelled < 100:
            parts.append(f"{labelled:.3g} % labelled")
        return ", ".join(parts)


def settings_of(row: Row) -> tuple[Value, ...]:
    """Settings by which rows come together; sparsity to a tenth, since masks hit it roughly."""
    values = dict(row)
    sparsity = number(row, "sparsity_percent")
    if sparsity is not None:
        values["sparsity_percent"] = round(sparsity, 1)
    return tuple(values.get(name) for name in SETTINGS)


def summarise(rows: Sequence[Row]) -> tuple[Summary, ...]:
    """One summary for all rows that differ only in their seed, in the order of the tables.

    Rows with the same settings and the same seed are no two seeds: the second one goes into
    another summary. A row that failed before it had a device belongs to those that had none or
    any, as long as all else is the same.
    """
    groups: dict[tuple[tuple[Value, ...], int], list[Row]] = {}
    repeats: Counter[tuple[tuple[Value, ...], Value]] = Counter()
    for row in ordered(with_devices(rows)):
        settings = settings_of(row)
        copy = repeats[settings, row.get("seed")]
        repeats[settings, row.get("seed")] += 1
        groups.setdefault((settings, copy), []).append(row)
    return tuple(summary_of(group) for group in groups.values())


def with_devices(rows: Sequence[Row]) -> list[Row]:
    """``rows``, where failed ones without a device have that of a row that is alike."""

    def apart(row: Row) -> tuple[Value, ...]:
        return settings_of({**row, "device": None})

    devices = {apart(row): row.get("device") for row in reversed(ordered(rows)) if done(row)}
    return [
        row if done(row) or row.get("device") else {**row, "device": devices.get(apart(row))}
        for row in rows
    ]


def summary_of(group: Sequence[Row]) -> Summary:
    """The summary of rows with the same settings."""
    finished = [row for row in group if done(row)]
    values = dict(zip(SETTINGS, settings_of(group[0]), strict=True))
    for name in MEANS:
        known = [value for row in finished if (value := number(row, name)) is not None]
        values[name] = fmean(known) if known else None
    for name in TOTALS:
        known = [value for row in group if (value := number(row, name)) is not None]
        values[name] = sum(known) if known else None
    return Summary(
        values=values,
        points=tuple(str(row.get("point")) for row in group),
        accuracy=spread_of(
            [value for row in finished if (value := number(row, ACCURACY)) is not None]
        ),
        failed=len(group) - len(finished),
    )


def spread_of(accuracies: Sequence[float]) -> Spread | None:
    """The spread of ``accuracies``; None if there is none."""
    if not accuracies:
        return None
    return Spread(
        mean=fmean(accuracies),
        stdev=stdev(accuracies) if len(accuracies) > 1 else None,
        least=min(accuracies),
        most=max(accuracies),
        seeds=len(accuracies),
    )


# --- which are best -------------------------------------------------------------------------------


def pareto(summaries: Sequence[Summary], cost: str) -> tuple[int, ...]:
    """Numbers of the summaries that no other one beats in accuracy and in the column ``cost``.

    One beats another if it is at least as good in both and better in one: of two that are equal
    in both, both stay. Only networks for the same data set are rivals and, if ``cost`` depends on
    the device, on the same device. Those without accuracy or without that cost are left out.
    """
    sign = -1.0 if column(cost).better == "more" else 1.0
    on_device = column(cost).role is Role.HARDWARE
    places = {
        at: (-summary.accuracy.mean, sign * price)
        for at, summary in enumerate(summaries)
        if summary.accuracy and (price := summary.number(cost)) is not None
    }

    def beaten(at: int, by: int) -> bool:
        rivals = all(
            summaries[at].values[name] == summaries[by].values[name]
            for name in (("dataset", "device") if on_device else ("dataset",))
        )
        (loss, price), (other_loss, other_price) = places[at], places[by]
        no_worse = other_loss <= loss and other_price <= price
        return rivals and no_worse and places[at] != places[by]

    return tuple(at for at in places if not any(beaten(at, by) for by in places))


def float_baseline(summary: Summary, summaries: Sequence[Summary]) -> Summary | None:
    """The dense floating-point network of the same data set and architecture; None if missing.

    If there are several: one of the same study, with as many labels, without teachers.
    """
    candidates = [
        other
        for other in summaries
        if other.widths == "float"
        and not other.text("pattern")
        and other.accuracy
        and all(other.values[name] == summary.values[name] for name in ("dataset", "architecture"))
    ]
    return max(
        candidates,
        key=lambda other: (
            not other.text("teachers"),
            other.values["labelled_percent"] == summary.values["labelled_percent"],
            other.values["study"] == summary.values["study"],
        ),
        default=None,
    )
