# SPDX-License-Identifier: Apache-2.0
"""Running a RUN folder's accelerator on a board, or on a simulated one, over its link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorflow.bitstreams.link import (
    LinkOptions,
    LinkStatistics,
    RemoteAccelerator,
    RemoteResult,
    SpiPort,
)
from xnorflow.bitstreams.link.port import Port
from xnorflow.errors import ConfigError, DataError
from xnorflow.hw.build import Design, load_design
from xnorflow.hw.link import LineKind
from xnorflow.ir import LabelSelect, Network
from xnorflow.ir.store import UNREADABLE
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.link import BoardOptions, SimulatedBoard, SimulatedSpiBoard
from xnorflow.sim.lockstep import as_built, output_values
from xnorflow.sim.reference import ReferenceEngine

__all__ = ["InferOptions", "Inference", "infer"]

SIMULATED_PATIENCE_S = 30.0
"""A simulated board may be thousands of times slower than a real one."""

CHECKING, LOADING, INFERRING = "reference", "weights", "board"


@dataclass(frozen=True, slots=True)
class InferOptions:
    """What to run, and where.

    Parameters
    ----------
    port
        Port of the board (:class:`~xnorflow.bitstreams.link.remote.RemoteAccelerator`); None for a
        simulated board.
    images
        Number of images; by default all of them.
    data
        Data set name or path, or an ``.npz`` file with ``images`` and perhaps ``labels``; by
        default the test images of the data set trained on.
    check
        Compare every output with the integer reference.
    baud
        Bits a second on the line; over SPI, SCK in Hz.
    clock_hz
        Clock of the simulated board; a real one says what its clock is.
    link
        Line of the simulated board.
    window
        Most images that are sent ahead of their answers.
    """

    port: str | None = None
    images: int | None = None
    data: str | None = None
    check: bool = False
    baud: int = LinkOptions().baud
    clock_hz: float = BoardOptions().clock_hz
    link: LineKind = LineKind.UART
    window: int = LinkOptions().window

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ConfigError(f"images must be 1 or more, not {self.images}")


@dataclass(frozen=True, slots=True)
class Inference:
    """Outcome of :func:`infer`.

    Parameters
    ----------
    dataset
        Where the images came from.
    port
        Port of the board, or "simulated board".
    outputs
        Output of the network for each image, int64, shape ``(n, outputs)``: labels, or scores.
    classes
        The best label of each image, int64, shape ``(n,)``.
    accuracy
        Share of right classes, or None if there are no labels.
    latency_cycles
        Clock cycles of the accelerator from the first beat of each image that it took to the first
        beat of its output, int64, shape ``(n,)``.
    clock_hz
        Its clock.
    images_per_second
        Images a second on the board, line and host included; on a simulated board in its own time.
    seconds
        Wall-clock time from the first image sent to the last answer.
    link
        What happened on the link.
    mismatches
        Images whose output differs from the reference; None if that was not checked.
    first_mismatch
        The first of them.
    """

    dataset: str
    port: str
    outputs: NDArray[np.int64] = field(repr=False)
    classes: NDArray[np.int64] = field(repr=False)
    accuracy: float | None
    latency_cycles: NDArray[np.int64] = field(repr=False)
    clock_hz: int
    images_per_second: float
    seconds: float
    link: LinkStatistics
    mismatches: int | None = None
    first_mismatch: int | None = None

    @property
    def passed(self) -> bool:
        """Whether no output is known to be wrong."""
        return not self.mismatches


def infer(
    run: str | Path, options: InferOptions | None = None, progress: StageProgress | None = None
) -> Inference:
    """Run the accelerator of the RUN folder ``run`` on a board, or on a simulated one.

    Raises
    ------
    ArtifactError
        If ``run`` holds no design.
    DataError
        If the images are missing or do not fit the network.
    ToolError
        If pyserial or pyftdi is not installed, or what a simulated board needs.
    DeviceError
        If no device answers, it has another design, or it goes away.
    """
    options = options or InferOptions()
    report = progress or (lambda *_: None)
    folder = RunFolder(Path(run))
    network = folder.network()
    design = load_design(folder, network)
    images = images_for(folder, network, options)
    with open_port(design, options, partial(report, LOADING)) as (device, board):
        before = 0 if board is None else board.cycles
        result = device.infer(images.frames, partial(report, INFERRING))
        cycles = None if board is None else board.cycles - before
    classes = best_labels(design, result)
    right = None if images.labels is None else float(np.mean(classes == images.labels))
    differ = mismatches(network, design, images, result, report) if options.check else None
    return Inference(
        dataset=images.source,
        port=options.port or "simulated board",
        outputs=result.outputs,
        classes=classes,
        accuracy=right,
        latency_cycles=result.latency_cycles,
        clock_hz=result.clock_hz,
        images_per_second=rate(result, cycles),
        seconds=result.seconds,
        link=result.statistics,
        mismatches=None if differ is None else len(differ),
        first_mismatch=int(differ[0]) if differ is not None and len(differ) else None,
    )


@contextmanager
def open_port(
    design: Design, options: InferOptions, loading: Callable[[int, int], None]
) -> Iterator[tuple[RemoteAccelerator, SimulatedBoard | SimulatedSpiBoard | None]]:
    """The device at the port, or a simulated one with its board.

    Parameters
    ----------
    loading
        Told how far its weights are loaded.
    """
    if options.port is not None:
        link = LinkOptions(baud=options.baud, window=options.window)
        with RemoteAccelerator(design.dataflow, options.port, link, loading) as device:
            yield device, None
        return
    link = LinkOptions(options.baud, options.window, SIMULATED_PATIENCE_S)
    with (
        simulated(design, options) as (board, port),
        RemoteAccelerator(design.dataflow, port, link, loading) as device,
    ):
        yield device, board


@contextmanager
def simulated(
    design: Design, options: InferOptions
) -> Iterator[tuple[SimulatedBoard | SimulatedSpiBoard, str | Port]]:
    """A simulated board and its port."""
    settings = BoardOptions(options.clock_hz, options.baud)
    if options.link == LineKind.SPI:
        with SimulatedSpiBoard(design.dataflow, settings) as spi_board:
            yield spi_board, SpiPort(spi_board)
        return
    with SimulatedBoard(design.dataflow, settings) as board:
        yield board, board.port


def rate(result: RemoteResult, cycles: int | None) -> float:
    """Images a second on the board, where the simulated one took so many ``cycles``."""
    if cycles is None:
        return result.images_per_second
    return len(result.outputs) * result.clock_hz / max(1, cycles)


def best_labels(design: Design, result: RemoteResult) -> NDArray[np.int64]:
    """The best label of each image: where the design gives scores, of the highest, lowest first."""
    if isinstance(design.dataflow.output, LabelSelect):
        return result.outputs[:, 0]
    best: NDArray[np.int64] = np.argmax(result.outputs, axis=1).astype(np.int64)
    return best


def mismatches(
    network: Network,
    design: Design,
    images: Images,
    result: RemoteResult,
    report: StageProgress,
) -> NDArray[np.intp]:
    """Images whose output differs from the reference."""
    report(CHECKING, 0, len(images))
    edges = ReferenceEngine(as_built(network, design.dataflow)).edges(images.frames)
    differ: NDArray[np.bool_] = np.any(output_values(design, edges) != result.outputs, axis=1)
    report(CHECKING, len(images), len(images))
    return np.flatnonzero(differ)


def images_for(folder: RunFolder, network: Network, options: InferOptions) -> Images:
    """The images that the options name."""
    path = Path(options.data or "")
    plain = plain_images(path) if path.suffix == ".npz" and path.is_file() else None
    if plain is None:
        return load_images(folder, network, options.data, options.images)
    shape = network.types[network.input.name].shape
    if plain.frames.shape[1:] != shape:
        raise DataError(
            f"images of '{path}' must have shape {shape} as the network's input, "
            f"not {plain.frames.shape[1:]}"
        )
    if options.images is not None and options.images > len(plain):
        raise DataError(f"'{path}' has {len(plain)} images, {options.images} were asked for")
    return plain if options.images is None else plain.first(options.images)


def plain_images(path: Path) -> Images | None:
    """The images in ``path``, if it holds ``images`` and not a data set."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if "images" not in archive:
                return None
            frames = np.atleast_1d(archive["images"])
            labels = archive["labels"].astype(np.int64) if "labels" in archive else None
    except UNREADABLE as error:
        raise DataError(f"{path} is truncated or corrupt: {error}") from error
    if not len(frames):
        raise DataError(f"{path} must hold images, and holds none")
    if frames.ndim < 2 or (labels is not None and labels.shape != frames.shape[:1]):
        raise DataError(
            f"{path} must hold images of shape (n, ...) and labels of shape (n,), "
            f"not {frames.shape} and {None if labels is None else labels.shape}"
        )
    return Images(str(path), frames, labels)
