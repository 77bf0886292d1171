# SPDX-License-Identifier: Apache-2.0
# Numba has no types:
# mypy: disable-error-code="misc, untyped-decorator"
"""How loops are compiled by numba, and how what was compiled is kept on disk.

Numba looks only at the file of a function to tell whether its cached code is stale, but that code
contains what the function calls from other files. So the qualified name of a cached function ends
with a digest of all files of its folder. Numba names its files after it: once any of the sources
has changed, what was compiled before is not found. So all that a compiled function calls must stand
in its folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["compile_cached", "inlined", "sources_digest"]


@cache
def sources_digest(folder: Path) -> str:
    """Digest of the Python files of ``folder``, eight digits."""
    sources = sorted(folder.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def compile_cached(function: Callable[..., Any]) -> Any:
    """``function`` compiled on its first call without the interpreter lock, cached on disk.

    Numba caches beside the file, else in the user's cache folder; where neither can be written
    it refuses, and the function is compiled in each process.
    """
    folder = Path(function.__code__.co_filename).parent
    function.__qualname__ += f"_{sources_digest(folder)}"
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        return njit(nogil=True, error_model="numpy")(function)


inlined = njit(nogil=True, error_model="numpy", forceinline=True)
"""For functions that are called from compiled ones only."""
