# SPDX-License-Identifier: Apache-2.0
"""The figures of a sweep: accuracy lost to narrow widths, accuracy against cost and sparsity.

Every summary that a figure shows is an artist with the gid ``point-N``, where N is its number
among the summaries, and its standard deviation one with ``spread-N``. A point with mismatches has
a red edge. Figures are drawn without pyplot, and with the same bytes for the same summaries.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorflow.sweep.labels import Label, place_labels
from xnorflow.sweep.panels import (
    GREY,
    INK,
    add_legend,
    bits_text,
    colour_of,
    draw_point,
    figure_with,
    fixed_style,
    legend_entries,
    panels_of,
    settle,
)
from xnorflow.sweep.results import (
    SETTINGS,
    Role,
    Summary,
    column,
    float_baseline,
    pareto,
    width_rank,
)
from xnorflow.sweep.scales import scale_accuracy, scale_cost, scale_loss

__all__ = ["Drawing", "draw_figures", "write_figures"]

COSTS = ("luts", "memory_bits", "size_bits", "frames_per_second")
"""Columns that accuracy is drawn against."""

METHOD_STYLES = {
    "after training": ("#d55e00", "v"),
    "fine-tuned": ("#0072b2", "s"),
    "trained": ("#009e73", "o"),
}
"""Colour and marker of a series of accuracy loss."""

TECHNIQUE_MARKERS = {
    "float": "*",
    "trained": "o",
    "fine-tuned": "s",
    "after training": "v",
    "pruned": "D",
    "distilled": "^",
    "pruned, distilled": "P",
}

PATTERN_MARKERS = "sDv^P<>p"
LINE_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what belongs to it.

    Parameters
    ----------
    name
        Stem of its files.
    title, caption
        What it shows, and how to read it.
    figure
        Of matplotlib.
    """

    name: str
    title: str
    caption: str
    figure: Any

    def svg(self) -> str:
        """The drawing for a page."""
        file = io.StringIO()
        with fixed_style():
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(file, format="svg", metadata=nothing)
        return file.getvalue()

    def pdf(self) -> bytes:
        """The drawing for a paper."""
        file = io.BytesIO()
        with fixed_style():
            self.figure.savefig(file, format="pdf", metadata={"CreationDate": None})
        return file.getvalue()


