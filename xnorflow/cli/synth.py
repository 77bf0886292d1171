# SPDX-License-Identifier: Apache-2.0
"""``xnorflow synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.bitstream_text import bitstream_record, bitstream_summary
from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.bitstreams.report import BitstreamReport
    from xnorflow.bitstreams.synthesis import Utilisation

__all__ = ["command"]


def summary(result: Utilisation | BitstreamReport) -> str:
    """The counts of a family in one line, or all that was found for a board."""
    from xnorflow.bitstreams.report import BitstreamReport

    if isinstance(result, BitstreamReport):
        return bitstream_summary(result)
    counts = {
        "LUT": result.luts,
        "FF": result.flip_flops,
        "BRAM": result.block_rams,
        "DSP": result.dsps,
        "SPRAM": result.sprams,
        "carry": result.carries,
    }
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"{result.device}: {listed} ({result.tool}, before place and route)"


def record(result: Utilisation | BitstreamReport) -> Any:
    """All fields."""
    from xnorflow.bitstreams.report import BitstreamReport

    return bitstream_record(result) if isinstance(result, BitstreamReport) else result


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="FPGA family to count for; by default ecp5.",
)
@click.option("--board", metavar="BOARD", help="Make a bitstream for this board (see `boards`).")
@click.option(
    "--clock-mhz", type=float, metavar="MHZ", help="With --board: clock; by default the board's."
)
@click.option("--seed", type=int, default=1, show_default=True, help="With --board: of placement.")
@click.option(
    "--link",
    type=click.Choice(["uart", "spi"]),
    default="uart",
    show_default=True,
    help="With --board: line to the host.",
)
@click.option(
    "--baud",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="With --board: bits a second of a UART.",
)
@click.option(
    "--no-link",
    is_flag=True,
    help="With --board: measure the accelerator without its link; no bitstream is written.",
)
@click.option("--force", is_flag=True, help="Replace the board's bitstream if there is one.")
@prints(summary, record=record, passed=lambda result: getattr(result, "passed", True))
def command(
    run: Path,
    device: str | None,
    board: str | None,
    clock_mhz: float | None,
    seed: int,
    link: str,
    baud: int,
    no_link: bool,
    force: bool,
) -> Utilisation | BitstreamReport:
    """Synthesise RUN/rtl: a bitstream for a board, or what it takes on an FPGA family.

    With --board: synthesis, place and route, and packing into RUN/bitstream/BOARD, with
    utilisation, clock and critical path. Exits with 1, and writes nothing, if the design does not
    fit or misses its clock. Otherwise Yosys counts the cells of a family, before place and route.
    """
    if board is None:
        from xnorflow.bitstreams.synthesis import Device, synthesise

        return synthesise(run, Device(device or "ecp5"))
    if device is not None:
        raise click.UsageError("give a board or a family, not both")
    from xnorflow.bitstreams.flow import BitstreamOptions, make_bitstream
    from xnorflow.cli.progress import stage_progress
    from xnorflow.hw.link import LineKind

    kind = None if no_link else LineKind(link)
    options = BitstreamOptions(board, clock_mhz, seed, baud, kind, replace=force)
    with stage_progress() as progress:
        return make_bitstream(run, options, progress)
