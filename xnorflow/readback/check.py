# SPDX-License-Identifier: Apache-2.0
"""A bitstream, simulated from the pins, against the reference."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from xnorflow.bitstreams.board_top import RESET_S
from xnorflow.bitstreams.boards import Board, find_board
from xnorflow.bitstreams.flow import REPORT_FILE
from xnorflow.bitstreams.link.payloads import frame_octets, frame_values
from xnorflow.errors import ArtifactError, SimulationError
from xnorflow.hw.build import Design, load_design
from xnorflow.hw.link import (
    Frame,
    FrameType,
    LineKind,
    LinkIdentity,
    cycles_per_bit,
    link_key,
    weight_chunks,
)
from xnorflow.hw.link.identity import frame_bytes
from xnorflow.hw.link.protocol import CHUNK_NUMBER_BYTES, LATENCY_BYTES
from xnorflow.hw.link.spi import MIN_CYCLES_PER_BIT
from xnorflow.ir import Dataflow, Network, graph_digest
from xnorflow.ir.beats import checked_frames
from xnorflow.progress import StageProgress
from xnorflow.readback.configured import SUBJECTS
from xnorflow.readback.report import ReadbackReport
from xnorflow.readback.serial_lines import LineTiming, SerialLines, open_lines
from xnorflow.readback.simulator import build_board_simulator, lanes_for
from xnorflow.rundir import RunFolder
from xnorflow.sim.compare import EdgeResult, compare_edge
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.lockstep import as_built, output_values
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl.cache import ObjectCache

__all__ = ["verify_bitstream"]

DEFAULT_IMAGES = 100
READING, LOADING, RUNNING = "reading the bitstream back", "weights", "reference = board"
UART_BYTE_BITS, SPI_BYTE_BITS = 10, 8


def verify_bitstream(
    run: str | Path,
    board_name: str,
    images: int | None = None,
    data: str | None = None,
    progress: StageProgress | None = None,
) -> ReadbackReport:
    """Compare the bitstream in ``RUN/bitstream/BOARD`` with the reference.

    The FPGA as the bitstream configures it is simulated from its pins: it comes out of
    configuration, resets itself, says who it is, and answers images over its line. There are as
    many boards as images, up to 512, each with an image of its own; further images follow.

    Parameters
    ----------
    images
        Number of images; by default 100, or all if there are fewer.
    data
        Data set; by default the one trained for.

    Raises
    ------
    ArtifactError
        If there is no bitstream, or it was made from another network.
    SimulationError
        If the board does not answer as it must.
    ToolError
        If a tool is missing, or the bitstream cannot be read back.
    """
    board, folder = find_board(board_name), RunFolder(Path(run))
    network = folder.network()
    design = load_design(folder, network)
    source = folder.require(
        folder.bitstream(board.name), f"xnorflow synth {folder.root} --board {board.name}"
    )
    facts = facts_of(source, network, folder)
    frames = load_images(folder, network, data, images)
    frames = frames if images is not None else frames.first(DEFAULT_IMAGES)
    report = progress or (lambda *_: None)
    report(READING, 0, 1)
    link = LineKind(facts.get("link", LineKind.UART))
    library = build_board_simulator(
        board, link, source, lanes_for(len(frames)), ObjectCache.default()
    )
    report(READING, 1, 1)
    clock_hz = round(facts["clock"]["mhz"] * 1e6)
    timing = timing_of(clock_hz, facts["baud"])
    start = time.perf_counter()
    with open_lines(library, timing, link_key(design.dataflow)) as lines:
        lines.rest(math.ceil(2 * RESET_S * clock_hz))
        check_identity(lines, design.dataflow, clock_hz, timing)
        load_weights(lines, design.dataflow, timing, report)
        answers = answered(lines, design.dataflow, frames, timing, report)
        cycles = lines.cycles
    return ReadbackReport(
        board=board.name,
        subject=SUBJECTS[board.device],
        dataset=frames.source,
        images=len(frames),
        output=compared(design, network, frames, answers, board),
        latency_cycles=int.from_bytes(answers[0][:LATENCY_BYTES], "little"),
        cycles=cycles,
        seconds=round(time.perf_counter() - start, 2),
    )


def facts_of(source: Path, network: Network, folder: RunFolder) -> dict[str, Any]:
    """The report beside the bitstream, which must be of ``network``."""
    path = source / REPORT_FILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
        digest = facts["model_sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    if digest != graph_digest(network):
        raise ArtifactError(f"{source} was made from another network than {folder.model} holds")
    return facts


def timing_of(clock_hz: int, baud: int | None) -> LineTiming:
    """How fast bytes go on the line: over SPI as fast as they may."""
    if baud is None:
        return LineTiming(MIN_CYCLES_PER_BIT, SPI_BYTE_BITS)
    return LineTiming(cycles_per_bit(clock_hz, baud), UART_BYTE_BITS)


def check_identity(
    lines: SerialLines, dataflow: Dataflow, clock_hz: int, timing: LineTiming
) -> None:
    """Ask all boards who they are."""
    expected = Frame(FrameType.IDENTITY, 0, LinkIdentity.of(dataflow, clock_hz).to_bytes())
    for answers in lines.ask(
        [Frame(FrameType.IDENTIFY, 0)] * lines.count, 100 * timing.byte_cycles
    ):
        for answer in answers.values():
            if answer != expected:
                raise SimulationError(
                    f"the board must say that it is {expected.payload.hex()}, not {answer}"
                )


def load_weights(
    lines: SerialLines, dataflow: Dataflow, timing: LineTiming, report: StageProgress
) -> None:
    """Load the weights of all boards, if there are any to load.

    Until then an image is answered by their lack.
    """
    chunks = weight_chunks(dataflow)
    requests = [Frame(FrameType.LOAD, n % 256, chunk) for n, chunk in enumerate(chunks)]
    if chunks:
        requests.insert(0, Frame(FrameType.INFER, 0, bytes(len(chunks[0]))))
    for there, request in enumerate(requests):
        report(LOADING, there, len(chunks))
        patience = 4 * timing.byte_cycles * (len(request.payload) + 100)
        number = there.to_bytes(CHUNK_NUMBER_BYTES, "little")
        expected = Frame(FrameType.LOADED, request.sequence, number)
        for answers in lines.ask([request] * lines.count, patience):
            for answer in answers.values():
                if answer != expected:
                    raise SimulationError(
                        f"the board must say that it has {there} of {len(chunks)} chunks of "
                        f"weights, not {answer}"
                    )


def answered(
    lines: SerialLines,
    dataflow: Dataflow,
    images: Images,
    timing: LineTiming,
    report: StageProgress,
) -> list[bytes]:
    """The payload of each image's result."""
    source, output = (dataflow.types[end.name] for end in (dataflow.input, dataflow.output))
    rows = frame_octets(checked_frames(images.frames, source), source)
    requests = [
        Frame(FrameType.INFER, number % 256, row.tobytes()) for number, row in enumerate(rows)
    ]
    length = LATENCY_BYTES + frame_bytes(output)
    patience = 20 * timing.byte_cycles * (frame_bytes(source) + length) + 10_000_000
    results: dict[int, bytes] = {}
    for first in range(0, len(requests), lines.count):
        batch = requests[first : first + lines.count]
        for answers in lines.ask(batch, patience):
            report(RUNNING, first + part_sent(lines, batch), len(requests))
            for lane, answer in answers.items():
                if (answer.type, answer.sequence, len(answer.payload)) != (
                    FrameType.RESULT,
                    batch[lane].sequence,
                    length,
                ):
                    raise SimulationError(
                        f"the board must give the result of image {first + lane}, not {answer}"
                    )
                results[first + lane] = answer.payload
    report(RUNNING, len(requests), len(requests))
    return [results[number] for number in range(len(requests))]


def part_sent(lines: SerialLines, batch: list[Frame]) -> int:
    """How many images' worth of bytes of ``batch`` is on the boards."""
    size = sum(len(request.payload) for request in batch)
    return len(batch) * max(0, size - lines.waiting) // size


def compared(
    design: Design, network: Network, images: Images, answers: list[bytes], board: Board
) -> EdgeResult:
    """All answers against the reference."""
    output = design.dataflow.output.name
    results = np.array([np.frombuffer(answer[LATENCY_BYTES:], np.uint8) for answer in answers])
    got = frame_values(results, design.dataflow.types[output])
    reference = ReferenceEngine(as_built(network, design.dataflow))
    want = output_values(design, reference.edges(images.frames))
    return compare_edge(
        output, ("reference", want), (f"{SUBJECTS[board.device]} ({board.name})", got)
    )
