# SPDX-License-Identifier: Apache-2.0
"""The results of a sweep as one HTML file that needs nothing else."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from xnorflow.sweep.comparison import Comparison, compare
from xnorflow.sweep.figures import Drawing, draw_figures
from xnorflow.sweep.panels import INK
from xnorflow.sweep.results import (
    ACCURACY,
    COLUMNS,
    METHODS,
    SETTINGS,
    Column,
    Kind,
    Role,
    Row,
    Summary,
    Value,
    column,
    done,
    mismatched,
    ordered,
    pareto,
    summarise,
    width_rank,
)

__all__ = ["write_page"]

FRONTS = ("luts", "memory_bits", "size_bits", "frames_per_second")
"""Costs whose Pareto fronts are marked in the table."""

CHOICES = (
    "study",
    "dataset",
    "architecture",
    "weight_bits",
    "activation_bits",
    "method",
    "pattern",
    "teachers",
    "device",
)
"""Columns with a select box, where there is a choice."""

POINT_COLUMNS = ("point", "seed", "status", ACCURACY, "mismatches", "verified_images")


def write_page(rows: Sequence[Row], path: Path, title: str, command: str = "") -> None:
    """Write the results of a sweep as an HTML file without anything outside it.

    Parameters
    ----------
    rows
        Of the sweep, in any order.
    path
        The file.
    title
        Heading of the page.
    command
        The command that made the sweep, to be shown.
    """
    rows = ordered(rows)
    summaries = summarise(rows)
    template = Template(resource("page.html"))
    fronts = fronts_of(summaries)
    page = template.substitute(
        title=escape(title),
        style=resource("page.css"),
        header=header(rows, summaries, command),
        selects="\n".join(selects(summaries, fronts)),
        figures=figures(draw_figures(summaries)),
        networks=networks(summaries, fronts),
        more="\n".join([comparisons(summaries), failures(rows), points(rows)]),
        data=embedded([record(*pair) for pair in zip(summaries, fronts, strict=True)]),
        script=resource("page.js"),
    )
    path.write_text(page, encoding="utf-8")


def resource(name: str) -> str:
    """A file that lies beside this one."""
    return (files("xnorflow.sweep") / name).read_text(encoding="utf-8")


def embedded(value: object) -> str:
    r"""``value`` as JSON that no text in it can end, wherever in HTML it stands.

    Examples
    --------
    >>> print(embedded(["</script>"]))
    ["\u003c/script\u003e"]
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"})


def record(summary: Summary, front: Sequence[str]) -> dict[str, object]:
    """What the script must know of a network."""
    choices: dict[str, list[str]] = {name: [summary.text(name)] for name in CHOICES}
    return {
        "points": summary.points,
        "accuracy": summary.accuracy.mean if summary.accuracy else None,
        "choices": choices | {"front": list(front)},
    }


def fronts_of(summaries: Sequence[Summary]) -> list[list[str]]:
    """For each summary the heads of the costs on whose front it is."""
    found: list[list[str]] = [[] for _ in summaries]
    for cost in FRONTS:
        for number in pareto(summaries, cost):
            found[number].append(column(cost).head)
    return found


# --- text -----------------------------------------------------------------------------------------


