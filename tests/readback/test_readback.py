# SPDX-License-Identifier: Apache-2.0
"""Bitstreams, turned back into designs and simulated from their pins."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import json_of

from xnorflow.bitstreams.boards import BOARDS
from xnorflow.bitstreams.flow import BitstreamOptions, make_bitstream
from xnorflow.cli import main
from xnorflow.errors import ArtifactError, SimulationError, ToolError
from xnorflow.hw.build import BuildOptions, build
from xnorflow.hw.families import Device
from xnorflow.hw.link import LineKind
from xnorflow.ir import (
    BIPOLAR,
    ArgMax,
    Flatten,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    uint_type,
)
from xnorflow.readback import configured, simulator
from xnorflow.readback.check import verify_bitstream
from xnorflow.readback.configured import tie_open_inputs
from xnorflow.rundir import save_network


def small_network(seed: int = 0, side: int = 4, hidden: int = 24) -> Network:
    """A square image of ``side``, ``hidden`` neurons, 10 classes."""
    rng = np.random.default_rng(seed)
    signs = np.array([-1, 1])
    limits = rng.integers(-99, 99, (hidden, 1))
    table = ThresholdTable(limits, np.zeros(hidden, bool), -1, BIPOLAR)
    first, second = rng.choice(signs, (hidden, side**2)), rng.choice(signs, (10, hidden))
    return Network(
        (
            Input(name="image", type=TensorType(uint_type(8), (side, side, 1))),
            Flatten(name="flat", inputs=("image",)),
            MatMul(name="fc1", inputs=("flat",), weights=first, weight_type=BIPOLAR),
            Threshold(name="act1", inputs=("fc1",), table=table),
            MatMul(name="fc2", inputs=("act1",), weights=second, weight_type=BIPOLAR),
            ArgMax(name="label", inputs=("fc2",)),
        )
    )


SPRAM_FOLDING = """{"fc1": {"PE": 4, "SIMD": 8, "ram_style": "spram"},
 "fc2": {"PE": 2, "SIMD": 4, "ram_style": "spram"}}"""
"""Three SPRAMs: two side by side, and one."""


def make_run(
    folder: Path,
    device: Device,
    board: str,
    network: Network,
    folding: str | None = None,
    link: LineKind = LineKind.UART,
) -> Path:
    """A RUN folder with a bitstream, and 100 images in it."""
    run = folder / "run"
    save_network(network, run)
    file = None if folding is None else folder / "folding.json"
    if file is not None:
        file.write_text(folding or "")
    build(run, BuildOptions(device=device, folding=file))
    assert make_bitstream(run, BitstreamOptions(board, link=link)).passed
    images = np.random.default_rng(1).integers(0, 256, (100, *network.input.type.shape), np.uint8)
    labels = np.arange(100) % 10
    np.savez(
        run / "images.npz",
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "device", "subject"),
    [
        ("icebreaker", Device.ICE40, "bitstream"),
        ("ice40hx8k-evb", Device.ICE40, "bitstream"),
        ("ulx3s-25f", Device.ECP5, "routed netlist"),
        ("tang-nano-9k", Device.GOWIN, "routed netlist"),
    ],
)
def test_a_bitstream_gives_what_the_network_gives(
    tmp_path: Path,
    board: str,
    device: Device,
    subject: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """100 images over the serial line, through the FPGA as it is configured."""
    run = make_run(tmp_path, device, board, small_network())
    result = json_of(
        capsys, "verify", str(run), "--bitstream", board, "--data", str(run / "images.npz")
    )
    assert (result["passed"], result["images"], result["subject"]) == (True, 100, subject)
    assert (result["output"]["values"], result["output"]["mismatches"]) == (100, 0)


@pytest.mark.slow
def test_weights_in_spram_are_loaded_over_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SPRAMs of the packed bitstream, which have nothing in them at first."""
    run = make_run(tmp_path, Device.ICE40, "icebreaker", small_network(), SPRAM_FOLDING)
    report = json.loads((run / "bitstream" / "icebreaker" / "report.json").read_text())
    assert {"cell": "ICESTORM_SPRAM", "used": 3, "available": 4} in report["usage"]
    data = str(run / "images.npz")
    result = json_of(capsys, "verify", str(run), "--bitstream", "icebreaker", "--data", data)
    assert (result["passed"], result["subject"]) == (True, "bitstream")
    assert (result["output"]["values"], result["output"]["mismatches"]) == (100, 0)


@pytest.mark.slow
def test_sprams_that_are_connected_wrongly_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two address wires exchanged, as they are read back, and one SPRAM less."""
    run = make_run(tmp_path, Device.ICE40, "icebreaker", small_network(), SPRAM_FOLDING)
    right = configured.sprams_in

    def spoilt(*arguments: Any) -> list[Any]:
        first, *others = (dict(pins) for pins in right(*arguments))
        assert len(others) == 2
        first["ADDRESS_0"], first["DATAIN_1"] = first["DATAIN_1"], first["ADDRESS_0"]
        return [first, *others]

    monkeypatch.setattr(configured, "sprams_in", spoilt)
    assert not verify_bitstream(run, "icebreaker", 40, str(run / "images.npz")).passed
    monkeypatch.setattr(configured, "sprams_in", lambda *arguments: right(*arguments)[1:])
    assert not verify_bitstream(run, "icebreaker", 40, str(run / "images.npz")).passed


@pytest.mark.slow
def test_a_bitstream_with_spi(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same through SPI, at the highest clock that it may have."""
    run = make_run(tmp_path, Device.ICE40, "icebreaker", small_network(), link=LineKind.SPI)
    images = ("--data", str(run / "images.npz"))
    result = json_of(capsys, "verify", str(run), "--bitstream", "icebreaker", *images)
    assert (result["passed"], result["images"], result["subject"]) == (True, 100, "bitstream")


