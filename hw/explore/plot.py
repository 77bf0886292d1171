# SPDX-License-Identifier: Apache-2.0
"""The curve as a picture."""

from __future__ import annotations

from pathlib import Path

from xnorflow.hw.explore.curve import Curve

__all__ = ["plot_curve"]

RESOURCES = (("luts", "LUTs"), ("flip_flops", "flip-flops"), ("block_rams", "block RAMs"))
"""Fields that are drawn, the last one on an axis of its own."""


def plot_curve(curve: Curve, path: Path) -> bool:
    """Draw ``curve`` into ``path``; False if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return False
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    memory = axes.twinx()
    rates = [point.throughput_fps for point in curve.points]
    for number, (field, label) in enumerate(RESOURCES):
        counts = [getattr(point.resources, field) for point in curve.points]
        is_memory = field == "block_rams"
        (memory if is_memory else axes).plot(
            rates, counts, "s--" if is_memory else "o-", color=f"C{number}", label=label
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.set_xlabel(f"frames/s at {curve.clock_mhz:g} MHz")
    axes.set_ylabel("LUTs, flip-flops")
    memory.set_ylabel("block RAMs")
    memory.set_ylim(bottom=0)
    axes.set_title(f"Throughput against area on {curve.device}, estimated")
    figure.legend(loc="outside lower center", ncols=len(RESOURCES))
    figure.savefig(path, metadata={"Date": None})
    return True
