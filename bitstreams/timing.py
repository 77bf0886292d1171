# SPDX-License-Identifier: Apache-2.0
"""Clock and critical path in nextpnr's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xnorflow.bitstreams.layer_names import OUTSIDE, LayerNames
from xnorflow.errors import ToolError

__all__ = ["CriticalPath", "TimingResult", "read_timing"]


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The slowest path between two registers.

    Parameters
    ----------
    delay_ns
        How long it takes.
    begins, ends
        Layers of its first and last cell; "" outside of all layers.
    layer_ns
        How much of the time is spent in each layer, most first.
    cells
        The cells on it.
    """

    delay_ns: float
    begins: str
    ends: str
    layer_ns: Mapping[str, float]
    cells: tuple[str, ...]

    @property
    def layer(self) -> str:
        """The layer in which most of the time is spent; "" outside of all layers."""
        return next(iter(self.layer_ns), OUTSIDE)


@dataclass(frozen=True, slots=True)
class TimingResult:
    """The clock that a placed and routed design reaches.

    Parameters
    ----------
    target_mhz
        The clock that it must reach.
    fmax_mhz
        The clock that it reaches.
    path
        What bounds it; None if the report has no path.
    """

    target_mhz: float
    fmax_mhz: float
    path: CriticalPath | None

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.fmax_mhz >= self.target_mhz


def read_timing(report: Mapping[str, Any], target_mhz: float, layers: LayerNames) -> TimingResult:
    """What nextpnr's JSON ``report`` says of the clock.

    Raises
    ------
    ToolError
        If it has no clock.
    """
    clocks = {name: float(clock["achieved"]) for name, clock in report.get("fmax", {}).items()}
    if not clocks:
        raise ToolError("nextpnr's report has no clock")
    slowest = min(clocks, key=lambda name: clocks[name])
    edge = f"posedge {slowest}"
    paths = (
        path
        for path in report.get("critical_paths", ())
        if path["from"] == edge and path["to"] == edge
    )
    path = next((critical_path(path["path"], layers) for path in paths), None)
    return TimingResult(target_mhz, round(clocks[slowest], 3), path)


def critical_path(segments: list[dict[str, Any]], layers: LayerNames) -> CriticalPath:
    """A path of the report; a wire's time is its driver's."""
    spent: Counter[str] = Counter()
    for segment in segments:
        spent[layers.of_cell(segment["from"]["cell"])] += segment["delay"]
    cells = [segments[0]["from"]["cell"], *(segment["to"]["cell"] for segment in segments)]
    return CriticalPath(
        delay_ns=round(sum(spent.values()), 3),
        begins=layers.of_cell(cells[0]),
        ends=layers.of_cell(cells[-1]),
        layer_ns={name: round(delay, 3) for name, delay in spent.most_common()},
        cells=tuple(dict.fromkeys(cells)),
    )
