# SPDX-License-Identifier: Apache-2.0
"""Images and answers of several boards at once, which here are played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from lab import Mlp

from xnorflow.errors import SimulationError
from xnorflow.hw.link import Frame, FrameType
from xnorflow.hw.link.protocol import LATENCY_BYTES
from xnorflow.hw.passes import compile_network, default_plan
from xnorflow.readback.check import answered
from xnorflow.readback.serial_lines import LineTiming
from xnorflow.sim.images import Images

TIMING = LineTiming(5, 10)


class PlayedLines:
    """Boards that answer with the first pixel of their image, the last board first."""

    count = 3
    waiting = 0

    def __init__(self, spoilt: int | None = None) -> None:
        self.asked: list[int] = []
        self._spoilt = spoilt

    def ask(self, requests: Sequence[Frame], patience: int) -> Iterator[dict[int, Frame]]:
        assert patience > 0
        self.asked.append(len(requests))
        for lane in reversed(range(len(requests))):
            request = requests[lane]
            kind = FrameType.BUSY if request.payload[0] == self._spoilt else FrameType.RESULT
            payload = bytes(LATENCY_BYTES) + request.payload[:1]
            yield {lane: Frame(kind, request.sequence, payload)}
            yield {}


def run(lines: PlayedLines, count: int) -> list[bytes]:
    """The answers to images whose pixels are all their number."""
    network = Mlp(widths=(16, 8, 5)).network()
    dataflow = compile_network(network, default_plan(network))
    shape = network.types[network.input.name].shape
    frames = np.broadcast_to(np.arange(count).reshape(-1, *[1] * len(shape)), (count, *shape))
    images = Images("played", frames.astype(np.uint8), None)
    return answered(lines, dataflow, images, TIMING, lambda *_: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (3, [3]), (8, [3, 3, 2])])
def test_more_images_than_boards(count: int, batches: list[int]) -> None:
    lines = PlayedLines()
    assert [answer[LATENCY_BYTES] for answer in run(lines, count)] == list(range(count))
    assert lines.asked == batches


def test_an_answer_of_another_kind() -> None:
    with pytest.raises(SimulationError, match=r"^the board must give the result of image 4, not "):
        run(PlayedLines(spoilt=4), 8)
