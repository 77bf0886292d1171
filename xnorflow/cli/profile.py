# SPDX-License-Identifier: Apache-2.0
"""``xnorflow profile``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints, text_table

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
    frames = "a frame" if result.frames == 1 else f"for {result.frames} frames"
    last = ", ".join(result.bottlenecks) or "none"
    return "\n".join(
        [
            *text_table(("layer", "kind", "busy", "starved", "blocked"), layers, text=(0, 1)),
            "",
            *text_table(("FIFO", "depth", "most", "mean"), fifos),
            "",
            f"{result.interval_cycles:,} cycles {frames} after {result.settled_frames} frames; "
            f"latency {result.latency_cycles:,} cycles; busy in every cycle: {last}",
        ]
    )


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
