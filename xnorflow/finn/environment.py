# SPDX-License-Identifier: Apache-2.0
"""FINN in a virtual environment of its own: its packages are older than ours."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, Any

from xnorflow.errors import ToolError
from xnorflow.toolchain import Tool

__all__ = ["FinnEnvironment", "find_finn"]

VERSION = "1.6.1"
"""The finn-plus that everything here was compared with."""

PROBE = "from importlib.metadata import version; print(version('finn-plus'))"
PROBE_TIMEOUT_S = 60.0
SILENCE_S = 600.0
"""How long FINN may take for a step, or for an image, before it is given up."""

OWN = Path("finn-env")
"""The environment in messages, where the one that was named is no place for it."""

PYTHONS = ("bin/python", "Scripts/python.exe")


@dataclass(frozen=True, slots=True)
class FinnEnvironment:
    """A Python with finn-plus.

    Parameters
    ----------
    python
        Its executable.
    version
        Version of finn-plus.
    """

    python: Path
    version: str

    def run_stages(self, job: Path, log: Path, silence_s: float = SILENCE_S) -> Iterator[Any]:
        """What FINN does with the job in the folder ``job``, event by event.

        Parameters
        ----------
        job
            See :mod:`xnorflow.finn.stage_worker`.
        log
            File for what FINN prints.
        silence_s
            Seconds in which something must happen.

        Yields
        ------
        dict
            The events of the worker. If it ends without ``ended`` or ``failed``, or nothing
            happens for too long, the last one is ``failed`` with the reason, without a stage.
        """
        with log.open("wb") as printed, self._started(job, printed) as process:
            assert process.stdout is not None
            lines: queue.Queue[bytes] = queue.Queue()
            reader = threading.Thread(target=forward, args=(process.stdout, lines), daemon=True)
            reader.start()
            try:
                while line := lines.get(timeout=silence_s):
                    event = json.loads(line)
                    yield event
                    if event["event"] in ("ended", "failed"):
                        return
            except queue.Empty:
                reason = f"nothing happened for {silence_s:g} seconds"
                yield {"event": "failed", "reason": reason}
                return
            code = process.wait()
        said = last_line(log)
        yield {"event": "failed", "reason": f"{said} (exit code {code})"}

    @contextmanager
    def _started(self, job: Path, printed: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """The worker, which is ended at the end of the block."""
        with as_file(files("xnorflow.finn").joinpath("stage_worker.py")) as worker:
            # -I: no variable of this environment, and no module beside the worker, is FINN's.
            process = subprocess.Popen(
                [str(self.python), "-I", str(worker), str(job)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=printed,
                cwd=job,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()


def forward(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    """Put all lines of ``stream`` into ``lines``, and an empty one at its end."""
    for line in stream:
        lines.put(line)
    lines.put(b"")


def last_line(log: Path) -> str:
    """The last line that FINN printed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it ended without a message")


def find_finn(environment: str | Path) -> FinnEnvironment:
    """FINN in ``environment``: a virtual environment, or the Python of one.

    Raises
    ------
    ToolError
        If it is not there, or has no finn-plus; the message says how to install it.
    """
    given = Path(environment).expanduser().absolute()
    python = next((given / name for name in PYTHONS if (given / name).exists()), given)
    if not python.is_file() or not os.access(python, os.X_OK):
        raise ToolError(
            f"--finn must name a virtual environment with finn-plus, and {environment} is none: "
            f"{install_command(OWN if given.exists() else given)}"
        )
    result = Tool("finn-plus", (str(python),), "", str(python)).run(
        "-I", "-c", PROBE, timeout_s=PROBE_TIMEOUT_S
    )
    if result.returncode != 0:
        raise ToolError(
            f"{environment} has no finn-plus, which wants an environment of its own: "
            f"{install_command(OWN)}"
        )
    return FinnEnvironment(python, result.stdout.strip())


def install_command(folder: Path) -> str:
    """Makes the virtual environment ``folder`` with FINN."""
    requirements = files("xnorflow.finn").joinpath("requirements.txt")
    pip = folder / "bin" / "pip"
    return (
        f"python3 -m venv {folder} && {pip} install -r {requirements} && "
        f"{pip} install --no-deps finn-plus=={VERSION}"
    )
