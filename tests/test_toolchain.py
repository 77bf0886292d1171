# SPDX-License-Identifier: Apache-2.0
"""Tools are found in the stated order, and a missing one is a line that helps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xnorflow import toolchain
from xnorflow.errors import ToolError
from xnorflow.toolchain import TOOLS, cache_folder, doctor_report, find_tool, require_tool


def executable(folder: Path, name: str, output: str) -> Path:
    """A program that prints ``output``."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


def test_a_chosen_compiler_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = executable(tmp_path, "my-c++", "my compiler 9.8.7")
    monkeypatch.setenv("XNORFLOW_CXX", f"{path} -march=native")
    tool = find_tool("c++")
    assert tool is not None
    assert tool.command == (str(path), "-march=native")
    assert tool.version == "9.8.7"


def test_clang_goes_before_gcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path, "g++", "g++ 12.2.0")
    clang = executable(tmp_path, "clang++", "clang version 14.0.6")
    monkeypatch.delenv("XNORFLOW_CXX", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    tool = find_tool("c++")
    assert tool is not None
    assert tool.command[0] == str(clang)


@pytest.mark.parametrize("name", TOOLS)
def test_a_missing_tool_says_how_to_get_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_tool", lambda _: None)
    with pytest.raises(ToolError, match=r" is not installed, needed to count ones: .*install"):
        require_tool(name, "count ones")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("XNORFLOW_CACHE_DIR", raising=False)
    assert cache_folder() == tmp_path / "caches" / "xnorflow"
    monkeypatch.setenv("XNORFLOW_CACHE_DIR", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_the_doctor_reports_every_tool() -> None:
    report = doctor_report()
    assert [entry.name for entry in report.tools] == list(TOOLS)
    assert all(entry.found or (entry.without and entry.install) for entry in report.tools)
