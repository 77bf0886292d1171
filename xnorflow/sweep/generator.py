# SPDX-License-Identifier: Apache-2.0
"""What makes hardware, as a digest: rows of different generators cannot be compared."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["generator_digest"]

PACKAGES = ("xnorflow.ir", "xnorflow.hw")
"""From the integer network to Verilog and estimates."""


@functools.cache
def generator_digest() -> str:
    """SHA-256 of the version of xnorflow and of the sources of :data:`PACKAGES`."""
    total = hashlib.sha256(version("xnorflow").encode())
    for package in PACKAGES:
        for path, content in sources(files(package), package):
            total.update(f"\0{path}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()


def sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every Python file below ``folder``, in a fixed order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from sources(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", entry.read_bytes()
