# SPDX-License-Identifier: Apache-2.0
"""Results kept in a folder by what they were made of, so that nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

from xnorflow.toolchain import cache_folder

__all__ = ["cached"]

T = TypeVar("T")


def cached(kind: str, parts: Iterable[str], make: Callable[[], T]) -> T:
    """What ``make()`` gives, unless it was made before of the same ``parts``.

    Parameters
    ----------
    kind
        What it is; the name of a folder.
    parts
        Everything that the result depends on, in a fixed order: versions of tools, scripts, texts.
    make
        Gives a JSON value.
    """
    key = hashlib.sha256()
    for part in parts:
        # With its length, so that no two lists of parts run into one text.
        key.update(f"{len(part)} {part}\n".encode())
    kept = cache_folder() / kind / f"{key.hexdigest()}.json"
    if not kept.exists():
        text = json.dumps(make())
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Written aside: another process may be reading.
        aside = kept.with_suffix(f".{os.getpid()}")
        aside.write_text(text)
        aside.replace(kept)
    result: T = json.loads(kept.read_text())
    return result
