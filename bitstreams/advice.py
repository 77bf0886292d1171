# SPDX-License-Identifier: Apache-2.0
"""What to do about a design that does not fit its board, or misses its clock."""

from __future__ import annotations

from fractions import Fraction

from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.clocking.plan import frequencies
from xnorflow.bitstreams.report import BitstreamReport
from xnorflow.errors import ConfigError, FoldingError
from xnorflow.hw.estimate.clock import design_clock
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.explore import Budget, plan_for_budget
from xnorflow.hw.link import LineKind, cycles_per_bit
from xnorflow.hw.passes import ReachClock, simplify
from xnorflow.ir import Dataflow, LabelSelect, Network
from xnorflow.rundir import RunFolder

__all__ = ["advice"]

FILLING = 0.85
"""How full an FPGA may be by estimate: fuller ones are hard to route, and slow."""

MARGIN = Fraction(98, 100)
"""Of the clock that was reached, for the next placement is another one."""


def advice(
    report: BitstreamReport, board: Board, folder: RunFolder, network: Network, dataflow: Dataflow
) -> tuple[str, ...]:
    """What would help, each with its command; nothing if there is no trouble."""
    if not report.fits:
        return (fitting_folding(report, board, folder, network, dataflow),)
    if report.timing is not None and not report.timing.met:
        found = (
            slower_clock(report, board, folder),
            more_registers(report, board, folder, dataflow),
        )
        return tuple(text for text in found if text)
    return ()


def fitting_folding(
    report: BitstreamReport, board: Board, folder: RunFolder, network: Network, dataflow: Dataflow
) -> str:
    """A folding that fits, by the estimate and what this design took by it."""
    budget = budget_on(report, board, dataflow)
    try:
        plan_for_budget(simplify(network).network, board.device, budget)
    except FoldingError as error:
        return f"no folding fits {board.title}: {error}"
    limits = f"--max-lut {budget.luts} --max-bram {budget.block_rams} --max-dsp {budget.dsps}"
    if budget.sprams:
        limits += f" --max-spram {budget.sprams}"
    command = f"xnorflow build {folder.root} --device {board.device} {limits}"
    return f"a folding that should fit: `{command}{output_options(dataflow)} --force`"


def budget_on(report: BitstreamReport, board: Board, dataflow: Dataflow) -> Budget:
    """What an accelerator may take of ``board`` by estimate.

    What is outside of the layers is taken off; the rest is scaled by what this design took of logic
    cells for each LUT of its estimate.
    """
    outside = report.layers.get("", {})
    used = max(usage.used for usage in report.usage if usage.resource == "LUT")
    estimate = design_resources(dataflow, board.device)
    cells_a_lut = max(1.0, (used - outside.get("LUT", 0)) / max(1.0, estimate.luts))
    return Budget(
        luts=max(0, int((FILLING * board.luts - outside.get("LUT", 0)) / cells_a_lut)),
        block_rams=max(0, board.block_rams - outside.get("BRAM", 0)),
        dsps=max(0, board.dsps - outside.get("DSP", 0)),
        sprams=board.sprams,
    )


def output_options(dataflow: Dataflow) -> str:
    """Options of the build that chose the design's output."""
    output = dataflow.output
    if not isinstance(output, LabelSelect):
        return " --scores"
    return "" if output.k == 1 else f" --top-k {output.k}"


def slower_clock(report: BitstreamReport, board: Board, folder: RunFolder) -> str:
    """The fastest clock of the board that the design reaches."""
    assert report.timing is not None
    reached = Fraction(report.timing.fmax_mhz) * 1_000_000 * MARGIN
    slower = [hz for hz in frequencies(board) if hz <= reached and suits(hz, report.baud)]
    if not slower:
        return ""
    link = " --link spi" if report.link == LineKind.SPI else ""
    command = f"xnorflow synth {folder.root} --board {board.name}{link}"
    return (
        f"a clock that should be met: `{command} --clock-mhz {float(max(slower) / 1_000_000):.6g}`"
    )


def suits(hz: Fraction, baud: int | None) -> bool:
    """Whether a clock of ``hz`` makes the rate of the link, if it has one."""
    if baud is None:
        return True
    try:
        cycles_per_bit(float(hz), baud)
    except ConfigError:
        return False
    return True


def more_registers(
    report: BitstreamReport, board: Board, folder: RunFolder, dataflow: Dataflow
) -> str:
    """A build with more registers, if one is expected to reach the clock.

    The expectation is scaled by how this design did on this board.
    """
    assert report.timing is not None
    expected = design_clock(dataflow, board.device).expected_mhz
    target = report.timing.target_mhz * max(1.0, expected / report.timing.fmax_mhz)
    piped = ReachClock(board.device, target).apply(dataflow)
    if piped == dataflow or design_clock(piped, board.device).expected_mhz < target:
        return ""
    folding = f"--folding {folder.rtl / 'folding.json'}"
    command = f"xnorflow build {folder.root} --device {board.device} {folding}"
    return (
        f"more registers: `{command}{output_options(dataflow)} --target-mhz {target:.0f} --force`"
    )
