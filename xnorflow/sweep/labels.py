# SPDX-License-Identifier: Apache-2.0
"""Labels beside points, so that none covers another label or a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xnorflow.sweep.panels import INK

__all__ = ["Label", "place_labels"]

FONT_SIZE = 7
MARKER_PIXELS = 5.0
"""Half the side of the square that a marker takes."""

NEAR = 7
"""From a point to its label, in typographic points; a line leads to one further away."""

DISTANCES = (NEAR, 16, 28, 42, 58, 78)


LEADER = {
    "arrowstyle": "-",
    "color": INK,
    "linewidth": 0.5,
    "alpha": 0.6,
    "shrinkA": 0,
    "shrinkB": 3,
}
"""The line from a label to its point."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text for the point at (x, y), in data coordinates."""

    text: str
    x: float
    y: float


def place_labels(
    axes: Any, labels: Sequence[Label], points: Sequence[tuple[float, float]], side: int
) -> None:
    """Write each label at the first free place near its point; leave it out if there is none.

    The layout of the figure must be final, since places are compared in pixels.

    Parameters
    ----------
    labels
        What to write.
    points
        Places of all markers, in data coordinates.
    side
        Where to look first: 1 to the right of a point, -1 to its left.
    """
    from matplotlib.transforms import Bbox

    half = MARKER_PIXELS
    markers = [
        Bbox.from_extents(x - half, y - half, x + half, y + half)
        for x, y in axes.transData.transform(points)
    ]
    room = Room(axes.get_window_extent(), markers)
    scale = axes.get_figure().dpi / 72
    for label in labels:
        size = size_of(axes, label.text)
        pixel = axes.transData.transform((label.x, label.y))
        for distance, direction in candidates(side):
            offset = offset_of(distance, *direction)
            tip = (pixel[0] + offset[0] * scale, pixel[1] + offset[1] * scale)
            corner = (
                tip[0] - size[0] * (1 - direction[0]) / 2,
                tip[1] - size[1] * (1 - direction[1]) / 2,
            )
            leader = None if distance == NEAR else (tuple(pixel), tip)
            if room.take(Bbox.from_bounds(*corner, *size), leader):
                annotate(axes, label, offset, direction, LEADER if leader else None)
                break


class Room:
    """What is still free in a panel.

    Parameters
    ----------
    inside
        Box of the panel, in pixels.
    markers
        Boxes that no label may cover; lines may.
    """

    def __init__(self, inside: Any, markers: Sequence[Any]) -> None:
        self.inside = inside
        self.markers = markers
        self.boxes: list[Any] = []
        self.lines: list[Any] = []

    def take(self, box: Any, line: tuple[Any, Any] | None) -> bool:
        """Take the place of a label and of the line that leads to it, if both are free."""
        from matplotlib.path import Path

        lines = [] if line is None else [Path(line)]
        free = (
            all(self.inside.contains(*corner) for corner in (box.min, box.max))
            and not box.count_overlaps([*self.markers, *self.boxes])
            and not any(old.intersects_bbox(box, filled=False) for old in self.lines)
            and not any(
                new.intersects_bbox(old, filled=False) for new in lines for old in self.boxes
            )
        )
        if free:
            self.boxes.append(box)
            self.lines += lines
        return free


def candidates(side: int) -> list[tuple[int, tuple[int, int]]]:
    """Places to try, near ones first: distance, and the directions in x and y."""
    directions = [(side, 1), (0, 1), (-side, 1), (side, 0), (-side, 0), (side, -1), (-side, -1)]
    return [(distance, direction) for distance in DISTANCES for direction in directions]


def size_of(axes: Any, text: str) -> tuple[float, float]:
    """Width and height of ``text`` with some room around it, in pixels."""
    probe = axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", fontsize=FONT_SIZE)
    extent = probe.get_window_extent()
    probe.remove()
    return extent.width + 2, extent.height + 2


def offset_of(distance: int, across: int, up: int) -> tuple[float, float]:
    """From a point to its label, in typographic points."""
    return across * distance * (0.6 if up else 1.0), up * distance


def annotate(
    axes: Any,
    label: Label,
    offset: tuple[float, float],
    direction: tuple[int, int],
    leader: dict[str, object] | None,
) -> None:
    """Write ``label`` at ``offset`` from its point."""
    text = axes.annotate(
        label.text,
        (label.x, label.y),
        offset,
        textcoords="offset points",
        fontsize=FONT_SIZE,
        ha={-1: "right", 0: "center", 1: "left"}[direction[0]],
        va={-1: "top", 0: "center", 1: "bottom"}[direction[1]],
        arrowprops=leader,
    )
    text.set_in_layout(False)
