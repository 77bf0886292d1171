# SPDX-License-Identifier: Apache-2.0
"""Exploring a RUN folder: the curve, its plot, and a folding file for every point."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xnorflow.hw.explore.curve import Curve, CurvePoint, Progress, explore_network
from xnorflow.hw.explore.plot import plot_curve
from xnorflow.hw.families import Device
from xnorflow.hw.passes import Simplification, simplify
from xnorflow.rundir import RunFolder, fresh_folder

__all__ = ["Exploration", "ExploreOptions", "explore"]

CURVE_FILE = "curve.json"
PLOT_FILE = "curve.svg"


@dataclass(frozen=True, slots=True)
class ExploreOptions:
    """What to explore.

    Parameters
    ----------
    device
        FPGA family.
    clock_mhz
        Clock assumed for the rates.
    points
        Points to look for.
    replace
        Replace an earlier exploration.
    without
        Passes that are not to simplify the network; names are accepted too.
    """

    device: Device = Device.ECP5
    clock_mhz: float = 100.0
    points: int = 16
    replace: bool = False
    without: frozenset[Simplification] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "without", Simplification.named(self.without))


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was found and written.

    Parameters
    ----------
    folder
        ``curve.json``, ``curve.svg`` unless matplotlib is missing, and for every point
        ``folding_NUMBER.json``.
    curve
        The curve.
    plot
        The plot, or None if matplotlib is missing.
    without
        Passes that did not simplify the network, nor should in a build of a point.
    """

    folder: Path
    curve: Curve
    plot: Path | None
    without: frozenset[Simplification] = frozenset()


def explore(
    run: str | Path, options: ExploreOptions | None = None, progress: Progress | None = None
) -> Exploration:
    """The trade-off curve of the network in ``run``, written to ``RUN/explore``.

    The network is simplified as by a build, so that folding files fit what is built.

    Raises
    ------
    ArtifactError
        If ``run`` holds no integer network.
    OutputError
        If ``RUN/explore`` exists and is not to be replaced, or cannot be written.
    """
    options = options or ExploreOptions()
    folder = RunFolder(Path(run))
    network = simplify(folder.network(), options.without).network
    target = folder.root / "explore"
    with fresh_folder(target, replace=options.replace) as scratch:
        curve = explore_network(
            network, options.device, options.clock_mhz, options.points, progress
        )
        (scratch / CURVE_FILE).write_text(json.dumps(document(curve), indent=1) + "\n")
        for number, point in enumerate(curve.points, start=1):
            (scratch / folding_file(number)).write_text(point.plan.to_json())
        plotted = plot_curve(curve, scratch / PLOT_FILE)
    plot = target / PLOT_FILE if plotted else None
    return Exploration(target, curve, plot, options.without)


def folding_file(number: int) -> str:
    """Name of the folding file of a point, counted from 1."""
    return f"folding_{number:02d}.json"


def document(curve: Curve) -> dict[str, Any]:
    """The curve as JSON values, each point with its folding file."""
    return {
        "device": curve.device.value,
        "clock_mhz": curve.clock_mhz,
        "points": [record(number, point) for number, point in enumerate(curve.points, start=1)],
    }


def record(number: int, point: CurvePoint) -> dict[str, Any]:
    """One point as JSON values."""
    return {
        "folding": folding_file(number),
        "throughput_fps": point.throughput_fps,
        "interval_cycles": point.interval_cycles,
        "slowest": point.slowest,
        **asdict(point.resources),
    }
