# SPDX-License-Identifier: Apache-2.0
"""From RUN/rtl to a bitstream: synthesis, place and route, packing."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xnorflow.bitstreams.advice import advice
from xnorflow.bitstreams.board_top import BOARD_NAME
from xnorflow.bitstreams.boards import BOARDS, Board, find_board
from xnorflow.bitstreams.clocking import ClockPlan, plan_clock
from xnorflow.bitstreams.constraints import CONSTRAINTS, constraints
from xnorflow.bitstreams.frame import FRAME_LINE
from xnorflow.bitstreams.implementation import (
    FLOWS,
    LOG_FILE,
    NETLIST_FILE,
    Routing,
    pack,
    route,
)
from xnorflow.bitstreams.layer_names import LayerNames
from xnorflow.bitstreams.report import BitstreamReport, ClockFacts
from xnorflow.bitstreams.sources import BOARD_FILE, CORE_FILE, board_script, write_sources
from xnorflow.bitstreams.timing import TimingResult, read_timing
from xnorflow.bitstreams.usage import cells_by_layer, usage_in_report
from xnorflow.errors import ConfigError, ToolError
from xnorflow.hw.build import load_design
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.layers.weight_memory import weight_sprams
from xnorflow.hw.link import DEFAULT_BAUD, Line, LineKind, Spi, Uart, max_sck_hz
from xnorflow.hw.passes.use_cells import check_family
from xnorflow.hw.weight_loading import loaded_layers
from xnorflow.ir import Dataflow, Network, graph_digest
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder, fresh_folder
from xnorflow.toolchain import Tool, require_tool
from xnorflow.yosys import careful_synthesis

__all__ = ["REPORT_FILE", "BitstreamOptions", "make_bitstream"]

REPORT_FILE = "report.json"
SYNTHESIS, PLACEMENT, PACKING = "synthesis", "place and route", "packing"


@dataclass(frozen=True, slots=True)
class BitstreamOptions:
    """What bitstream to make.

    Parameters
    ----------
    board
        Name of the board.
    clock_mhz
        Clock of the design; by default the board's.
    seed
        Seed of the placement.
    baud
        Rate of the link to the host, if that is a UART.
    link
        The accelerator's link to the host. Without one the accelerator is placed and routed alone,
        between shift registers, to measure it: no bitstream is written.
    replace
        Replace an earlier bitstream for this board.
    """

    board: str
    clock_mhz: float | None = None
    seed: int = 1
    baud: int = DEFAULT_BAUD
    link: LineKind | None = LineKind.UART
    replace: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**31:
            raise ConfigError(f"seed must be from 0 to {2**31 - 1}, not {self.seed}")
        if self.link not in (None, *LineKind):
            raise ConfigError(f"link must be {', '.join(LineKind)} or None, not {self.link!r}")

    @property
    def line(self) -> Line | None:
        """What is between link and host."""
        match self.link:
            case LineKind.UART:
                return Uart(self.baud)
            case LineKind.SPI:
                return Spi()
        return None

    @property
    def ports(self) -> Mapping[str, object]:
        """Ports of the design to the host."""
        return (self.line or FRAME_LINE).ports


class StoppedError(Exception):
    """Leaves the folder of a bitstream that there will not be, with the report of why."""

    def __init__(self, report: BitstreamReport) -> None:
        super().__init__()
        self.report = report


@dataclass(slots=True)
class Job:
    """A bitstream in the making.

    Parameters
    ----------
    board, clock
        For what.
    folder
        Where everything is made.
    progress
        Told of each step.
    seconds, tools
        What the steps took so far, and the tools that they used.
    """

    board: Board
    clock: ClockPlan
    folder: Path
    progress: StageProgress
    seconds: dict[str, float] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell of a step, and time it."""
        self.progress(name, 0, 1)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)
        self.progress(name, 1, 1)

    def used(self, tool: Tool) -> None:
        """Note a tool's version."""
        self.tools[tool.name] = tool.version


def make_bitstream(
    run: str | Path, options: BitstreamOptions, progress: StageProgress | None = None
) -> BitstreamReport:
    """Make the bitstream of the hardware in ``run`` for a board.

    ``RUN/bitstream/BOARD`` appears when it is complete, and only if the design fits and meets its
    clock. It has the same bytes for the same inputs, options and tools.

    ====================  =====================================================
    ``BOARD.SUFFIX``      the bitstream
    ``board.v, core.v``   the top module, and what is between it and RUN/rtl
    ``board.pcf, ...``    constraints
    ``routed.json``       the netlist after place and route (ECP5, Gowin)
    ``nextpnr.log``       nextpnr's log, without times
    ``report.json``       resources, clock, critical path, versions
    ====================  =====================================================

    Parameters
    ----------
    run
        The RUN folder.
    options
        What to make.
    progress
        Called with the name of a step, 0 when it starts and 1 when it is done, and 1.

    Raises
    ------
    ArtifactError
        If there is no hardware in ``run``.
    ConfigError
        If the board is unknown, or has no such clock or link.
    OutputError
        If there is a bitstream that is not to be replaced, or it cannot be written.
    ToolError
        If a tool is missing or fails, or the hardware is built for another family.
    """
    board = find_board(options.board)
    check_link(board, options.link)
    clock = plan_clock(board, options.clock_mhz or board.default_clock_mhz)
    folder = RunFolder(Path(run))
    network = folder.network()
    dataflow = load_design(folder, network).dataflow
    check_board(dataflow, board, folder)
    target = folder.bitstream(board.name)
    with tempfile.TemporaryDirectory(prefix="xnorflow-") as scratch:
        job = Job(board, clock, Path(scratch), progress or (lambda *_: None))
        if options.link is None:
            return implement(job, folder, network, dataflow, options)
        try:
            with fresh_folder(target, replace=options.replace) as output:
                report = implement(job, folder, network, dataflow, options)
                report = packed(job, report, target)
                keep_files(job, report, output)
        except StoppedError as stopped:
            with suppress(OSError):  # the folder of all bitstreams, if it is new, is empty
                target.parent.rmdir()
            return with_earlier(stopped.report, target)
    return report


