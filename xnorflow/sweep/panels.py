# SPDX-License-Identifier: Apache-2.0
"""What the figures of a sweep have in common: style, panels, points and legends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from xnorflow.sweep.results import Summary, mismatched

__all__ = [
    "GREY",
    "INK",
    "add_legend",
    "bits_text",
    "colour_of",
    "draw_point",
    "figure_with",
    "fixed_style",
    "legend_entries",
    "panels_of",
    "settle",
]

INK = "#1b2330"
"""Colour of text and axes; a page may replace it by that of its own text."""

RED = "#e00020"
GREY = "#7a828c"

COLOURS = {
    "1": "#d55e00",
    "t": "#e69f00",
    "2": "#009e73",
    "4": "#56b4e9",
    "8": "#0072b2",
    "float": GREY,
}
"""Of weight bits: Okabe and Ito's, which colour-blind readers can tell apart."""

OTHER_COLOUR = "#cc79a7"

STYLE: dict[str, object] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.size": 9,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "xnorflow",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}

PANEL_WIDTH_INCHES = 8.0
PANEL_HEIGHT_INCHES = 4.2


@contextmanager
def fixed_style() -> Iterator[None]:
    """Settings that depend on no file of the user; those before come back at the end."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def panels_of(
    summaries: Sequence[Summary], numbers: Sequence[int], settings: Sequence[str]
) -> dict[tuple[str, ...], list[int]]:
    """``numbers`` by what ``settings`` their summaries have, in order: a panel for each."""
    panels: dict[tuple[str, ...], list[int]] = {}
    for number in numbers:
        key = tuple(summaries[number].text(setting) for setting in settings)
        panels.setdefault(key, []).append(number)
    return panels


def figure_with(count: int) -> tuple[Any, list[Any]]:
    """A figure with ``count`` panels, one above the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PANEL_WIDTH_INCHES, PANEL_HEIGHT_INCHES * count), layout="constrained")
    return figure, list(figure.subplots(count, squeeze=False)[:, 0])


def settle(figure: Any) -> None:
    """Lay ``figure`` out, once and for all."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def draw_point(axes: Any, number: int, summary: Summary, x: float, y: float, **style: Any) -> None:
    """A summary at (x, y), with a bar for the deviation of its seeds."""
    wrong = mismatched(summary.values)
    deviation = summary.accuracy.stdev if summary.accuracy else None
    if deviation:
        axes.plot(
            [x, x], [y - deviation, y + deviation], color=style["color"], lw=1, alpha=0.7,
            gid=f"spread-{number}", zorder=2,
        )  # fmt: skip
    axes.plot(
        [x], [y], linestyle="none", markersize=9 if style["marker"] == "*" else 6,
        markeredgecolor=RED if wrong else INK, markeredgewidth=2.0 if wrong else 0.6,
        gid=f"point-{number}", zorder=3, **style,
    )  # fmt: skip


def legend_entries(styles: dict[str, tuple[str, str]], line: str = "none") -> list[Any]:
    """Entries of a legend: by label the colour and the marker."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=colour, marker=marker, linestyle=line, label=label,
               markeredgecolor=INK, markeredgewidth=0.6)
        for label, (colour, marker) in styles.items()
    ]  # fmt: skip


def add_legend(figure: Any, *groups: Sequence[Any]) -> None:
    """Entries of all groups below the figure."""
    handles = [handle for group in groups for handle in group]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(6, len(handles)),
        columnspacing=1.2,
        handletextpad=0.3,
    )


def bits_text(bits: str, of: str) -> str:
    """A width in words."""
    named = {"t": f"ternary {of}", "float": f"float {of}"}
    return named.get(bits, f"{bits}-bit {of}")


def colour_of(weight_bits: str) -> str:
    """The colour of a weight width."""
    return COLOURS.get(weight_bits, OTHER_COLOUR)
