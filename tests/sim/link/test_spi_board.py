# SPDX-License-Identifier: Apache-2.0
"""Host program, SPI and Verilog as a whole: every class as the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xnorflow.bitstreams.link import LinkOptions, RemoteAccelerator, SpiPort
from xnorflow.errors import ConfigError, DeviceError
from xnorflow.hw.link.protocol import FLAG
from xnorflow.hw.link.spi import FILLER
from xnorflow.hw.passes import compile_network, parse_plan, plan_for_interval
from xnorflow.ir import Dataflow, Device, Network
from xnorflow.sim.link import BoardOptions, Faults, SimulatedSpiBoard
from xnorflow.sim.reference import ReferenceEngine

FASTEST = BoardOptions(clock_hz=12e6, baud=3_000_000)
BAD_LINE = Faults(drop=0.001, flip=0.001, repeat=0.001, insert=0.001, reset=0.002)
Case = tuple[Network, Dataflow, np.ndarray]


class Recorded:
    """A controller that keeps what came through it."""

    def __init__(self, board: SimulatedSpiBoard) -> None:
        self.board, self.came = board, b""

    def exchange(self, octets: bytes) -> bytes:
        came = self.board.exchange(octets)
        self.came += came
        return came

    def close(self) -> None:
        pass


def infer(
    case: Case, options: BoardOptions = FASTEST, **host: Any
) -> tuple[Any, SimulatedSpiBoard, bytes]:
    network, dataflow, frames = case
    with SimulatedSpiBoard(dataflow, options) as board:
        controller = Recorded(board)
        port = SpiPort(controller)
        with RemoteAccelerator(dataflow, port, LinkOptions(**host)) as device:
            result = device.infer(frames)
        cycles = board.cycles
    np.testing.assert_array_equal(result.outputs, ReferenceEngine(network).run(frames))
    assert cycles > 0
    return result, board, controller.came


@pytest.fixture(scope="module")
def scores(lab: Any) -> Case:
    """A network that gives raw scores, two of five in a beat; images, four pixels in a beat."""
    network = lab.Mlp(widths=(12, 8, 6, 10), top_k=None).network()
    plan = parse_plan(
        '{"image": {"PE": 4}, "fc1": {"PE": 4, "SIMD": 4}, "fc3": {"PE": 2}}', network
    )
    return network, compile_network(network, plan), lab.random_frames(network, 100, 3)


@pytest.fixture(scope="module")
def loaded(lab: Any) -> Case:
    """A network with most of its weights in SPRAM."""
    network = lab.Mlp(widths=(24, 16, 8, 5), top_k=None).network()
    plan = """{"image": {"PE": 4}, "fc1": {"PE": 4, "SIMD": 6, "ram_style": "spram"},
     "fc2": {"PE": 2, "SIMD": 4}, "fc3": {"PE": 1, "SIMD": 2, "ram_style": "spram"}}"""
    dataflow = compile_network(network, parse_plan(plan, network), device=Device.ICE40)
    return network, dataflow, lab.random_frames(network, 100, 3)


@pytest.mark.parametrize("faults", [Faults(), BAD_LINE], ids=["good", "bad"])
def test_weights_are_loaded_before_and_after_resets(loaded: Case, faults: Faults) -> None:
    options = BoardOptions(clock_hz=12e6, baud=3_000_000, faults=faults)
    result, board, _ = infer(loaded, options, patience_s=0.3)
    assert (result.statistics.reloads > 0) == (board.resets > 0) == (faults is BAD_LINE)


@pytest.mark.parametrize("cycles_per_bit", [4, 4.7, 6.3, 24])
def test_raw_scores_at_any_rate(scores: Case, cycles_per_bit: float) -> None:
    options = BoardOptions(clock_hz=12e6, baud=int(12e6 / cycles_per_bit))
    result, _, _ = infer(scores, options)
    assert (result.statistics.sent, result.statistics.errors) == (100, 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_line(scores: Case, seed: int) -> None:
    """Lost, flipped, doubled and made-up bytes in both directions, and resets in the middle."""
    options = BoardOptions(12e6, 3_000_000, faults=BAD_LINE, seed=seed)
    result, board, _ = infer(scores, options, patience_s=0.1)
    assert board.faults > 10
    assert board.resets > 0
    assert result.statistics.resent > 0


def test_a_result_that_comes_slower_than_the_line(lab: Any) -> None:
    """Each score takes 96 cycles, a byte on the line 32: fillers stand within the frame."""
    network = lab.Mlp(widths=(12, 8, 96, 7), top_k=None).network()
    dataflow = compile_network(network, parse_plan('{"fc3": {"PE": 1, "SIMD": 1}}', network))
    result, _, came = infer((network, dataflow, lab.random_frames(network, 6, 2)), patience_s=10.0)
    assert result.statistics.errors == 0
    assert result.statistics.silences == 0
    within = [part.strip(bytes((FILLER,))) for part in came.split(bytes((FLAG,)))]
    assert any(FILLER in part for part in within)


def test_an_accelerator_that_is_slower_than_the_line(lab: Any) -> None:
    """Images come while the buffer is in use: none is lost, and the host sends fewer at once."""
    network = lab.Mlp(widths=(24, 96, 96, 5)).network()
    dataflow = compile_network(network, plan_for_interval(network, 10**6))
    result, _, _ = infer((network, dataflow, lab.random_frames(network, 12, 2)), patience_s=10.0)
    assert result.statistics.refused > 0
    assert result.statistics.silences == 0


def test_a_board_with_another_network_is_refused(lab: Any, scores: Case) -> None:
    other = lab.Mlp(widths=(12, 8, 6, 10), top_k=None, seed=1).network()
    expected = compile_network(other, plan_for_interval(other, 60))
    with (
        SimulatedSpiBoard(scores[1], FASTEST) as board,
        pytest.raises(DeviceError, match=r"^the device has design \w{16} \(12 bytes an image, "),
    ):
        RemoteAccelerator(expected, SpiPort(board))


def test_a_second_talk_with_the_same_board(scores: Case) -> None:
    """The first one is given up in the middle of an image."""
    network, dataflow, frames = scores
    want = ReferenceEngine(network).run(frames)
    with SimulatedSpiBoard(dataflow, FASTEST) as board:
        for _ in range(3):
            board.exchange(b"\x7e\x02\x07\x0c\x00\x01\x02")
            with RemoteAccelerator(dataflow, SpiPort(board)) as device:
                np.testing.assert_array_equal(device.infer(frames[:10]).outputs, want[:10])


def test_a_clock_that_is_too_fast(scores: Case) -> None:
    with pytest.raises(
        ConfigError,
        match=r"^SCK must be at most 3 MHz with a clock of 12 MHz, not 3\.1 MHz$",
    ):
        SimulatedSpiBoard(scores[1], BoardOptions(12e6, 3_100_000))
