# SPDX-License-Identifier: Apache-2.0
"""Programs that answer as the Python of FINN's environment would."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["answering", "failing"]

PROGRAM = """#!{python}
import json, sys
from pathlib import Path

if "-c" in sys.argv:
    print("1.6.1")
    sys.exit(0)
job = Path(sys.argv[-1])

def tell(event, **facts):
    print(json.dumps({{"event": event, **facts}}), flush=True)

{behaviour}
"""


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def answering(path: Path, behaviour: str) -> Path:
    """A Python with finn-plus, at ``path``, whose worker does ``behaviour`` with its ``job``."""
    return program(path, PROGRAM.format(python=sys.executable, behaviour=behaviour))


def failing(path: Path) -> Path:
    """A Python without finn-plus, at ``path``."""
    return program(path, "#!/bin/sh\necho 'No package metadata was found' >&2\nexit 1\n")
