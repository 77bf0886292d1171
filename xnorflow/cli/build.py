# SPDX-License-Identifier: Apache-2.0
"""``xnorflow build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import plain, prints
from xnorflow.cli.simplification import removal_lines, simplification_options

if TYPE_CHECKING:
    from xnorflow.hw.build import BuildResult, ClockReport
    from xnorflow.ir import Pipelining

__all__ = ["command"]


def summary(result: BuildResult) -> str:
    """The table of layers, the rate, what was removed before, and where the Verilog is."""
    lines = [*clock_lines(result.clock), *removal_lines(result.removed)]
    return "\n".join([str(result.report), *lines, f"wrote {result.rtl}"])


def clock_lines(clock: ClockReport | None) -> list[str]:
    """The expected clock, and the layers that are pipelined for it in each way."""
    if clock is None:
        return []
    ways: dict[str, list[str]] = {}
    for name, pipelining in clock.pipelining.items():
        ways.setdefault(pipelining_text(pipelining), []).append(name)
    return [
        f"about {int(clock.expected_mhz)} MHz expected (layer {clock.layer}), "
        f"{clock.target_mhz:g} MHz asked for",
        *(f"pipelining of {', '.join(names)}: {way}" for way, names in ways.items()),
    ]


def pipelining_text(pipelining: Pipelining) -> str:
    """``pipelining`` in words."""
    levels = f"{pipelining.levels} level{'s' if pipelining.levels > 1 else ''} of adders a stage"
    return f"registers of operands, {levels}" if pipelining.operands else levels


def record(result: BuildResult) -> dict[str, Any]:
    """The report, where the Verilog is, and what was removed, if anything."""
    removed = {"removed": plain(result.removed)} if result.removed else {}
    clock = {"clock": plain(result.clock)} if result.clock else {}
    return {"rtl": result.rtl} | removed | clock | result.report.to_document()


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--target-fps", type=float, help="Frames a second to reach, as cheaply as possible.")
@click.option(
    "--clock-mhz",
    type=float,
    help="Clock assumed for rates; by default that of --target-mhz, or 100.",
)
@click.option(
    "--target-mhz",
    type=float,
    metavar="MHZ",
    help="With --device: clock to reach, by as few registers as it takes.",
)
@click.option(
    "--folding",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Folding of each layer, by FINN's keys; RUN/rtl/folding.json is one to start from.",
)
@click.option(
    "--weights",
    type=click.Choice(["files", "inline"]),
    default="files",
    show_default=True,
    help="Weights and thresholds in memory files beside the Verilog, or inside it.",
)
@click.option("--scores", is_flag=True, help="Give the raw scores of all classes, not the label.")
@click.option("--top-k", type=click.IntRange(min=1), metavar="K", help="Give the best K labels.")
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="FPGA family to build for: its cells, and what the design takes of it.",
)
@click.option(
    "--portable", is_flag=True, help="With --device: plain Verilog all the same, for any family."
)
@click.option("--max-lut", type=click.IntRange(min=0), metavar="N", help="At most so many LUTs.")
@click.option(
    "--max-bram",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most so many block RAMs. Without a target: the fastest design that fits --device.",
)
@click.option(
    "--max-spram",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="With --max-bram, on UltraPlus: weights that do not fit go to at most so many SPRAMs.",
)
@click.option("--max-dsp", type=click.IntRange(min=0), metavar="N", help="At most so many DSPs.")
@click.option(
    "--fifo-loss",
    type=click.FloatRange(0, 99),
    default=0,
    show_default=True,
    metavar="PERCENT",
    help="Throughput that may be lost for shallower FIFOs.",
)
@click.option("--dense", is_flag=True, help="Let no layer skip tiles of zero weights.")
@simplification_options
@click.option("--force", is_flag=True, help="Replace RUN/rtl if it exists.")
@prints(summary, record=record)
def command(
    run: Path,
    target_fps: float | None,
    clock_mhz: float | None,
    target_mhz: float | None,
    folding: Path | None,
    weights: str,
    scores: bool,
    top_k: int | None,
    device: str | None,
    portable: bool,
    max_lut: int | None,
    max_bram: int | None,
    max_spram: int,
    max_dsp: int | None,
    fifo_loss: float,
    dense: bool,
    without: tuple[str, ...],
    force: bool,
) -> BuildResult:
    """Make the hardware of a trained network: Verilog in RUN/rtl.

    What no output depends on is left out first: thresholds out of reach, and channels that are
    constant, unread, or equal to others. Without a target or a folding file, the folding is
    balanced and of moderate size.
    """
    from xnorflow.cli.progress import stage_progress
    from xnorflow.hw.build import DEFAULT_CLOCK_MHZ, BuildOptions, build
    from xnorflow.hw.emit import WeightStorage
    from xnorflow.hw.explore import Budget
    from xnorflow.hw.families import Device
    from xnorflow.hw.passes import Simplification

    limits = (max_lut, max_bram, max_dsp, max_spram)
    options = BuildOptions(
        folding=folding,
        target_fps=target_fps,
        clock_mhz=clock_mhz if clock_mhz is not None else target_mhz or DEFAULT_CLOCK_MHZ,
        weights=WeightStorage(weights),
        scores=scores,
        top_k=top_k,
        replace=force,
        device=Device(device) if device else None,
        budget=None if limits == (None, None, None, 0) else Budget(*limits),
        fifo_loss=fifo_loss / 100,
        dense=dense,
        without=Simplification.named(without),
        portable=portable,
        target_mhz=target_mhz,
    )
    with stage_progress() as progress:
        return build(run, options, progress)
