# SPDX-License-Identifier: Apache-2.0
"""``xnorflow infer``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.inference import Inference

__all__ = ["command"]

SHOWN_CLASSES = 20


def summary(result: Inference) -> str:
    """Classes, accuracy, latency, rate, resends, verdict."""
    shown = " ".join(str(label) for label in result.classes[:SHOWN_CLASSES])
    more = " ..." if len(result.classes) > SHOWN_CLASSES else ""
    lines = [
        f"images: {len(result.classes):,} of {result.dataset}, on {result.port}",
        f"classes: {shown}{more}",
    ]
    if result.accuracy is not None:
        lines.append(f"accuracy: {100 * result.accuracy:.2f} %")
    lines += [latency_line(result), link_line(result)]
    if result.mismatches is not None:
        lines.append(verdict(result))
    return "\n".join(lines)


def latency_line(result: Inference) -> str:
    """Latency of the accelerator, and rate of all."""
    low, high = int(result.latency_cycles.min()), int(result.latency_cycles.max())
    cycles = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return (
        f"latency: {cycles} cycles of the accelerator ({1e6 * high / result.clock_hz:,.1f} us at "
        f"{result.clock_hz / 1e6:g} MHz); rate: {result.images_per_second:,.0f} images/s"
    )


def link_line(result: Inference) -> str:
    """What happened on the link."""
    link = result.link
    return f"link: {link.sent:,} images sent, {link.resent:,} of them again; {link.errors:,} errors"


def verdict(result: Inference) -> str:
    """The last line."""
    if result.mismatches:
        return (
            f"FAIL: {result.mismatches:,} of {len(result.classes):,} outputs differ from the "
            f"integer reference, first that of image {result.first_mismatch}"
        )
    return f"PASS: {len(result.classes):,} outputs, all as the integer reference gives them"


def record(result: Inference) -> dict[str, Any]:
    """All fields, with the verdict."""
    from xnorflow.cli.output import plain

    fields: dict[str, Any] = plain(result)
    return {"passed": result.passed} | fields


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("data", required=False, metavar="[IMAGES]")
@click.option(
    "--port",
    metavar="PORT",
    help="Port of the board: /dev/ttyUSB1, COM3; over SPI ftdi://ftdi:2232h/1.",
)
@click.option("--simulate", is_flag=True, help="Simulate the board, behind its line.")
@click.option("--check", is_flag=True, help="Compare every output with the integer reference.")
@click.option(
    "--images", type=click.IntRange(min=1), metavar="N", help="Number of images; by default all."
)
@click.option(
    "--baud",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Bits a second; what the bitstream was built for. Over SPI: SCK, in Hz.",
)
@click.option(
    "--clock-mhz",
    type=click.FloatRange(min=0, min_open=True),
    default=12,
    show_default=True,
    help="Clock of the simulated board.",
)
@click.option(
    "--link",
    type=click.Choice(["uart", "spi"]),
    default="uart",
    show_default=True,
    help="Line of the simulated board.",
)
@prints(summary, record=record, passed=lambda result: bool(result.passed))
def command(
    run: Path,
    data: str | None,
    port: str | None,
    simulate: bool,
    check: bool,
    images: int | None,
    baud: int,
    clock_mhz: float,
    link: str,
) -> Inference:
    """Run images on the accelerator of a board, over its serial line or SPI.

    IMAGES is a data set, or an .npz file with images and perhaps labels; by default the test images
    that the network was trained for. Exits with 1 if --check finds a difference.
    """
    from xnorflow.cli.progress import stage_progress
    from xnorflow.hw.link import LineKind
    from xnorflow.inference import InferOptions, infer

    if (port is None) != simulate:
        raise click.UsageError("give a board by --port PORT, or --simulate one, and not both")
    options = InferOptions(
        port=port,
        images=images,
        data=data,
        check=check,
        baud=baud,
        clock_hz=1e6 * clock_mhz,
        link=LineKind(link),
    )
    with stage_progress() as progress:
        return infer(run, options, progress)
