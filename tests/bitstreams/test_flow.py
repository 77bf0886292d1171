# SPDX-License-Identifier: Apache-2.0
"""From a network to a bitstream, by the real tools."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import error_of, json_of
from lab import Mlp

from xnorflow.bitstreams import flow, implementation
from xnorflow.bitstreams.boards import BOARDS
from xnorflow.bitstreams.flow import BitstreamOptions, make_bitstream
from xnorflow.cli import main
from xnorflow.errors import ConfigError, OutputError, ToolError
from xnorflow.hw.build import BuildOptions, build
from xnorflow.hw.families import Device
from xnorflow.hw.link import Spi
from xnorflow.ir import uint_type
from xnorflow.rundir import save_network
from xnorflow.toolchain import Tool

MakeRun = Callable[..., Path]


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Makes a RUN folder with hardware for a device."""

    def make(device: Device | None, mlp: Mlp | None = None, **options: Any) -> Path:
        run = tmp_path_factory.mktemp("bitstream") / "run"
        save_network((mlp or Mlp()).network(), run)
        build(run, BuildOptions(device=device, **options))
        return run

    return make


@pytest.fixture(scope="module")
def tiny(make_run: MakeRun) -> Path:
    """A RUN folder with a bitstream for iCEBreaker."""
    run = make_run(Device.ICE40)
    assert make_bitstream(run, BitstreamOptions("icebreaker")).passed
    return run