@pytest.mark.slow
def test_a_wrong_bitstream_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights in which every bit is the other one; and the bitstream of another network."""
    run = make_run(tmp_path / "one", Device.ICE40, "icebreaker", small_network(0, 8, 64))
    data = str(run / "images.npz")
    prepare = simulator.prepare_reading

    def spoilt(board: Any, link: LineKind, source: Path, scratch: Path) -> str:
        script = prepare(board, link, source, scratch)
        path = scratch / "configured.v"
        lines = path.read_text().splitlines(keepends=True)
        for number, line in enumerate(lines):
            if ".INIT_0(256'h" in line and not line.split("'h")[1].startswith("0" * 64):
                digits = line.split("'h")[1][:64]
                other = f"{int(digits, 16) ^ (2**256 - 1):064x}"
                lines[number] = line.replace(digits, other)
        path.write_text("".join(lines))
        return script

    with monkeypatch.context() as patch:
        patch.setattr(simulator, "prepare_reading", spoilt)
        assert not verify_bitstream(run, "icebreaker", 40, data).passed

    other = make_run(tmp_path / "two", Device.ICE40, "icebreaker", small_network(1, 8, 64))
    kept, source = run / "bitstream" / "icebreaker", other / "bitstream" / "icebreaker"
    shutil.copyfile(source / "icebreaker.bin", kept / "icebreaker.bin")
    with pytest.raises(SimulationError, match=r"^the board must say that it is 01"):
        verify_bitstream(run, "icebreaker", 1, data)
    shutil.copyfile(source / "report.json", kept / "report.json")
    with pytest.raises(ArtifactError, match=r" was made from another network than "):
        verify_bitstream(run, "icebreaker", 1, data)


@pytest.mark.slow
def test_a_wrong_routed_netlist_of_gowin_is_found(tmp_path: Path) -> None:
    """A buffer and weights in block RAMs, clocked by the PLL; then other weights, other carries."""
    run = tmp_path / "run"
    save_network(small_network(side=28), run)
    build(run, BuildOptions(device=Device.GOWIN))
    assert make_bitstream(run, BitstreamOptions("tang-nano-9k", clock_mhz=33)).passed
    images = np.random.default_rng(1).integers(0, 256, (64, 28, 28, 1), np.uint8)
    parts = {f"{part}_images": images for part in ("train", "test")}
    labels = {f"{part}_labels": np.arange(64) % 10 for part in ("train", "test")}
    data = str(run / "images.npz")
    np.savez(data, **parts, **labels)
    path = run / "bitstream" / "tang-nano-9k" / "routed.json"
    netlist = json.loads(path.read_text())
    cells = netlist["modules"]["top"]["cells"]
    assert {"SP", "SDP", "DP", "rPLL"} <= {cell["type"] for cell in cells.values()}
    assert verify_bitstream(run, "tang-nano-9k", 64, data).passed

    memory = next(cell for cell in cells.values() if cell["type"] == "SP")
    right = dict(memory["parameters"])
    for name, bits in right.items():
        if name.startswith("INIT_RAM"):
            memory["parameters"][name] = bits.translate(str.maketrans("01", "10"))
    path.write_text(json.dumps(netlist))
    assert not verify_bitstream(run, "tang-nano-9k", 64, data).passed

    memory["parameters"] = right
    head = next(cell for cell in cells.values() if cell["parameters"].get("CIN_NETTYPE") == "LOGIC")
    head["parameters"]["RAW_ALU_LUT"] = f"{0x505A:032b}"
    path.write_text(json.dumps(netlist))
    with pytest.raises(ToolError, match=r"_HEAD_ALULC' has an open input CIN, which it depends"):
        verify_bitstream(run, "tang-nano-9k", 64, data)


def test_without_a_bitstream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    save_network(small_network(), run)
    build(run)
    assert main(["verify", str(run), "--bitstream", "icebreaker"]) == 2
    assert "run `xnorflow synth" in capsys.readouterr().err


def test_open_inputs_have_the_value_of_their_setting() -> None:
    cell: dict[str, Any] = {
        "type": "DP16KD",
        "parameters": {"WEAMUX": "INV", "ADA0MUX": "1 ", "ADB0MUX": "0 ", "CLKAMUX": "CLKA"},
        "connections": {"WEA": [], "ADA0": [], "ADB0": [], "CLKA": [7], "CEA": []},
    }
    tie_open_inputs("ram", cell)
    assert cell["connections"] == {
        "WEA": ["0"],
        "ADA0": ["1"],
        "ADB0": ["0"],
        "CLKA": [7],
        "CEA": [],
    }
    assert cell["parameters"] == {}


def test_an_inverted_input_that_is_not_described() -> None:
    cell = {"type": "DP16KD", "parameters": {"CLKAMUX": "INV"}, "connections": {"CLKA": [7]}}
    with pytest.raises(ToolError, match=r"^cell 'ram' has an inverted input CLKA, which is not"):
        tie_open_inputs("ram", cell)


def test_a_family_that_is_not_read_back(tmp_path: Path) -> None:
    other = replace(BOARDS["tang-nano-9k"], device=Device.XC7)
    with pytest.raises(ToolError, match=r"^designs for xc7 cannot be read back$"):
        simulator.prepare_reading(other, LineKind.UART, tmp_path, tmp_path)