def shown(of: Column, value: Value) -> str:
    """A value as people read it; None is empty.

    Examples
    --------
    >>> shown(column("luts"), 12345.0), shown(column("accuracy_percent"), 90.6)
    ('12,345', '90.60')
    >>> shown(column("clock_mhz"), 100.0), shown(column("frames_per_second"), 63775.51)
    ('100', '63,776')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if not math.isfinite(value):
        return ""
    if of.name == ACCURACY:
        return f"{value:.2f}"
    return f"{value:,.0f}" if of.kind is Kind.WHOLE or abs(value) >= 1000 else f"{value:.4g}"


def sort_value(of: Column, value: Value) -> str:
    """What the table is sorted by: widths and methods have an order of their own."""
    if of.name in ("weight_bits", "activation_bits") and isinstance(value, str):
        return repr(min(width_rank(value), 1000.0))
    if of.name == "method" and value in METHODS:
        return str(METHODS.index(str(value)))
    return "" if value is None else str(value)


def count(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "point"), count(2, "point")
    ('1 point', '2 points')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def header(rows: Sequence[Row], summaries: Sequence[Summary], command: str) -> str:
    """Counts, the command, what all networks have in common."""
    finished = sum(done(row) for row in rows)
    wrong = sum(mismatched(row) for row in rows)
    verified = sum(row.get("verified_images") is not None for row in rows)
    lines = [
        f"<p>{count(len(rows), 'point')}: {finished:,} done, {len(rows) - finished:,} failed. "
        f"Seeds together they are {count(len(summaries), 'network')}.</p>"
    ]
    if wrong:
        lines.append(
            f'<p class="alarm">Verification found mismatches in {count(wrong, "point")}.</p>'
        )
    elif verified:
        lines.append(f"<p>Verification found no mismatch in {count(verified, 'point')}.</p>")
    if command:
        lines.append(f"<pre><code>{escape(command)}</code></pre>")
    shared = [
        f"<div><dt>{escape(column(name).head)}</dt><dd>{escape(text)}</dd></div>"
        for name in SETTINGS
        if not varies(summaries, name)
        and summaries
        and (text := shown(column(name), summaries[0].values[name]))
    ]
    if shared:
        lines.append(f"<p>The same for all:</p>\n<dl>{''.join(shared)}</dl>")
    return "\n".join(lines)


def varies(summaries: Sequence[Summary], name: str) -> bool:
    """Whether two networks differ in a column."""
    return len({summary.values[name] for summary in summaries}) > 1


# --- parts of the page ----------------------------------------------------------------------------


def selects(summaries: Sequence[Summary], fronts: Sequence[Sequence[str]]) -> list[str]:
    """A select box for each setting with a choice, and one for Pareto fronts."""
    boxes = []
    for name in filter(lambda name: varies(summaries, name), CHOICES):
        values = dict.fromkeys(summary.text(name) for summary in summaries)
        by_order = sorted(values, key=lambda value: sort_key_of(column(name), value))
        boxes.append(select(name, column(name).head, by_order))
    heads = [column(cost).head for cost in FRONTS]
    present = [head for head in heads if any(head in front for front in fronts)]
    return [*boxes, *([select("front", "Pareto front", present)] if present else [])]


def sort_key_of(of: Column, text: str) -> tuple[float, str]:
    """Order of the options of a select box."""
    value = sort_value(of, text)
    ranked = of.name in ("weight_bits", "activation_bits")
    ranked |= of.name == "method" and text in METHODS
    return (float(value) if ranked else 0.0), value


def select(name: str, head: str, values: Iterable[str]) -> str:
    """A select box; its options hold their text as JSON, so that an empty text is a choice."""
    options = "".join(
        f'<option value="{escape(json.dumps(value))}">{escape(value or "none")}</option>'
        for value in values
    )
    return (
        f'<label>{escape(head)} <select name="{name}"><option value="">all</option>'
        f"{options}</select></label>"
    )


def figures(drawings: Sequence[Drawing]) -> str:
    """The figures with their captions."""
    if not drawings:
        return "<p class=\"hint\">None: <code>pip install 'xnorflow[plot]'</code> draws them.</p>"
    parts = [
        f"<figure><figcaption><strong>{escape(one.title)}.</strong> {escape(one.caption)}"
        f"</figcaption>\n{inlined(one)}</figure>"
        for one in drawings
    ]
    hint = (
        "A point tells its network: with the pointer, or with arrow keys once a figure has focus."
    )
    return f'<p class="hint">{hint}</p>\n<div class="figures">\n' + "\n".join(parts) + "\n</div>"


def inlined(drawing: Drawing) -> str:
    """The SVG of ``drawing`` for a page: names of its own, the page's ink, marked points."""
    svg = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", drawing.svg(), flags=re.DOTALL)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="(point|spread)-(\d+)"', r'id="\1-\2" class="\1" data-\1="\2"', svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{drawing.name}-", svg)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = svg.replace(INK, "currentColor")
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{escape(drawing.title)}" tabindex="0"', 1
    )


