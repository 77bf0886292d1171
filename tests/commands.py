# SPDX-License-Identifier: Apache-2.0
"""Commands as tests run them: what they print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from xnorflow.cli import main

__all__ = ["error_of", "json_of"]


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints with ``--json``."""
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command with a mistake prints."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.rstrip("\n")
