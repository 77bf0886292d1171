# SPDX-License-Identifier: Apache-2.0
"""Run the points of a sweep on a Dask cluster: processes of this computer, or a scheduler's."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xnorflow.errors import ArtifactError, ConfigError, OutputError, ToolError
from xnorflow.rundir import readable_write_errors
from xnorflow.sweep.figures import write_figures
from xnorflow.sweep.page import write_page
from xnorflow.sweep.point import (
    Row,
    Task,
    make_tasks,
    rows_of_last_generator,
    run_point,
    settings,
    write_whole,
)
from xnorflow.sweep.results import summarise, write_tables
from xnorflow.sweep.spec import load_sweep

__all__ = ["SweepOptions", "SweepProgress", "SweepResult", "report_sweep", "run_sweep"]

SPEC_FILE = "sweep.toml"
CONNECT_S = 10


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """Where a sweep runs.

    Parameters
    ----------
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``) whose workers have this package and see
        the sweep's folder under the same path; by default processes of this computer.
    workers
        Number of these processes; by default one for each processor.
    """

    scheduler: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.scheduler is not None and self.workers is not None:
            raise ConfigError("a scheduler has its own workers: give --scheduler or --workers")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"workers must be 1 or more, not {self.workers}")


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep gave.

    Parameters
    ----------
    folder
        Where everything is.
    rows
        One for each point, in the order of the sweep file.
    files
        Tables, figures and page that were written.
    """

    folder: Path
    rows: tuple[Row, ...]
    files: tuple[Path, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of the points that failed."""
        return tuple(row for row in self.rows if row["status"] == "failed")

    @property
    def mismatched(self) -> tuple[Row, ...]:
        """Rows of the points whose verification found differences."""
        return tuple(row for row in self.rows if row.get("mismatches"))


class SweepProgress(Protocol):
    """Told how far a sweep is."""

    def start(self, total: int, finished: int) -> None:
        """There are ``total`` points, of which ``finished`` were done before."""

    def point(self, row: Row) -> None:
        """A point is done, or failed."""


class SilentProgress:
    """Shows nothing."""

    def start(self, total: int, finished: int) -> None:
        """Nothing."""

    def point(self, row: Row) -> None:
        """Nothing."""


def run_sweep(
    path: str | Path,
    out: str | Path,
    options: SweepOptions | None = None,
    progress: SweepProgress | None = None,
) -> SweepResult:
    """Train, verify and build every point of the sweep file ``path``.

    Points that are finished in ``out`` are not repeated, as long as nothing that they depend on
    has changed; a training that was stopped goes on after its last epoch. A point that fails is a
    row with its error; the others go on.

    Parameters
    ----------
    path
        Sweep file (see :class:`~xnorflow.sweep.spec.Sweep`).
    out
        Folder: ``points/NAME/run`` is the RUN folder of a point; ``sweep.csv``,
        ``sweep.parquet``, ``figures/`` and ``report.html`` are the result.
    options
        Where it runs.
    progress
        Told of every point.

    Raises
    ------
    ConfigError
        If the sweep file is wrong.
    OutputError
        If ``out`` holds something else, or cannot be written.
    ToolError
        If Dask is not installed, or its scheduler does not answer.
    """
    spec, points = load_sweep(Path(path))
    folder = prepared_folder(Path(out), Path(path))
    tasks = make_tasks(points, folder.resolve())
    shown = progress or SilentProgress()
    finished = {task.point.name: row for task in tasks if (row := task.folder.row(task))}
    shown.start(len(tasks), len(finished))
    open_tasks = [task for task in tasks if task.point.name not in finished]
    rows = dict(finished)
    if open_tasks:
        with cluster(options or SweepOptions(), len(open_tasks)) as client:
            for row in run_tasks(client, open_tasks, finished):
                rows[row["point"]] = row
                shown.point(row)
    return written(folder, spec.title or Path(path).stem, tuple(rows[t.point.name] for t in tasks))


def report_sweep(out: str | Path) -> SweepResult:
    """Write tables, figures and page of the sweep in ``out`` anew, of what is finished.

    If the generator of hardware has changed, they show the rows of the one that made the last.

    Raises
    ------
    ArtifactError
        If there is no sweep.
    """
    folder = Path(out)
    if not (folder / SPEC_FILE).is_file():
        raise ArtifactError(f"{folder} holds no sweep: there is no {SPEC_FILE}")
    spec, points = load_sweep(folder / SPEC_FILE)
    tasks = make_tasks(points, folder.resolve())
    found = [kept for task in tasks if (kept := task.folder.kept(task))]
    return written(folder, spec.title or folder.name, rows_of_last_generator(found))


def prepared_folder(out: Path, path: Path) -> Path:
    """``out``, with a copy of the sweep file in it."""
    strange = out.is_dir() and any(out.iterdir()) and not (out / SPEC_FILE).exists()
    if strange or (out.exists() and not out.is_dir()):
        raise OutputError(f"output folder {out} must be new, empty or that of a sweep")
    with readable_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / SPEC_FILE, path.read_text(encoding="utf-8"))
    return out


@contextlib.contextmanager
def cluster(options: SweepOptions, most: int) -> Iterator[Any]:
    """A Dask client, and where no scheduler is given, the processes behind it."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise ToolError(
            f"{error.name} is not installed, and a sweep needs it: pip install 'xnorflow[sweep]'"
        ) from error
    if options.scheduler is not None:
        try:
            client = Client(options.scheduler, timeout=CONNECT_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise ToolError(f"no Dask scheduler answers at {options.scheduler}: {error}") from error
        with client:
            yield client
        return
    workers = min(most, options.workers or os.cpu_count() or 1)
    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as local,
        Client(local) as client,
    ):
        client.run(ignore_interrupts)
        yield client


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to every process, to the one that started the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_tasks(client: Any, tasks: Sequence[Task], finished: dict[str, Row]) -> Iterator[Row]:
    """The rows of ``tasks`` as they come; ``finished`` has the rows of other points."""
    from distributed import as_completed

    futures: dict[str, Any] = {}
    for task in tasks:
        needed = [futures.get(name, finished.get(name)) for name in task.point.needs]
        futures[task.point.name] = client.submit(run_point, task, needed, pure=False)
    names = {future.key: task for future, task in zip(futures.values(), tasks, strict=True)}
    for future in as_completed(list(futures.values())):
        try:
            yield future.result()
        except Exception as error:  # whatever a cluster does to a point: its worker died, say
            yield lost(names[future.key], error)


def lost(task: Task, error: Exception) -> Row:
    """The row of a point whose worker did not come back."""
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    row = settings(task.point) | {"status": "failed", "error": text}
    task.folder.root.mkdir(parents=True, exist_ok=True)
    task.folder.write(task, row)
    return row


def written(folder: Path, title: str, rows: tuple[Row, ...]) -> SweepResult:
    """Write everything that shows ``rows``."""
    summaries = summarise(rows)
    figures = folder / "figures"
    with readable_write_errors(folder):
        files = list(write_tables(rows, folder))
        if any(row["status"] == "done" for row in rows):
            figures.mkdir(exist_ok=True)
            files += write_figures(summaries, figures)
        page = folder / "report.html"
        write_page(rows, page, title, f"xnorflow sweep {SPEC_FILE} -o {folder.name}")
    return SweepResult(folder, rows, (*files, page))
