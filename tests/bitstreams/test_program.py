# SPDX-License-Identifier: Apache-2.0
"""Programming boards, by stand-ins for the programmers."""

from __future__ import annotations

from pathlib import Path

import pytest

from xnorflow.bitstreams.program import program
from xnorflow.cli import main
from xnorflow.errors import ArtifactError, ToolError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in ("icebreaker/icebreaker.bin", "orangecrab-25f/orangecrab-25f.dfu"):
        file = tmp_path / "run" / "bitstream" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"bits")
        (file.parent / "report.json").write_text('{"link": "uart"}')
    return tmp_path / "run"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(tools: Path, name: str, code: int = 0) -> Path:
    """A program that notes its arguments."""
    noted = tools / f"{name}.txt"
    (tools / name).write_text(f'#!/bin/sh\necho "$@" > {noted}\nexit {code}\n')
    (tools / name).chmod(0o755)
    return noted


@pytest.mark.parametrize(
    ("board", "tool", "arguments"),
    [
        ("icebreaker", "iceprog", "{run}/bitstream/icebreaker/icebreaker.bin"),
        (
            "icebreaker",
            "openFPGALoader",
            "-b ice40_generic {run}/bitstream/icebreaker/icebreaker.bin",
        ),
        ("orangecrab-25f", "dfu-util", "-a 0 -D {run}/bitstream/orangecrab-25f/orangecrab-25f.dfu"),
    ],
)
def test_the_programmer_that_is_there_gets_the_file(
    run: Path, tools: Path, board: str, tool: str, arguments: str
) -> None:
    noted = install(tools, tool)
    result = program(run, board)
    assert noted.read_text().strip() == arguments.format(run=run)
    assert result.command == f"{tool} {arguments.format(run=run)}"


def test_the_first_programmer_is_taken(run: Path, tools: Path) -> None:
    install(tools, "openFPGALoader")
    install(tools, "iceprog")
    assert program(run, "icebreaker").command.startswith("iceprog ")


def test_a_bitstream_with_spi_goes_past_the_flash(run: Path, tools: Path) -> None:
    """Into the configuration memory; openFPGALoader would write the flash."""
    folder = run / "bitstream" / "icebreaker"
    (folder / "report.json").write_text('{"link": "spi"}')
    noted = install(tools, "iceprog")
    install(tools, "openFPGALoader")
    program(run, "icebreaker")
    assert noted.read_text().strip() == f"-S {folder}/icebreaker.bin"


def test_a_report_that_cannot_be_read(run: Path, tools: Path) -> None:
    (run / "bitstream" / "icebreaker" / "report.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"icebreaker/report\.json cannot be read: "):
        program(run, "icebreaker")


def test_without_a_programmer_the_commands_are_named(run: Path, tools: Path) -> None:
    with pytest.raises(ToolError) as caught:
        program(run, "icebreaker")
    file = run / "bitstream" / "icebreaker" / "icebreaker.bin"
    assert str(caught.value) == (
        "no programmer for iCEBreaker is installed: install one and run "
        f"`iceprog {file}` (apt install fpga-icestorm) or "
        f"`openFPGALoader -b ice40_generic {file}` (apt install openfpgaloader)"
    )


def test_a_programmer_that_fails(run: Path, tools: Path) -> None:
    install(tools, "dfu-util", code=74)
    with pytest.raises(ToolError, match=r"^dfu-util -a 0 -D .* failed \(exit code 74\)$"):
        program(run, "orangecrab-25f")


def test_without_a_bitstream(run: Path, tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ArtifactError, match=r"run `xnorflow synth .* --board ulx3s-25f` first$"):
        program(run, "ulx3s-25f")
    assert main(["program", str(run), "--board", "ulx3s-25f"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
