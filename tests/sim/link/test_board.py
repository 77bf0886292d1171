# SPDX-License-Identifier: Apache-2.0
"""Host program, pseudo-terminal, line and Verilog as a whole: every class as the reference."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.bitstreams.link import LinkOptions, RemoteAccelerator
from xnorflow.errors import ConfigError, DeviceError
from xnorflow.hw.build import BuildOptions, build, load_design
from xnorflow.hw.link import weight_chunks
from xnorflow.hw.passes import compile_network, parse_plan, plan_for_interval
from xnorflow.ir import Dataflow, Device, Network
from xnorflow.quant.recipe import find_recipe
from xnorflow.quant.trace import TorchTracer
from xnorflow.quant.train import train
from xnorflow.rundir import RunFolder
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.images import load_images
from xnorflow.sim.link import BoardOptions, Faults, SimulatedBoard
from xnorflow.sim.reference import ReferenceEngine

FAST_LINE = {"clock_hz": 12e6, "baud": 3_000_000}
HOST = LinkOptions(patience_s=2.0)
BAD_LINE = Faults(drop=0.001, flip=0.001, repeat=0.001, insert=0.001, reset=0.0005)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN folder with a network trained on digits, and the design that gives labels."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    train(find_recipe("digits").with_overrides(epochs=2), run)
    build(run, BuildOptions(target_fps=20_000, clock_mhz=12))
    return run


@pytest.fixture(scope="module")
def images(digits: Path) -> np.ndarray:
    folder = RunFolder(digits)
    return load_images(folder, folder.network(), None, 100).frames


def infer(
    dataflow: Dataflow, images: np.ndarray, host: LinkOptions = HOST, **options: Any
) -> tuple[Any, SimulatedBoard]:
    with (
        SimulatedBoard(dataflow, BoardOptions(**FAST_LINE, **options)) as board,
        RemoteAccelerator(dataflow, board.port, host) as device,
    ):
        return device.infer(images), board


def test_100_images_of_digits(digits: Path, images: np.ndarray) -> None:
    folder = RunFolder(digits)
    network = folder.network()
    result, board = infer(load_design(folder, network).dataflow, images)
    want = ReferenceEngine(network).run(images)
    np.testing.assert_array_equal(result.outputs, want)
    torch = TorchTracer.load(folder.model).edges(images)
    np.testing.assert_array_equal(result.outputs, torch[network.output.name])
    assert (result.statistics.sent, result.statistics.errors, board.resets) == (100, 0, 0)
    assert len(set(result.latency_cycles)) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_100_images_of_digits_over_a_bad_line(digits: Path, images: np.ndarray, seed: int) -> None:
    """Lost, flipped, doubled and made-up bytes in both directions, and resets in the middle."""
    folder = RunFolder(digits)
    network = folder.network()
    dataflow = load_design(folder, network).dataflow
    host = LinkOptions(patience_s=0.3)
    result, board = infer(dataflow, images, host, faults=BAD_LINE, seed=seed)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(images))
    assert board.faults > 10
    assert board.resets > 0
    assert result.statistics.resent > 0


@pytest.fixture(scope="module")
def scores(lab: Any) -> tuple[Network, Dataflow, np.ndarray]:
    """A network that gives raw scores, two of five in a beat; images, four pixels in a beat."""
    network = lab.Mlp(widths=(12, 8, 6, 10), top_k=None).network()
    plan = parse_plan(
        '{"image": {"PE": 4}, "fc1": {"PE": 4, "SIMD": 4}, "fc3": {"PE": 2}}', network
    )
    return network, compile_network(network, plan), lab.random_frames(network, 100, 3)


@pytest.mark.parametrize("faults", [Faults(), BAD_LINE])
def test_raw_scores(scores: tuple[Network, Dataflow, np.ndarray], faults: Faults) -> None:
    network, dataflow, frames = scores
    result, _ = infer(dataflow, frames, LinkOptions(patience_s=0.3), faults=faults)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))


@pytest.fixture(scope="module")
def loaded(lab: Any) -> tuple[Network, Dataflow, np.ndarray]:
    """A network with most of its weights in SPRAM: five chunks of them."""
    network = lab.Mlp(widths=(24, 16, 8, 5), top_k=None).network()
    plan = """{"image": {"PE": 4}, "fc1": {"PE": 4, "SIMD": 6, "ram_style": "spram"},
     "fc2": {"PE": 2, "SIMD": 4}, "fc3": {"PE": 1, "SIMD": 2, "ram_style": "spram"}}"""
    dataflow = compile_network(network, parse_plan(plan, network), device=Device.ICE40)
    return network, dataflow, lab.random_frames(network, 100, 3)


def test_weights_are_loaded_over_the_line(loaded: tuple[Network, Dataflow, np.ndarray]) -> None:
    network, dataflow, frames = loaded
    assert len(weight_chunks(dataflow)) == 5
    result, _ = infer(dataflow, frames)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))
    assert (result.statistics.errors, result.statistics.reloads) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_weights_over_a_bad_line_with_many_resets(
    loaded: tuple[Network, Dataflow, np.ndarray], seed: int
) -> None:
    """Some resets come while weights are loaded, some between images."""
    network, dataflow, frames = loaded
    faults = Faults(drop=0.001, flip=0.001, repeat=0.001, insert=0.001, reset=0.002)
    host = LinkOptions(patience_s=0.3)
    result, board = infer(dataflow, frames, host, faults=faults, seed=seed)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))
    assert board.faults > 10
    assert board.resets > result.statistics.reloads > 0


def test_a_second_talk_finds_the_weights_there(
    loaded: tuple[Network, Dataflow, np.ndarray],
) -> None:
    _, dataflow, _ = loaded
    told: list[tuple[int, int]] = []
    with SimulatedBoard(dataflow, BoardOptions(**FAST_LINE)) as board:
        for _ in range(2):
            with RemoteAccelerator(dataflow, board.port, HOST, lambda *p: told.append(p)):
                pass
    assert told == [*((n, 5) for n in range(1, 6)), (5, 5)]


@pytest.mark.parametrize("deviation", [-0.02, 0.02])
def test_a_host_whose_rate_is_off(
    scores: tuple[Network, Dataflow, np.ndarray], deviation: float
) -> None:
    network, dataflow, frames = scores
    result, _ = infer(dataflow, frames[:20], host_deviation=deviation)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames[:20]))
    assert result.statistics.errors == 0


@pytest.fixture(scope="module")
def slow(lab: Any) -> tuple[Network, Dataflow, np.ndarray]:
    """A network that computes longer than the line takes, folded as far as can be."""
    network = lab.Mlp(widths=(24, 96, 96, 5)).network()
    dataflow = compile_network(network, plan_for_interval(network, 10**6))
    return network, dataflow, lab.random_frames(network, 12, 2)


def test_latency_is_that_of_the_cycle_model(slow: tuple[Network, Dataflow, np.ndarray]) -> None:
    """Where a beat is a byte, the link keeps the accelerator as busy as it can be."""
    _, dataflow, frames = slow
    assert dataflow.types[dataflow.input.name].width_bits == 8
    result, _ = infer(dataflow, frames[:3])
    trace = CycleEngine(dataflow).run(1)
    first = [trace.cycles(end.name)[0, 0] for end in (dataflow.input, dataflow.output)]
    assert set(result.latency_cycles) == {first[1] - first[0]}


def test_an_accelerator_that_is_slower_than_the_line(
    slow: tuple[Network, Dataflow, np.ndarray],
) -> None:
    """Images come while the buffer is in use: none is lost, and the host sends fewer at once."""
    network, dataflow, frames = slow
    result, _ = infer(dataflow, frames, LinkOptions(window=4, patience_s=10.0))
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))
    assert result.statistics.refused > 0
    assert result.statistics.silences == 0


def test_a_board_with_another_network_is_refused(
    lab: Any, scores: tuple[Network, Dataflow, np.ndarray]
) -> None:
    _, dataflow, _ = scores
    other = lab.Mlp(widths=(12, 8, 6, 10), top_k=None, seed=1).network()
    expected = compile_network(other, plan_for_interval(other, 60))
    with (
        SimulatedBoard(dataflow, BoardOptions(**FAST_LINE)) as board,
        pytest.raises(DeviceError, match=r"^the device has design \w{16} \(12 bytes an image, "),
    ):
        RemoteAccelerator(expected, board.port, HOST)


def test_a_second_talk_with_the_same_board(scores: tuple[Network, Dataflow, np.ndarray]) -> None:
    """The first one is given up in the middle of an image."""
    network, dataflow, frames = scores
    want = ReferenceEngine(network).run(frames)
    with SimulatedBoard(dataflow, BoardOptions(**FAST_LINE)) as board:
        for _ in range(3):
            line = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
            os.write(line, b"\x7e\x02\x07\x0c\x00\x01\x02")
            os.close(line)
            with RemoteAccelerator(dataflow, board.port, HOST) as device:
                np.testing.assert_array_equal(device.infer(frames[:10]).outputs, want[:10])


def test_a_board_at_rest_takes_no_time(scores: tuple[Network, Dataflow, np.ndarray]) -> None:
    _, dataflow, frames = scores
    with (
        SimulatedBoard(dataflow, BoardOptions(**FAST_LINE)) as board,
        RemoteAccelerator(dataflow, board.port, HOST) as device,
    ):
        device.infer(frames[:1])
        time.sleep(0.1)
        cycles, used = board.cycles, time.process_time()
        time.sleep(0.3)
        assert board.cycles == cycles
        assert time.process_time() - used < 0.1


def test_a_rate_that_the_clock_does_not_make(
    scores: tuple[Network, Dataflow, np.ndarray],
) -> None:
    with pytest.raises(ConfigError, match=r"^baud must be a rate that a clock of 25 MHz makes"):
        SimulatedBoard(scores[1], BoardOptions(25e6, 2_000_000))


@pytest.mark.slow  # half a minute of simulation
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_images_over_a_worse_line(
    scores: tuple[Network, Dataflow, np.ndarray], lab: Any, seed: int
) -> None:
    """One byte in fifty goes wrong."""
    network, dataflow, _ = scores
    frames = lab.random_frames(network, 1000, seed)
    faults = Faults(drop=0.005, flip=0.005, repeat=0.005, insert=0.005, reset=0.0005)
    host = LinkOptions(window=2, patience_s=0.3)
    result, board = infer(dataflow, frames, host, faults=faults, seed=seed)
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))
    assert board.faults > 500
