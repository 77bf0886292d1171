# SPDX-License-Identifier: Apache-2.0
"""``xnorflow sweep``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints, text_table

if TYPE_CHECKING:
    from xnorflow.sweep.run import SweepResult

__all__ = ["command", "record", "summary"]

HEADS = ("network", "accuracy %", "+-", "seeds", "size bits", "LUT", "frames/s")


def summary(result: SweepResult) -> str:
    """The networks, what failed, and what was written."""
    from xnorflow.sweep.results import summarise

    rows = [
        (
            one.points[0].rpartition("-seed_")[0],
            f"{one.accuracy.mean:.2f}",
            "" if one.accuracy.stdev is None else f"{one.accuracy.stdev:.2f}",
            one.accuracy.seeds,
            *(rounded(one.values.get(name)) for name in ("size_bits", "luts", "frames_per_second")),
        )
        for one in summarise(result.rows)
        if one.accuracy is not None
    ]
    lines = text_table(HEADS, rows)
    lines += [f"failed: {row['point']}: {row['error']}" for row in result.failed]
    lines += [f"MISMATCHES: {row['point']}: {row['mismatches']}" for row in result.mismatched]
    return "\n".join([*lines, "", *(f"wrote {path}" for path in result.files)])


def rounded(value: object) -> object:
    """A whole number for the table; nothing for what there is not."""
    return round(value) if isinstance(value, int | float) else ""


def record(result: SweepResult) -> dict[str, Any]:
    """All rows, and what was written."""
    return {"folder": result.folder, "files": result.files, "points": result.rows}


@click.command()
@click.argument("sweep_file", type=click.Path(path_type=Path), metavar="SWEEP.toml")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the points and the results; what is finished there is not repeated.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run on the workers of this Dask scheduler (tcp://host:8786), which must see DIR.",
)
@click.option("--workers", type=int, help="Processes on this computer; by default one a core.")
@prints(summary, record=record, passed=lambda result: not (result.failed or result.mismatched))
def command(
    sweep_file: Path, output: Path, scheduler: str | None, workers: int | None
) -> SweepResult:
    """Train, verify and build many networks: what each width costs, and what it saves.

    SWEEP.toml names a recipe, keys to change, and the values that they take: widths, sparsity,
    teachers, seeds. Results are DIR/report.html, DIR/sweep.csv, DIR/sweep.parquet and
    DIR/figures. A sweep that was stopped goes on when it is started again. The exit code is 1 if a
    point failed.
    """
    from xnorflow.sweep.run import SweepOptions, run_sweep

    options = SweepOptions(scheduler=scheduler, workers=workers)
    with point_progress() as progress:
        try:
            return run_sweep(sweep_file, output, options, progress)
        except KeyboardInterrupt:
            progress.say("stopped: the same command goes on with what is left")
            raise


@contextmanager
def point_progress() -> Iterator[ConsoleProgress]:
    """A line for each point on stderr, above a bar where that is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("points"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield ConsoleProgress(bar)


class ConsoleProgress:
    """Shows points as they come.

    Parameters
    ----------
    bar
        A progress bar of rich.
    """

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.task: Any = None

    def start(self, total: int, finished: int) -> None:
        """Show how many there are."""
        self.task = self.bar.add_task("points", total=total, completed=finished)
        if finished:
            self.say(f"{finished} of {total} points are finished already")

    def point(self, row: dict[str, Any]) -> None:
        """Show a point."""
        self.bar.advance(self.task)
        if row["status"] != "done":
            self.say(f"{row['point']}: failed: {row['error']}")
            return
        luts = f", {round(row['luts']):,} LUT" if row.get("luts") is not None else ""
        self.say(f"{row['point']}: {row['accuracy_percent']:.2f} %{luts}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
