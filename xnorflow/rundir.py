# SPDX-License-Identifier: Apache-2.0
"""The RUN folder: where each artefact lies, and folders that are either complete or absent."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xnorflow.errors import ArtifactError, OutputError
from xnorflow.ir import Network, load_graph, save_graph

try:
    import fcntl
except ModuleNotFoundError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["RunFolder", "fresh_folder", "load_network", "save_network", "write_file"]

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""Errors of file systems that have no locks."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside a RUN folder.

    Parameters
    ----------
    root
        The RUN folder itself.
    """

    root: Path

    @property
    def model(self) -> Path:
        """Integer network, and what it was made from: recipe and checkpoint, or a QONNX file."""
        return self.root / "model"

    @property
    def rtl(self) -> Path:
        """Dataflow graph, Verilog, memory files."""
        return self.root / "rtl"

    @property
    def export(self) -> Path:
        """The network in formats of other tools."""
        return self.root / "export"

    @property
    def finn(self) -> Path:
        """What FINN made of the network, and what it printed."""
        return self.root / "finn"

    def bitstream(self, board: str) -> Path:
        """The bitstream for a board, and what was found in making it."""
        return self.root / "bitstream" / board

    @property
    def metrics(self) -> Path:
        """What training measured."""
        return self.root / "metrics.json"

    def network(self) -> Network:
        """The integer network in :attr:`model`.

        Raises
        ------
        ArtifactError
            If there is none, or it cannot be read.
        """
        model = self.require(self.model, f"xnorflow train RECIPE -o {self.root}")
        if (model / "checkpoint.pt").exists() and not (model / "network.json").exists():
            raise ArtifactError(
                f"{self.root} holds a floating-point baseline, which has no integer network"
            )
        return load_graph(Network, model)

    def require(self, part: Path, command: str) -> Path:
        """``part`` if it is there; else an :class:`ArtifactError` that names the ``command``."""
        if not self.root.is_dir():
            raise ArtifactError(f"{self.root} is not a RUN folder: there is no such folder")
        if not part.exists():
            raise ArtifactError(
                f"{self.root} has no {part.relative_to(self.root)}: run `{command}` first"
            )
        return part


def load_network(run: str | Path) -> Network:
    """The integer network in the RUN folder ``run`` (see :meth:`RunFolder.network`)."""
    return RunFolder(Path(run)).network()


def save_network(network: Network, run: str | Path) -> RunFolder:
    """Make the RUN folder ``run`` with ``network`` in it, ready to be built.

    Raises
    ------
    OutputError
        If ``run`` holds a network already, or cannot be written.
    """
    folder = RunFolder(Path(run))
    with fresh_folder(folder.model) as model:
        save_graph(network, model)
    return folder


@contextmanager
def fresh_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes ``target`` when the block ends without an error.

    The folder is filled beside ``target`` (``.NAME.partial``) and renamed; after an error or
    Ctrl-C it is removed, so ``target`` is either complete or as it was. A folder that is replaced
    is there until the new one is complete.

    Parameters
    ----------
    target
        Where the folder is to be; its parents are made.
    replace
        Whether an existing ``target`` may be replaced.

    Raises
    ------
    OutputError
        If ``target`` exists (without ``replace``), cannot be written, or is being made by another
        process just now.
    """
    if target.exists() and not replace:
        raise OutputError(f"output folder {target} exists already: choose another, or use --force")
    if target.exists() and not target.is_dir():
        raise OutputError(f"output folder {target} must be a folder, and is a file")
    final = target.resolve()
    partial = final.with_name(f".{final.name}.partial")
    replaced = final.with_name(f".{final.name}.replaced")
    with readable_write_errors(target), claimed(partial, target):
        yield partial
        if final.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            final.rename(replaced)
        partial.rename(final)
        shutil.rmtree(replaced, ignore_errors=True)


@contextmanager
def claimed(folder: Path, target: Path) -> Iterator[None]:
    """``folder``, empty, for this process alone; what is left of it in the end is removed.

    What a process that was killed left in it is removed. Where there are no locks (Windows, some
    network file systems) two processes are not kept apart.

    Raises
    ------
    OutputError
        If another process has it.
    """
    descriptor: int | None = None
    refused = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if fcntl is not None:
            descriptor = os.open(folder, os.O_RDONLY)
            refused = not locked(descriptor, folder)
        if refused:
            raise OutputError(f"{target} is being made by another process")
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield
    finally:
        if not refused:
            shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def locked(descriptor: int, folder: Path) -> bool:
    """Lock the open ``folder``; False if another process has it, or just renamed it.

    On a file system without locks everybody may have it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def write_file(target: Path, content: bytes, *, replace: bool = False) -> None:
    """Make the file ``target``, which is either complete or as it was.

    Parameters
    ----------
    target
        Where the file is to be; its parents are made.
    replace
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If ``target`` exists (without ``replace``), is a folder, or cannot be written.
    """
    final = target.resolve()
    partial = final.with_name(f".{final.name}.partial")
    with readable_write_errors(target):
        if target.is_dir():
            raise OutputError(f"output file {target} must be a file, and is a folder")
        if target.exists() and not replace:
            raise OutputError(
                f"output file {target} exists already: choose another, or use --force"
            )
        try:
            if not final.parent.exists():
                final.parent.mkdir(parents=True)
            partial.write_bytes(content)
            partial.replace(final)
        finally:
            if partial.exists():
                partial.unlink()


@contextmanager
def readable_write_errors(target: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into an :class:`OutputError`."""
    reasons = {
        errno.ENOSPC: "no space is left on the device",
        errno.EDQUOT: "the disk quota is used up",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.EROFS: "the file system is read-only",
        errno.ENOTDIR: "a part of the path is a file",
        errno.ENAMETOOLONG: "the name is too long",
    }
    try:
        yield
    except OSError as error:
        if error.errno not in reasons:
            raise
        raise OutputError(f"cannot write {target}: {reasons[error.errno]}") from error
