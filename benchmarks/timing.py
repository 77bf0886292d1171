# SPDX-License-Identifier: Apache-2.0
"""Timing contenders against each other in one run, and the rows of the table that comes out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "as_records", "figure", "medians", "print_rows"]

SAMPLE_SECONDS = 0.05
"""A sample repeats a short call until it has taken so long."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Parameters
    ----------
    subject
        What was computed.
    contender
        By what.
    value
        Median of the samples, in ``unit``.
    unit
        Unit of ``value``.
    ratio
        How many times better ours is than this contender in the same run; None for ours.
    """

    subject: str
    contender: str
    value: float
    unit: str
    ratio: float | None = None


def medians(contenders: Mapping[str, Callable[[], object]], samples: int = 7) -> dict[str, float]:
    """Median seconds of a call of each contender.

    They alternate, A B A B, so that all of them meet the same machine.
    """
    repeats = {name: calls_per_sample(call) for name, call in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(samples):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(samples) for name, samples in times.items()}


def calls_per_sample(call: Callable[[], object]) -> int:
    """How many calls make a sample; the first call, which may compile, is not counted."""
    call()
    start = time.perf_counter()
    call()
    return max(1, round(SAMPLE_SECONDS / max(1e-9, time.perf_counter() - start)))


def print_rows(title: str, rows: Sequence[Row]) -> None:
    """The table of ``rows`` on the console."""
    table = Table("subject", "contender", title=title, title_justify="left")
    for heading in ("median", "unit", "ours is faster by"):
        table.add_column(heading, justify="right")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        table.add_row(row.subject, row.contender, figure(row.value), row.unit, ratio)
    Console().print(table)


def figure(value: float) -> str:
    """``value`` with three or more significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_records(rows: Sequence[Any]) -> list[dict[str, object]]:
    """``rows``, which are dataclasses, as JSON values."""
    return [asdict(row) for row in rows]
