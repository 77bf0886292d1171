# SPDX-License-Identifier: Apache-2.0
"""``xnorflow profile``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.sim.cycle.profile import Profile

__all__ = ["command"]


def summary(result: Profile) -> str:
    """Tables of layers and FIFOs, and the rate."""
    layers = [
        (layer.name, layer.kind, layer.busy, layer.starved, layer.blocked)
        for layer in result.layers
    ]
    fifos = [(fifo.name, fifo.depth_beats, fifo.most, f"{fifo.mean:.1f}") for fifo in result.fifos]
    last = ", ".join(result.bottlenecks) or "none"
    return "\n".join(
        [
            *table(("layer", "kind", "busy", "starved", "blocked"), layers, left=2),
            "",
            *table(("FIFO", "depth", "most", "mean"), fifos, left=1),
            "",
            f"{result.interval_cycles:,} cycles a frame after {result.settled_frames} frames; "
            f"latency {result.latency_cycles:,} cycles; busy in every cycle: {last}",
        ]
    )


def table(heads: tuple[str, ...], rows: Sequence[tuple[object, ...]], left: int) -> list[str]:
    """Lines of a table whose first ``left`` columns are text."""
    cells = [heads, *([f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@prints(summary)
def command(run: Path) -> Profile:
    """Show where the cycles of RUN/rtl go: busy, starved, blocked; levels of FIFOs.

    The cycle model gives, for a frame in the rhythm of the design, the cycles in which each layer
    works (busy), waits for input (starved) or for its output to be taken (blocked), and how full
    each FIFO is. It is exact to the cycle and needs no images.
    """
    from xnorflow.sim.cycle.profile import profile

    return profile(run)
