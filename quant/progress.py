# SPDX-License-Identifier: Apache-2.0
"""How training shows where it is."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = [
    "EpochResult",
    "LineProgress",
    "RichProgress",
    "SilentProgress",
    "TrainProgress",
    "console_progress",
]


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one epoch measured.

    Parameters
    ----------
    epoch
        Its number, from 1.
    loss
        Mean cross-entropy of the training batches.
    train_accuracy_percent
        Of the training batches, while the weights changed.
    test_accuracy_percent
        Of the whole test part, after the epoch.
    """

    epoch: int
    loss: float
    train_accuracy_percent: float
    test_accuracy_percent: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"loss {self.loss:.4f}, accuracy {self.train_accuracy_percent:.2f} % training, "
            f"{self.test_accuracy_percent:.2f} % test"
        )


class TrainProgress(Protocol):
    """Receives the events of a training; a context from the first step to the last."""

    def __enter__(self) -> TrainProgress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def start(self, epochs: int, steps_per_epoch: int, epochs_done: int) -> None:
        """Training begins, or goes on after ``epochs_done`` epochs."""

    def step(self) -> None:
        """One batch is done."""

    def epoch(self, result: EpochResult) -> None:
        """One epoch is done."""

    def note(self, text: str) -> None:
        """Something to tell the user."""


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> SilentProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def start(self, epochs: int, steps_per_epoch: int, epochs_done: int) -> None:
        """Nothing."""

    def step(self) -> None:
        """Nothing."""

    def epoch(self, result: EpochResult) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


class LineProgress(SilentProgress):
    """A plain line for each epoch: for logs.

    Parameters
    ----------
    file
        Where it is written; by default stderr.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self.epochs = 0

    def start(self, epochs: int, steps_per_epoch: int, epochs_done: int) -> None:
        """Remember how many epochs there will be."""
        self.epochs = epochs

    def epoch(self, result: EpochResult) -> None:
        """Print the result."""
        self.note(f"epoch {result.epoch}/{self.epochs}: {result}")

    def note(self, text: str) -> None:
        """Print it."""
        print(text, file=self.file or sys.stderr, flush=True)


class RichProgress(SilentProgress):
    """A bar with loss, accuracy and the time left.

    Parameters
    ----------
    console
        Where it is drawn; by default stderr.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[result]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self.task = self.bar.add_task("train", epoch=1, epochs=1, result="", start=False)
        self.epochs = 1

    def __enter__(self) -> RichProgress:
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def start(self, epochs: int, steps_per_epoch: int, epochs_done: int) -> None:
        """Start the clock."""
        self.epochs = epochs
        self.bar.start_task(self.task)
        self.bar.update(
            self.task,
            total=epochs * steps_per_epoch,
            completed=epochs_done * steps_per_epoch,
            epochs=epochs,
            epoch=epochs_done + 1,
        )

    def step(self) -> None:
        """Move the bar."""
        self.bar.advance(self.task)

    def epoch(self, result: EpochResult) -> None:
        """Show the result beside the bar."""
        following = min(result.epoch + 1, self.epochs)
        self.bar.update(self.task, epoch=following, result=str(result))

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self.bar.console.print(text, highlight=False, markup=False)


def console_progress() -> TrainProgress:
    """A bar where stderr is a terminal, else plain lines."""
    return RichProgress() if sys.stderr.isatty() else LineProgress()