def draw_figures(summaries: Sequence[Summary]) -> tuple[Drawing, ...]:
    """All figures for which ``summaries`` have something to show; none without matplotlib."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        return ()
    with fixed_style():
        drawings = [
            Drawing(
                "loss",
                "Accuracy lost to narrow widths",
                "Weight x activation bits, against floating point; the lower the better. Bars: "
                "standard deviation of the seeds. Above one point the axis is logarithmic.",
                draw_loss(summaries),
            ),
            *(cost_drawing(summaries, cost) for cost in COSTS),
            Drawing(
                "sparsity",
                "Accuracy against sparsity",
                "A line for each pattern and width, from the dense network on.",
                draw_sparsity(summaries),
            ),
        ]
    return tuple(one for one in drawings if one.figure is not None)


def write_figures(summaries: Sequence[Summary], folder: Path) -> tuple[Path, ...]:
    """Write every figure as ``NAME.svg`` and ``NAME.pdf``; none without matplotlib."""
    paths = []
    for one in draw_figures(summaries):
        for suffix, data in ((".svg", one.svg().encode()), (".pdf", one.pdf())):
            paths.append(folder / f"{one.name}{suffix}")
            paths[-1].write_bytes(data)
    return tuple(paths)


def cost_drawing(summaries: Sequence[Summary], cost: str) -> Drawing:
    """Accuracy against the column ``cost``."""
    head = column(cost).head
    return Drawing(
        f"accuracy-{cost.replace('_', '-')}",
        f"Accuracy against {head}",
        f"The line joins the networks that no other one beats in both accuracy and {head}.",
        draw_cost(summaries, cost),
    )


# --- accuracy loss --------------------------------------------------------------------------------


def draw_loss(summaries: Sequence[Summary]) -> Any:
    """Accuracy loss of plain networks over their widths; None if there are none."""
    losses = {
        number: baseline.accuracy.mean - summary.accuracy.mean
        for number, summary in enumerate(summaries)
        if summary.accuracy
        and summary.technique in METHOD_STYLES
        and (baseline := float_baseline(summary, summaries))
        and baseline.accuracy
    }
    panels = panels_of(summaries, list(losses), ("dataset", "architecture", "labelled_percent"))
    if not panels:
        return None
    figure, all_axes = figure_with(len(panels))
    for axes, ((dataset, architecture, labelled), numbers) in zip(
        all_axes, panels.items(), strict=True
    ):
        baseline = float_baseline(summaries[numbers[0]], summaries)
        accuracy = baseline.accuracy.mean if baseline and baseline.accuracy else math.nan
        share = float(labelled or 100)
        known = "" if share == 100 else f", {share:g} % of labels"
        axes.set_title(f"{architecture} on {dataset}{known}; float: {accuracy:.2f} %")
        draw_losses(axes, summaries, {number: losses[number] for number in numbers})
    present = {summaries[number].technique for number in losses}
    styles = {name: style for name, style in METHOD_STYLES.items() if name in present}
    add_legend(figure, legend_entries(styles, "-"))
    settle(figure)
    return figure


def draw_losses(axes: Any, summaries: Sequence[Summary], losses: dict[int, float]) -> None:
    """A panel of accuracy loss: a place for each pair of widths, a series for each method."""
    ranks = {
        summaries[number].widths: tuple(
            width_rank(summaries[number].text(name)) for name in ("weight_bits", "activation_bits")
        )
        for number in losses
    }
    places = {
        widths: place
        for place, widths in enumerate(sorted(ranks, key=lambda w: ranks[w], reverse=True))
    }
    for step, (method, (colour, marker)) in enumerate(METHOD_STYLES.items(), -1):
        least: dict[float, float] = {}
        for number, loss in losses.items():
            if summaries[number].technique == method:
                x = places[summaries[number].widths] + 0.22 * step
                draw_point(axes, number, summaries[number], x, loss, color=colour, marker=marker)
                least[x] = min(loss, least.get(x, math.inf))
                if loss >= 5:
                    axes.annotate(f"{loss:.1f}", (x, loss), (0, 6), ha="center", fontsize=7,
                                  textcoords="offset points")  # fmt: skip
        xs = sorted(least)
        axes.plot(xs, [least[x] for x in xs], color=colour, linewidth=1, alpha=0.6, zorder=1)
    axes.axhline(0, color=GREY, linewidth=1, zorder=1)
    axes.set_xticks(list(places.values()), list(places))
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_xlabel("weight bits x activation bits")
    axes.grid(visible=True, axis="y")
    scale_loss(axes, list(losses.values()))


# --- accuracy against cost ------------------------------------------------------------------------


def draw_cost(summaries: Sequence[Summary], cost: str) -> Any:
    """Accuracy against the column ``cost``, with the Pareto front; None if nobody has that cost."""
    numbers = [
        number
        for number, summary in enumerate(summaries)
        if summary.accuracy and (summary.number(cost) or 0) > 0
    ]
    on_device = column(cost).role is Role.HARDWARE
    panels = panels_of(summaries, numbers, ("dataset", "device") if on_device else ("dataset",))
    if not panels:
        return None
    figure, all_axes = figure_with(len(panels))
    shown = [summaries[number] for number in numbers]
    widths = sorted({one.text("weight_bits") for one in shown}, key=width_rank)
    techniques = [name for name in TECHNIQUE_MARKERS if name in {one.technique for one in shown}]
    add_legend(
        figure,
        legend_entries({bits_text(width, "weights"): (colour_of(width), "s") for width in widths}),
        legend_entries({name: ("none", TECHNIQUE_MARKERS[name]) for name in techniques}),
    )
    for axes, (key, members) in zip(all_axes, panels.items(), strict=True):
        axes.set_title(cost_title(key, summaries, members))
        draw_costs(axes, summaries, cost, members)
    settle(figure)
    for axes, members in zip(all_axes, panels.values(), strict=True):
        label_front(axes, summaries, cost, members)
    return figure


def draw_costs(axes: Any, summaries: Sequence[Summary], cost: str, members: list[int]) -> None:
    """A panel of accuracy against cost."""
    places = places_of(summaries, cost, members)
    for number, (x, y) in places.items():
        summary = summaries[number]
        draw_point(
            axes, number, summary, x, y, color=colour_of(summary.text("weight_bits")),
            marker=TECHNIQUE_MARKERS.get(summary.technique, "h"),
        )  # fmt: skip
    front = sorted(places[number] for number in pareto(summaries, cost) if number in places)
    more = column(cost).better == "more"
    axes.plot(
        *zip(*front, strict=True), color=INK, linewidth=1, alpha=0.6, zorder=1,
        drawstyle="steps-pre" if more else "steps-post", gid="front",
    )  # fmt: skip
    unit = column(cost).unit
    axes.set_xlabel(f"{column(cost).head}{f', {unit}' if unit == 'bits' else ''}")
    axes.grid(visible=True)
    scale_cost(axes, [x for x, _ in places.values()])
    scale_accuracy(axes, [y for _, y in places.values()])


def places_of(
    summaries: Sequence[Summary], cost: str, members: Sequence[int]
) -> dict[int, tuple[float, float]]:
    """Cost and accuracy of ``members``."""
    return {
        number: (summaries[number].number(cost) or 0.0, accuracy.mean)
        for number in members
        if (accuracy := summaries[number].accuracy)
    }


def cost_title(key: Sequence[str], summaries: Sequence[Summary], members: Sequence[int]) -> str:
    """Data set, device, and what the labels leave unsaid."""
    title = ", estimated for ".join(filter(None, key))
    usual, several = usual_architecture(summaries, members)
    return f"{title}; {usual} unless a label says otherwise" if several else f"{title}; {usual}"


def usual_architecture(summaries: Sequence[Summary], members: Sequence[int]) -> tuple[str, bool]:
    """The most frequent architecture, and whether there are others."""
    counts = Counter(summaries[number].text("architecture") for number in members)
    return counts.most_common(1)[0][0], len(counts) > 1


def label_front(axes: Any, summaries: Sequence[Summary], cost: str, members: list[int]) -> None:
    """Names beside the points of the front, on the side where nothing can be."""
    places = places_of(summaries, cost, members)
    usual, _ = usual_architecture(summaries, members)
    labels = [
        Label(front_label(summaries[number], usual), *places[number])
        for number in pareto(summaries, cost)
        if number in places
    ]
    side = 1 if column(cost).better == "more" else -1
    place_labels(axes, labels, list(places.values()), side)


def front_label(summary: Summary, usual: str) -> str:
    """Widths, what was done to make it smaller, and an architecture that is not the usual one."""
    parts = [summary.widths]
    if summary.text("pattern"):
        parts.append(f"{summary.text('pattern')} {summary.number('sparsity_percent') or 0:.3g} %")
    if summary.text("teachers"):
        parts.append("distilled")
    if summary.text("architecture") != usual:
        parts.append(summary.text("architecture"))
    return ", ".join(parts)


# --- accuracy against sparsity --------------------------------------------------------------------


def draw_sparsity(summaries: Sequence[Summary]) -> Any:
    """Accuracy against the share of weights removed; None if nothing was pruned."""
    pruned = [n for n, one in enumerate(summaries) if one.accuracy and one.text("pattern")]
    if not pruned:
        return None
    kinds = {kind_of(summaries[number]) for number in pruned}
    dense = [number for kind, number in best_dense(summaries).items() if kind in kinds]
    panels = panels_of(summaries, sorted(pruned + dense), ("dataset", "architecture"))
    figure, all_axes = figure_with(len(panels))
    patterns = sorted({summaries[number].text("pattern") for number in pruned})
    markers = dict(zip(patterns, PATTERN_MARKERS * len(patterns), strict=False)) | {"": "o"}
    for axes, ((dataset, architecture), members) in zip(all_axes, panels.items(), strict=True):
        axes.set_title(f"{architecture} on {dataset}")
        draw_sparsities(axes, summaries, members, markers)
    add_legend(figure, *sparsity_legend(summaries, sorted(pruned + dense), markers))
    settle(figure)
    return figure


NOT_OF_A_LINE = ("study", "pattern", "sparsity_percent")
NOT_OF_A_KIND = (*NOT_OF_A_LINE, "method", "epochs")
"""Settings in which points of a line differ; in which it may differ from its dense network."""


def line_of(summary: Summary) -> tuple[object, ...]:
    """What the points of a line have in common, but for their pattern."""
    return tuple(summary.values[name] for name in SETTINGS if name not in NOT_OF_A_LINE)


def kind_of(summary: Summary) -> tuple[object, ...]:
    """What a line has in common with its dense network."""
    return tuple(summary.values[name] for name in SETTINGS if name not in NOT_OF_A_KIND)


def best_dense(summaries: Sequence[Summary]) -> dict[tuple[object, ...], int]:
    """Of each kind the most accurate network that is not pruned."""
    best: dict[tuple[object, ...], tuple[float, int]] = {}
    for number, summary in enumerate(summaries):
        if summary.accuracy and not summary.text("pattern"):
            kind, found = kind_of(summary), (summary.accuracy.mean, number)
            best[kind] = max(best.get(kind, found), found)
    return {kind: number for kind, (_, number) in best.items()}


def draw_sparsities(
    axes: Any, summaries: Sequence[Summary], members: Sequence[int], markers: dict[str, str]
) -> None:
    """A panel of accuracy against sparsity: lines begin at their dense network."""
    lines: dict[tuple[tuple[object, ...], str], list[tuple[float, float]]] = {}
    dense: dict[tuple[object, ...], tuple[float, float]] = {}
    for number in members:
        summary = summaries[number]
        if summary.accuracy:
            place = (summary.number("sparsity_percent") or 0.0, summary.accuracy.mean)
            marker = markers[summary.text("pattern")]
            colour = colour_of(summary.text("weight_bits"))
            draw_point(axes, number, summary, *place, color=colour, marker=marker)
            pattern = summary.text("pattern")
            if pattern:
                lines.setdefault((line_of(summary), pattern), []).append(place)
            else:
                dense[kind_of(summary)] = place
    styles = line_styles(summaries, members)
    some = {line_of(summaries[number]): summaries[number] for number in members}
    for (key, _), places in lines.items():
        start = dense.get(kind_of(some[key]))
        ends = [*([start] if start else []), *sorted(places)]
        axes.plot(
            *zip(*ends, strict=True), linewidth=1.2, alpha=0.8, zorder=1,
            color=colour_of(some[key].text("weight_bits")),
            linestyle=styles[some[key].text("activation_bits")],
        )  # fmt: skip
    axes.set_xlabel("weights removed, %")
    axes.grid(visible=True)
    drawn = [*lines.values(), dense.values()]
    scale_accuracy(axes, [place[1] for places in drawn for place in places])


def line_styles(summaries: Sequence[Summary], members: Sequence[int]) -> dict[str, str]:
    """A line style for each activation width."""
    widths = sorted({summaries[n].text("activation_bits") for n in members}, key=width_rank)
    return dict(zip(widths, LINE_STYLES * len(widths), strict=False))


def sparsity_legend(
    summaries: Sequence[Summary], members: Sequence[int], markers: dict[str, str]
) -> tuple[list[Any], ...]:
    """Entries for weight widths, activation widths and patterns."""
    from matplotlib.lines import Line2D

    widths = sorted({summaries[n].text("weight_bits") for n in members}, key=width_rank)
    lines = [(bits_text(width, "weights"), colour_of(width), "-") for width in widths]
    styles = line_styles(summaries, members)
    if len(styles) > 1:
        lines += [(bits_text(width, "activations"), GREY, line) for width, line in styles.items()]
    return (
        [
            Line2D([], [], color=colour, linestyle=line, label=label)
            for label, colour, line in lines
        ],
        legend_entries({pattern or "dense": ("none", m) for pattern, m in markers.items()}),
    )
