# SPDX-License-Identifier: Apache-2.0
"""Releases: what is kept in the repository is what its manifests say, and can be made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.bitstreams import release
from xnorflow.bitstreams.boards import find_board
from xnorflow.bitstreams.flow import BitstreamOptions, make_bitstream
from xnorflow.bitstreams.implementation import FLOWS
from xnorflow.bitstreams.release import changed_files, write_release
from xnorflow.errors import ArtifactError, OutputError
from xnorflow.hw.build import load_design
from xnorflow.ir import graph_digest
from xnorflow.readback.check import verify_bitstream
from xnorflow.rundir import RunFolder
from xnorflow.toolchain import find_tool

RELEASED = Path(__file__).parents[2] / "bitstreams" / "released"
RELEASES = sorted(path.parent for path in RELEASED.glob("*/manifest.json"))
SMALLEST = RELEASED / "ice40hx8k-evb-digits"
IMAGES = 100


def manifest_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return document


def check_tools(manifest: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip where the packages have other versions than those of the release."""
    monkeypatch.setenv("XNORFLOW_TOOLS", "packages")
    for name, version in manifest["tools"].items():
        tool = find_tool(name)
        if tool is None or tool.version != version:
            pytest.skip(f"made by {name} {version}, here is {tool and tool.version}")


def random_images(run: Path, folder: Path) -> str:
    """A data set of random pixels for the network in ``run``."""
    network = RunFolder(run).network()
    shape = network.types[network.input.name].shape
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    path = folder / "random.npz"
    labels = np.zeros(IMAGES, np.int64)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return str(path)


def test_there_are_releases_for_three_boards() -> None:
    assert len({manifest_of(folder)["board"] for folder in RELEASES}) >= 3


@pytest.mark.parametrize("folder", RELEASES, ids=lambda path: path.name)
def test_a_release_is_what_its_manifest_says(folder: Path) -> None:
    assert changed_files(folder) == []
    manifest = manifest_of(folder)
    network = RunFolder(folder).network()
    assert manifest["network_sha256"] == graph_digest(network)
    assert load_design(RunFolder(folder), network).dataflow.nodes
    board = find_board(manifest["board"])
    assert manifest["bitstream"]["file"] == f"{board.name}.{board.suffix}"
    kept = f"bitstream/{board.name}/{manifest['bitstream']['file']}"
    assert manifest["files"][kept] == manifest["bitstream"]["sha256"]
    assert manifest["fmax_mhz"] >= manifest["clock_mhz"]
    assert manifest["tools"].keys() == {
        "yosys",
        FLOWS[board.device].nextpnr,
        FLOWS[board.device].packer,
    }
    row = f"| {board.name} "
    assert any(line.startswith(row) for line in (RELEASED / "README.md").read_text().splitlines())


def test_a_release_of_a_release_is_the_same(tmp_path: Path) -> None:
    board = manifest_of(SMALLEST)["board"]
    path = write_release(SMALLEST, board, tmp_path / "again")
    assert path.read_text() == (SMALLEST / "manifest.json").read_text()
    assert changed_files(tmp_path / "again") == []
    with pytest.raises(OutputError, match="exists already"):
        write_release(SMALLEST, board, tmp_path / "again")


def test_changes_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(SMALLEST, folder)
    (folder / "rtl" / "fc1_weights.mem").unlink()
    (folder / "metrics.json").write_text("{}")
    (folder / "note.txt").write_text("mine")
    assert changed_files(folder) == ["metrics.json", "note.txt", "rtl/fc1_weights.mem"]
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"is not a release: it has no manifest\.json$"):
        changed_files(folder)


def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(SMALLEST), "icebreaker", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["release", *arguments])
    assert release.main() == 2
    assert capsys.readouterr().err.startswith(
        f"error: {SMALLEST} has no bitstream/icebreaker: run `xnorflow synth "
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("folder", RELEASES, ids=lambda path: path.name)
def test_a_release_can_be_made_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes by the same tools, and images through what they configure."""
    manifest = manifest_of(folder)
    check_tools(manifest, monkeypatch)
    run = tmp_path / "run"
    shutil.copytree(folder, run)
    report = json.loads((run / "bitstream" / manifest["board"] / "report.json").read_text())
    options = BitstreamOptions(
        manifest["board"],
        clock_mhz=report["clock"]["requested_mhz"],
        seed=report["seed"],
        baud=report["baud"],
        replace=True,
    )
    assert make_bitstream(run, options).sha256 == manifest["bitstream"]["sha256"]
    monkeypatch.delenv("XNORFLOW_TOOLS")
    images = random_images(run, tmp_path)
    checked = verify_bitstream(run, manifest["board"], images=IMAGES, data=images)
    assert checked.passed
    assert checked.images == IMAGES