def networks(summaries: Sequence[Summary], fronts: Sequence[Sequence[str]]) -> str:
    """The table of summaries."""
    told = [
        c
        for c in COLUMNS
        if c.name != ACCURACY
        and c.role not in (Role.NAME, Role.SEED, Role.STATE)
        and (varies(summaries, c.name) if c.role is Role.SETTING else has_values(summaries, c))
    ]
    heads = [
        ("network", "widths, method, what was done to it"),
        (column(ACCURACY).head, f"{column(ACCURACY).description}, in %"),
        ("seeds", "how many the accuracy is the mean of"),
        ("Pareto front", "no other network is better in both accuracy and this"),
        *((c.head, f"{c.description}{f', in {c.unit}' if c.unit else ''}") for c in told),
    ]
    lines = [
        network_line(number, summary, told, front)
        for number, (summary, front) in enumerate(zip(summaries, fronts, strict=True))
    ]
    buttons = "".join(
        f'<th scope="col"><button type="button" title="{escape(about)}">{escape(head)}'
        "</button></th>"
        for head, about in heads
    )
    hint = (
        "Means of all seeds; accuracy with its sample standard deviation. ★: on a Pareto front. "
        "✗: verification found mismatches."
    )
    return (
        f'<p class="hint">{hint}</p>\n<div class="scroll" tabindex="0" role="region" '
        f'aria-labelledby="networks-head"><table id="networks">\n'
        f"<thead><tr>{buttons}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def has_values(summaries: Sequence[Summary], of: Column) -> bool:
    """Whether any network has something to say in a column."""
    return any(summary.values[of.name] is not None for summary in summaries)


def network_line(
    number: int, summary: Summary, told: Sequence[Column], front: Sequence[str]
) -> str:
    """A line of the table of networks."""
    wrong = mismatched(summary.values)
    classes = " ".join(["front"] * bool(front) + ["wrong"] * wrong)
    marks = " ★" * bool(front) + " ✗" * wrong
    label, names = escape(summary.label), escape(", ".join(summary.points))
    cells = [f'<th scope="row" data-key="{label}" title="{names}">{label}{marks}</th>']
    fronts = escape(", ".join(front))
    cells += [*accuracy_cells(summary), f'<td data-key="{fronts}">{fronts}</td>']
    for c in told:
        value = summary.values[c.name]
        key, text = escape(sort_value(c, value)), escape(shown(c, value))
        cells.append(f'<td class="{cell_class(c)}" data-key="{key}">{text}</td>')
    return f'<tr data-row="{number}" class="{classes}">{"".join(cells)}</tr>'


def cell_class(of: Column) -> str:
    """Class of the cells of a column."""
    return "text" if of.kind is Kind.TEXT else f"number {of.name}"


def accuracy_cells(summary: Summary) -> list[str]:
    """Accuracy with its deviation, and the number of seeds, failed ones too."""
    failed = f", {summary.failed} failed" if summary.failed else ""
    spread = summary.accuracy
    if spread is None:
        return ["<td></td>", f'<td class="number" data-key="0">0{failed}</td>']
    deviation = "" if spread.stdev is None else f" ± {spread.stdev:.2f}"
    about = f"{spread.least:.2f} to {spread.most:.2f}"
    return [
        f'<td class="number" data-key="{spread.mean!r}" title="{about}">'
        f"{spread.mean:.2f}{deviation}</td>",
        f'<td class="number" data-key="{spread.seeds}">{spread.seeds}{failed}</td>',
    ]


def comparisons(summaries: Sequence[Summary]) -> str:
    """What distillation, compression and training gain."""
    found: Sequence[Comparison] = compare(summaries)
    if not found:
        return ""
    found = sorted(found, key=lambda one: (one.gain.verdict == "unknown", one.aspect))
    lines = [comparison_line(summaries, one) for one in found]
    hint = (
        "Differences of mean accuracies between networks that are alike in all other settings, "
        "with the interval of 95 % by Welch. “No gain”: it includes 0. “Unknown”: one seed alone."
    )
    return section(
        "comparisons", "Comparisons", hint, ("of", "without", "with", "difference"), lines
    )


def comparison_line(summaries: Sequence[Summary], one: Comparison) -> str:
    """A line of the table of comparisons."""
    base, other = summaries[one.base], summaries[one.other]
    texts = (one.aspect, full_label(base), full_label(other), one.gain.sentence)
    return "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"


def full_label(summary: Summary) -> str:
    """The label with the architecture."""
    return f"{summary.text('architecture')}, {summary.label}"


def failures(rows: Sequence[Row]) -> str:
    """Points that failed, with their errors."""
    lines = [
        f'<tr><th scope="row">{escape(str(row.get("point")))}</th>'
        f'<td class="wide">{escape(str(row.get("error") or ""))}</td></tr>'
        for row in rows
        if not done(row)
    ]
    if not lines:
        return ""
    return section("failed", "Failed", "They are in no mean.", ("point", "error"), lines)


def points(rows: Sequence[Row]) -> str:
    """All points, seed by seed."""
    told = [column(name) for name in POINT_COLUMNS]
    lines = []
    for row in rows:
        cells = [escape(shown(c, row.get(c.name))) for c in told]
        head = f'<th scope="row">{cells[0]}{" ✗" * mismatched(row)}</th>'
        rest = "".join(
            f'<td class="{cell_class(c)}">{cell}</td>'
            for c, cell in zip(told[1:], cells[1:], strict=True)
        )
        lines.append(f'<tr class="{"wrong" * mismatched(row)}">{head}{rest}</tr>')
    table = table_of(tuple(c.head for c in told), lines)
    return f"<details><summary>All {count(len(rows), 'point')}</summary>\n{table}</details>"


def section(name: str, title: str, hint: str, heads: Sequence[str], lines: Sequence[str]) -> str:
    """A section with a table."""
    return (
        f'<section aria-labelledby="{name}-head"><h2 id="{name}-head">{title}</h2>\n'
        f'<p class="hint">{hint}</p>\n{table_of(heads, lines)}</section>'
    )


def table_of(heads: Sequence[str], lines: Sequence[str]) -> str:
    """A table that scrolls by itself."""
    names = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{names}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )
