# SPDX-License-Identifier: Apache-2.0
"""``infer`` on a simulated board, and the mistakes that users make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import error_of, json_of

import xnorflow.inference
from xnorflow.cli import main
from xnorflow.hw.build import BuildOptions, build
from xnorflow.ir import Network
from xnorflow.rundir import load_network, save_network
from xnorflow.sim.link import BoardOptions, SimulatedBoard
from xnorflow.sim.reference import ReferenceEngine


@pytest.fixture(scope="module")
def run(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN folder with a small network, built to give labels, and images beside it."""
    folder = tmp_path_factory.mktemp("infer") / "run"
    save_network(lab.Mlp().network(), folder)
    build(folder, BuildOptions(target_fps=1e5))
    write_images(folder / "images.npz", lab.random_frames(lab.Mlp().network(), 30))
    return folder


def write_images(path: Path, frames: np.ndarray, **arrays: np.ndarray) -> None:
    np.savez(path, images=frames.astype(np.uint8), **arrays)


def simulate(run: Path, *more: str) -> tuple[str, ...]:
    return ("infer", str(run), f"{run}/images.npz", "--simulate", *more)


def test_classes_latency_and_rate_are_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*simulate(run, "--check")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"images: 30 of {run}/images.npz, on simulated board"
    assert lines[1].startswith("classes: ")
    assert lines[1].endswith(" ...")
    assert lines[2].startswith("latency: ")
    assert lines[2].endswith(" images/s")
    assert lines[3] == "link: 30 images sent, 0 of them again; 0 errors"
    assert lines[4] == "PASS: 30 outputs, all as the integer reference gives them"


def test_json_has_everything(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network: Network = load_network(run)
    with np.load(run / "images.npz") as archive:
        want = ReferenceEngine(network).run(archive["images"])
    document = json_of(capsys, *simulate(run, "--images", "10", "--clock-mhz", "48"))
    assert document["passed"] is True
    assert document["mismatches"] is None
    assert document["accuracy"] is None
    assert document["classes"] == want[:10, 0].tolist()
    assert document["outputs"] == want[:10].tolist()
    assert document["clock_hz"] == 48_000_000
    assert document["link"]["sent"] == 10
    # On the board's own clock: 30 bytes there and back of 10 bits each, at 1 Mbaud.
    assert 1000 < document["images_per_second"] < 1e6 / (10 * 22)


def test_a_simulated_board_with_spi(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SPI carries as many bits a second both ways, and 8 for a byte in place of 10."""
    options = ("--check", "--baud", "3000000")
    spi = json_of(capsys, *simulate(run, "--link", "spi", *options))
    uart = json_of(capsys, *simulate(run, *options))
    assert (spi["mismatches"], spi["port"], spi["link"]["sent"]) == (0, "simulated board", 30)
    assert spi["outputs"] == uart["outputs"]
    assert spi["images_per_second"] > uart["images_per_second"]


def test_labels_give_an_accuracy(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(run / "images.npz") as archive:
        frames = archive["images"]
    labels = ReferenceEngine(load_network(run)).run(frames)[:, 0]
    write_images(tmp_path / "labelled.npz", frames, labels=labels)
    document = json_of(capsys, "infer", str(run), f"{tmp_path}/labelled.npz", "--simulate")
    assert document["accuracy"] == 1.0


def test_a_design_that_gives_scores(
    lab: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    network = lab.Mlp().network()
    save_network(network, run)
    build(run, BuildOptions(target_fps=1e5, scores=True))
    frames = lab.random_frames(network, 12)
    write_images(run / "images.npz", frames)
    document = json_of(capsys, *simulate(run, "--check"))
    assert document["mismatches"] == 0
    assert np.shape(document["outputs"]) == (12, 5)
    assert document["classes"] == ReferenceEngine(network).run(frames)[:, 0].tolist()


def test_a_difference_is_named_and_exits_with_1(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference is made to say something else of images 3 and 7."""

    def wrong(*arguments: Any) -> np.ndarray:
        outputs = right(*arguments).copy()
        outputs[[3, 7]] += 1
        return outputs

    right = xnorflow.inference.output_values
    monkeypatch.setattr(xnorflow.inference, "output_values", wrong)
    assert main([*simulate(run, "--check")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "FAIL: 2 of 30 outputs differ from the integer reference, first that of image 3"
    )


def test_a_port_is_used_as_a_board_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from xnorflow.hw.build import load_design
    from xnorflow.rundir import RunFolder

    dataflow = load_design(RunFolder(run), load_network(run)).dataflow
    with SimulatedBoard(dataflow, BoardOptions(clock_hz=48e6)) as board:
        arguments = ("infer", str(run), f"{run}/images.npz", "--port", board.port, "--check")
        document = json_of(capsys, *arguments)
    assert document["port"] == board.port
    assert document["clock_hz"] == 48_000_000
    assert document["mismatches"] == 0


@pytest.mark.parametrize("options", [(), ("--simulate", "--port", "/dev/null")])
def test_a_board_or_a_simulated_one(
    run: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(capsys, "infer", str(run), *options) == (
        "error: give a board by --port PORT, or --simulate one, and not both "
        "(see `xnorflow infer --help`)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--port", "/dev/none"), "/dev/none cannot be opened at 1000000 baud: No such file or "),
        (("--simulate", "--baud", "7000000"), "baud must be a rate that a clock of 12 MHz makes "),
        (
            ("--simulate", "--link", "spi", "--baud", "4000000"),
            "SCK must be at most 3 MHz with a clock of 12 MHz, not 4 MHz",
        ),
        (("--port", "ftdi://x"), "pyftdi is not installed, needed to reach a board by SPI: pip in"),
        (("--simulate", "--images", "31"), "'{run}/images.npz' has 30 images, 31 were asked for"),
    ],
)
def test_mistakes_are_one_line(
    run: Path,
    options: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyftdi", None)
    error = error_of(capsys, "infer", str(run), f"{run}/images.npz", *options)
    assert error.startswith("error: " + message.format(run=run))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((3, 5, 2), np.uint8)}, "must have shape (6, 2) as the network's inp"),
        (
            {"images": np.zeros((3, 6, 2), np.uint8), "labels": np.zeros(2, int)},
            "must hold images of shape (n, ...) and labels of shape (n,), not (3, 6, 2) and (2,)",
        ),
        ({"images": np.zeros((0, 6, 2), np.uint8)}, "bad.npz must hold images, and holds none"),
        (
            {"images": np.uint8(3)},
            "must hold images of shape (n, ...) and labels of shape (n,), not ",
        ),
        ({"pictures": np.zeros(3)}, "must hold x_train, y_train, x_test, y_test or train_images, "),
    ],
)
def test_images_that_do_not_fit(
    run: Path,
    tmp_path: Path,
    arrays: dict[str, Any],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    assert message in error_of(capsys, "infer", str(run), f"{tmp_path}/bad.npz", "--simulate")


def test_a_file_that_is_no_archive(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 cut off")
    error = error_of(capsys, "infer", str(run), f"{tmp_path}/bad.npz", "--simulate")
    assert "bad.npz is truncated or corrupt: " in error


def test_a_run_without_a_design(
    lab: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_network(lab.Mlp().network(), tmp_path / "run")
    error = error_of(capsys, "infer", f"{tmp_path}/run", "--simulate")
    assert error.endswith(f"has no rtl: run `xnorflow build {tmp_path}/run` first")