def with_earlier(report: BitstreamReport, target: Path) -> BitstreamReport:
    """``report`` of a failure, with a word on what lies in ``target`` from earlier."""
    if not target.exists():
        return report
    note = f"{target} is still what an earlier run made"
    return replace(report, advice=(*report.advice, note))


def check_link(board: Board, link: LineKind | None) -> None:
    """Refuse SPI on a board without it."""
    if link == LineKind.SPI and not board.spi:
        known = ", ".join(other.name for other in BOARDS.values() if other.spi)
        raise ConfigError(f"{board.title} has no SPI to the host, only a UART (with SPI: {known})")


def check_board(dataflow: Dataflow, board: Board, folder: RunFolder) -> None:
    """Refuse a design that was built of another family's cells, or of SPRAM that is not there."""
    try:
        check_family(dataflow, board.device)
    except ToolError as error:
        command = f"xnorflow build {folder.root} --device {board.device} --force"
        raise ToolError(f"{board.title} has another FPGA: {error} (`{command}`)") from error
    sprams = sum(map(weight_sprams, loaded_layers(dataflow)))
    if sprams and not board.sprams:
        raise ToolError(f"{board.title} has no SPRAM, and the design takes {sprams}: build another")


def implement(
    job: Job, folder: RunFolder, network: Network, dataflow: Dataflow, options: BitstreamOptions
) -> BitstreamReport:
    """Synthesise, place and route; the report has no bitstream yet."""
    with job.step(SYNTHESIS):
        netlist = synthesised(job, folder.rtl, dataflow, options)
    layers = LayerNames.of(dataflow)
    cells = cells_by_layer(netlist, BOARD_NAME, job.board.device, layers)
    with job.step(PLACEMENT):
        routing = route(job.board, job.folder, job.clock.mhz, options.seed)
    job.used(routing.tool)
    report = BitstreamReport(
        board=job.board.name,
        part=job.board.part,
        link=options.link,
        baud=options.baud if options.link == LineKind.UART else None,
        max_sck_mhz=(
            max_sck_hz(float(job.clock.hz)) / 1e6 if options.link == LineKind.SPI else None
        ),
        clock=ClockFacts.of(job.clock),
        usage=routing.excess if routing.report is None else usage_in_report(routing.report),
        layers=cells,
        timing=timing_of(routing, job.clock, layers),
        frames_per_second=round(float(job.clock.hz) / frame_interval(dataflow), 1),
        seed=options.seed,
        tools=job.tools,
        model_sha256=graph_digest(network),
        seconds=job.seconds,
    )
    return replace(report, advice=advice(report, job.board, folder, network, dataflow))


def timing_of(routing: Routing, clock: ClockPlan, layers: LayerNames) -> TimingResult | None:
    """The clock that was reached, if the design fits."""
    return None if routing.report is None else read_timing(routing.report, clock.mhz, layers)


def synthesised(
    job: Job, rtl: Path, dataflow: Dataflow, options: BitstreamOptions
) -> dict[str, Any]:
    """Synthesise the design in ``rtl`` on the board; Yosys' netlist, also in the job's folder."""
    write_sources(job.folder, rtl, dataflow, job.board, job.clock, options.line)
    name, text = constraints(job.board, options.ports)
    (job.folder / name).write_text(text)
    script = job.folder / "synth.ys"
    script.write_text(board_script(job.board.device, NETLIST_FILE))
    yosys = require_tool("yosys", "synthesise")
    netlist = job.folder / NETLIST_FILE
    careful_synthesis(yosys, script, job.folder, netlist, rtl / VERILOG_FILE)
    job.used(yosys)
    document: dict[str, Any] = json.loads(netlist.read_text())
    return document


def packed(job: Job, report: BitstreamReport, target: Path) -> BitstreamReport:
    """``report`` with the bitstream that will be in ``target``.

    Raises
    ------
    StoppedError
        If the design does not fit or misses its clock.
    """
    if not report.passed:
        raise StoppedError(report)
    name = f"{job.board.name}.{job.board.suffix}"
    with job.step(PACKING):
        job.used(pack(job.board, job.folder, name))
    digest = hashlib.sha256((job.folder / name).read_bytes()).hexdigest()
    return replace(report, file=target / name, sha256=digest)


def keep_files(job: Job, report: BitstreamReport, output: Path) -> None:
    """Bring what is worth keeping into ``output``."""
    assert report.file is not None
    constraint_file, _ = CONSTRAINTS[job.board.device]
    kept = [report.file.name, BOARD_FILE, CORE_FILE, constraint_file, LOG_FILE]
    netlist = FLOWS[job.board.device].netlist
    kept += [] if netlist is None else [netlist]
    for file in kept:
        shutil.copyfile(job.folder / file, output / file)
    (output / REPORT_FILE).write_text(json.dumps(report.to_document(), indent=1) + "\n")
