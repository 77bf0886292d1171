# SPDX-License-Identifier: Apache-2.0
"""Synthesis counts what a design takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xnorflow.bitstreams.synthesis import Device, resource_of, synthesise
from xnorflow.cli import main
from xnorflow.errors import ArtifactError, ToolError
from xnorflow.hw.build import BuildOptions, build
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
    save_graph,
    uint_type,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN folder with a network of 4096 + 80 weights."""
    folder = tmp_path_factory.mktemp("synthesis") / "run"
    (folder / "model").mkdir(parents=True)
    rng = np.random.default_rng(0)

    def weights(mh: int, mw: int) -> np.ndarray:
        return rng.choice(np.array([-1, 1]), (mh, mw))

    table = ThresholdTable(rng.integers(-200, 200, (8, 1)), np.zeros(8, bool), -1, BIPOLAR)
    network = Network(
        (
            Input(name="image", type=TensorType(uint_type(8), (8, 64, 1))),
            Flatten(name="flat", inputs=("image",)),
            MatMul(name="fc1", inputs=("flat",), weights=weights(8, 512), weight_type=BIPOLAR),
            Threshold(name="act1", inputs=("fc1",), table=table),
            MatMul(name="fc2", inputs=("act1",), weights=weights(10, 8), weight_type=BIPOLAR),
            ArgMax(name="label", inputs=("fc2",)),
        )
    )
    save_graph(network, folder / "model")
    build(folder, BuildOptions(target_fps=1e5, clock_mhz=100))
    return folder


@pytest.mark.parametrize("device", list(Device))
def test_every_cell_is_counted(run: Path, device: Device) -> None:
    """Each family keeps 4096 weights in one block RAM (or none), and has no other cells."""
    result = synthesise(run, device)
    assert result.luts > 0
    assert result.flip_flops > 0
    assert result.dsps == 0
    if device is Device.ICE40:
        assert result.luts == result.cells["SB_LUT4"]
        assert result.block_rams == result.cells["SB_RAM40_4K"] >= 1
        assert result.flip_flops == sum(n for c, n in result.cells.items() if "SB_DFF" in c)
    if device is Device.ECP5:
        assert result.luts >= result.cells["LUT4"] + 2 * result.cells["CCU2C"]


def test_unknown_cells_are_no_silent_zero() -> None:
    with pytest.raises(ToolError, match=r"^synthesis for ice40 gave cells 'SB_NEW', which cannot"):
        resource_of(Device.ICE40, "SB_NEW")


@pytest.mark.parametrize("cell", ["MULT9X9", "MULT18X18", "MULT36X36"])
def test_multipliers_of_gowin_are_dsp_blocks(cell: str) -> None:
    assert resource_of(Device.GOWIN, cell) == ("DSP", 1)


def test_without_verilog(tmp_path: Path, run: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(run / "model")
    with pytest.raises(ArtifactError, match=r"has no rtl: run `xnorflow build .*` first$"):
        synthesise(tmp_path / "run", Device.ICE40)


def test_command(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", str(run), "--device", "ice40"]) == 0
    assert capsys.readouterr().out.startswith("ice40: ")
