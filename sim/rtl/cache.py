# SPDX-License-Identifier: Apache-2.0
"""Compiled simulators by content: a file is there complete, or not at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from xnorflow.errors import OutputError
from xnorflow.toolchain import cache_folder

__all__ = ["ObjectCache", "content_key"]


@dataclass(frozen=True, slots=True)
class ObjectCache:
    """Files by the hash of everything that they are made from.

    Several processes may use one folder: each makes what it lacks aside and renames it, so two of
    them may do the same work, but none sees half a file.

    Parameters
    ----------
    folder
        Where the files are; made when the first one is written.
    """

    folder: Path

    @classmethod
    def default(cls) -> ObjectCache:
        """The cache in the user's cache folder."""
        return cls(cache_folder() / "rtl")

    def get(self, name: str, make: Callable[[Path], Path]) -> Path:
        """The file called ``name``; if it is not there, the one that ``make`` makes.

        Parameters
        ----------
        make
            Called with a fresh folder, removed afterwards; gives the file's path inside it.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        target = self.folder / name
        if target.exists():
            return target
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryDirectory(prefix="making-", dir=self.folder)
        except OSError as error:
            raise OutputError(
                f"the cache folder {self.folder} cannot be written: {error.strerror} "
                "(set XNORFLOW_CACHE_DIR to another)"
            ) from error
        with scratch as folder:
            make(Path(folder)).replace(target)
        return target


def content_key(parts: Iterable[str | bytes]) -> str:
    """A hash of ``parts`` and their boundaries, as hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        octets = part.encode() if isinstance(part, str) else part
        digest.update(len(octets).to_bytes(8, "little"))
        digest.update(octets)
    return digest.hexdigest()[:40]