def contents(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_what_is_in_the_folder(tiny: Path) -> None:
    folder = tiny / "bitstream" / "icebreaker"
    assert [path.name for path in sorted(folder.iterdir())] == [
        "board.pcf",
        "board.v",
        "core.v",
        "icebreaker.bin",
        "nextpnr.log",
        "report.json",
    ]
    document = json.loads((folder / "report.json").read_text())
    assert document["clock"]["mhz"] == 24
    assert document["timing"]["fmax_mhz"] > 24
    assert {"yosys", "nextpnr-ice40", "icepack"} == set(document["tools"])
    assert {"fc1", "fc2", "fc3", "label", ""} <= set(document["layers"])
    assert (document["link"], document["baud"], document["max_sck_mhz"]) == ("uart", 10**6, None)
    assert document["file"] == "icebreaker.bin"
    digest = hashlib.sha256((folder / "icebreaker.bin").read_bytes()).hexdigest()
    assert document["sha256"] == digest


def test_the_bitstream_starts_as_ice40_want_it(tiny: Path) -> None:
    """IceStorm's format: comment, preamble 7EAA997E."""
    data = (tiny / "bitstream" / "icebreaker" / "icebreaker.bin").read_bytes()
    assert bytes.fromhex("7eaa997e") in data[:64]


def test_rebuilding_gives_the_same_bytes(tiny: Path) -> None:
    folder = tiny / "bitstream" / "icebreaker"
    before = contents(folder)
    report = make_bitstream(tiny, BitstreamOptions("icebreaker", replace=True))
    assert contents(folder) == before
    assert set(report.seconds) == {"synthesis", "place and route", "packing"}


def test_an_earlier_bitstream_is_not_replaced_unasked(tiny: Path) -> None:
    with pytest.raises(OutputError, match=r"bitstream/icebreaker exists already: .* --force$"):
        make_bitstream(tiny, BitstreamOptions("icebreaker"))


def test_a_missed_clock_leaves_nothing_and_says_by_how_much(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["synth", str(tiny), "--board", "ice40hx8k-evb", "--clock-mhz", "275"]
    assert main(command) == 1
    text = capsys.readouterr().out
    found = re.search(
        r"^MISSES ITS CLOCK: ([\d.]+) MHz reached, ([\d.]+) MHz too slow$", text, re.M
    )
    assert found is not None
    assert float(found[1]) + float(found[2]) == pytest.approx(275, abs=0.11)
    assert re.search(r"^critical path: .* in (layer \w+|link and clock)", text, re.M)
    assert "a clock that should be met: `xnorflow synth " in text
    assert text.endswith("no bitstream was written\n")
    assert [path.name for path in (tiny / "bitstream").iterdir()] == ["icebreaker"]


def test_a_failure_leaves_an_earlier_bitstream_and_says_so(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny / "bitstream" / "icebreaker"
    before = contents(folder)
    command = ["synth", str(tiny), "--board", "icebreaker", "--clock-mhz", "150", "--force"]
    assert main(command) == 1
    assert f"{folder} is still what an earlier run made" in capsys.readouterr().out
    assert contents(folder) == before


def test_measured_without_the_link(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(tiny / "bitstream" / "icebreaker")
    result = json_of(capsys, "synth", str(tiny), "--board", "icebreaker", "--no-link")
    assert (result["passed"], result["baud"], result["file"]) == (True, None, None)
    with_link = json.loads((tiny / "bitstream" / "icebreaker" / "report.json").read_text())
    assert result["usage"][0]["used"] < with_link["usage"][0]["used"] - 300
    assert contents(tiny / "bitstream" / "icebreaker") == before


def test_a_bitstream_with_spi(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(Device.ICE40)
    assert main(["synth", str(run), "--board", "icebreaker", "--link", "spi"]) == 0
    assert "\nSPI: SCK up to 6 MHz\n" in capsys.readouterr().out
    folder = run / "bitstream" / "icebreaker"
    document = json.loads((folder / "report.json").read_text())
    assert (document["link"], document["baud"], document["max_sck_mhz"]) == ("spi", None, 6)
    assert "set_io sck_pin 15\n" in (folder / "board.pcf").read_text()


def test_another_familys_design_is_refused(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(Device.ECP5, Mlp(widths=(12, 8, 8, 5)))
    message = error_of(capsys, "synth", str(run), "--board", "icebreaker")
    assert re.search(
        r"^error: iCEBreaker has another FPGA: the design is built for ecp5, not ice40: build it "
        r"with --device ice40 or --portable \(`xnorflow build .* --device ice40 --force`\)$",
        message,
    )
    assert not (run / "bitstream").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "nothing"], r"^error: unknown board 'nothing' \(known: icebreaker, "),
        (
            ["--board", "icebreaker", "--device", "ice40"],
            r"^error: give a board or a family, not both",
        ),
        (
            ["--board", "ulx3s-25f", "--link", "spi"],
            r"^error: ULX3S with LFE5U-25F has no SPI to the host, only a UART \(with SPI: iceb",
        ),
        (["--board", "icebreaker", "--clock-mhz", "13"], r"nearest: 12 MHz and 16\.125 MHz$"),
        (
            ["--board", "icebreaker", "--seed", "-1"],
            r"^error: seed must be from 0 to 2147483647, not -1$",
        ),
        (
            ["--board", "icebreaker", "--baud", "5000000"],
            r"^error: baud must be a rate that a clock",
        ),
    ],
)
def test_mistakes(
    tiny: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_of(capsys, "synth", str(tiny), "--force", *options)
    assert re.search(message, error)
    assert (tiny / "bitstream" / "icebreaker" / "icebreaker.bin").exists()


def test_seeds(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"^seed must be "):
        BitstreamOptions("icebreaker", seed=2**31)


def test_a_link_is_a_kind_of_line() -> None:
    options = BitstreamOptions("icebreaker", link="spi")  # type: ignore[arg-type]
    assert options.line == Spi()
    with pytest.raises(ConfigError, match=r"^link must be uart, spi or None, not True$"):
        BitstreamOptions("icebreaker", link=True)  # type: ignore[arg-type]


def test_a_design_that_does_not_fit(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As nextpnr says it, of an FPGA that it is told to be small."""
    log = "Info: \t ICESTORM_LC:  900/  100   900%\nInfo: \t ICESTORM_RAM:  0/  30   0%\n"

    def failing(tool: Tool, *arguments: str, folder: Path, **_: Any) -> Any:
        (folder / "nextpnr.log").write_text(log)
        return type("Result", (), {"returncode": 1, "stdout": "", "stderr": "ERROR: full"})

    run_tool = Tool.run
    monkeypatch.setattr(
        Tool,
        "run",
        lambda tool, *a, **k: (failing if "nextpnr" in tool.name else run_tool)(tool, *a, **k),
    )
    small = replace(BOARDS["icebreaker"], name="small", luts=100)
    monkeypatch.setattr(flow, "find_board", lambda _: small)
    assert main(["synth", str(tiny), "--board", "small"]) == 1
    text = capsys.readouterr().out
    assert re.search(r"^DOES NOT FIT: 800 logic cells too many; \d+ % of them are of ", text, re.M)
    assert "no folding fits iCEBreaker: " in text
    assert not (tiny / "bitstream" / "small").exists()


def test_nextpnr_that_fails_otherwise(tmp_path: Path) -> None:
    (tmp_path / "netlist.json").write_text("no netlist")
    with pytest.raises(ToolError, match=r"^nextpnr-ice40 cannot place and route: .*exit code"):
        implementation.route(BOARDS["icebreaker"], tmp_path, 12.0, seed=1)


def test_a_packer_that_fails(tmp_path: Path) -> None:
    (tmp_path / "routed.asc").write_text("nothing that is routed")
    with pytest.raises(ToolError, match=r"^icepack cannot pack the bitstream: "):
        implementation.pack(BOARDS["icebreaker"], tmp_path, "icebreaker.bin")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "mhz"),
    [
        ("ice40hx8k-evb", None),
        ("ulx3s-25f", None),
        ("orangecrab-25f", None),
        ("colorlight-i5", None),
        ("tang-nano-9k", None),
        ("tang-nano-9k", 36),
    ],
)
def test_every_kind_of_board(make_run: MakeRun, board: str, mhz: float | None) -> None:
    """Of portable hardware too, with and without PLL, twice with the same bytes."""
    run = make_run(None, Mlp(widths=(64, 32, 10), pixel=uint_type(1)))
    report = make_bitstream(run, BitstreamOptions(board, mhz))
    assert report.passed
    assert report.file is not None
    before = contents(report.file.parent)
    make_bitstream(run, BitstreamOptions(board, mhz, replace=True))
    assert contents(report.file.parent) == before


@pytest.mark.slow
def test_the_folding_that_is_named_fits(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    mlp = Mlp(widths=(256, 256, 256, 10), pixel=uint_type(1))
    run = make_run(Device.ICE40, mlp, target_fps=1e6, clock_mhz=20)
    assert main(["synth", str(run), "--board", "icebreaker"]) == 1
    named = re.search(
        r"^a folding that should fit: `xnorflow (.*)`$", capsys.readouterr().out, re.M
    )
    assert named is not None
    assert not (run / "bitstream").exists()
    assert main(named[1].split()) == 0
    assert main(["synth", str(run), "--board", "icebreaker"]) == 0


@pytest.fixture(scope="module")
def loaded(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN folder with hardware whose weights are in SPRAM."""
    folding = tmp_path_factory.mktemp("folding") / "folding.json"
    folding.write_text('{"image": {"PE": 4}, "fc1": {"PE": 4, "SIMD": 4, "ram_style": "spram"}}')
    return make_run(Device.ICE40, folding=folding)


def test_a_bitstream_with_weights_in_spram(
    loaded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json_of(capsys, "synth", str(loaded), "--board", "icebreaker")
    assert report["passed"]
    assert {"cell": "ICESTORM_SPRAM", "used": 1, "available": 4} in report["usage"]
    assert report["layers"]["fc1"]["SPRAM"] == 1
    assert main(["synth", str(loaded), "--board", "icebreaker", "--no-link"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^SPRAMs +1 +4 +25\.0$", text, re.MULTILINE)
    assert re.search(r"^layer +LUT +FF +BRAM +SPRAM +DSP$", text, re.MULTILINE)
    assert main(["synth", str(loaded), "--device", "ice40"]) == 0
    assert "1 SPRAM" in capsys.readouterr().out


def test_a_board_without_spram(loaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = error_of(capsys, "synth", str(loaded), "--board", "ice40hx8k-evb")
    assert re.search(r"has no SPRAM, and the design takes 1: build another$", error)
