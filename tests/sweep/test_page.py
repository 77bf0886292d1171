# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser

import pytest
from sweep_rows import failed_row, make_row, sweep_rows

from xnorflow.sweep.page import write_page
from xnorflow.sweep.results import pareto, summarise

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
VOID = {"meta", "link", "input", "br"}
ATTACK = "</script><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>-->$title"


class Page(HTMLParser):
    """Elements, texts by element, and whether every element was closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.source = text
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def text(self, *within):
        """Text inside of elements, which are named from the outside inwards."""
        return "".join(d for path, d in self.texts if [t for t in path if t in within] == [*within])

    def cells(self, tag):
        return [data for path, data in self.texts if path and path[-1] == tag]

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]


def test_a_study_may_be_called_like_a_method(tmp_path):
    rows = [make_row(point="a", study="after training"), make_row(point="b", study="widths")]
    options = page_of(rows, tmp_path).cells("option")
    assert {"after training", "widths"} <= set(options)


def page_of(rows, tmp_path, title="A sweep", command="xnorflow sweep x.toml"):
    path = tmp_path / "page.html"
    write_page(rows, path, title, command)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows():
    return sweep_rows()


@pytest.fixture(scope="module")
def page(rows, tmp_path_factory):
    return page_of(rows, tmp_path_factory.mktemp("page"))


def lines(page):
    return [attrs for tag, attrs in page.elements if tag == "tr" and "data-row" in attrs]


def test_title_command_and_counts_are_at_the_top(page, rows):
    header = page.text("header")
    assert page.text("title") == page.text("h1") == "A sweep"
    assert page.text("pre", "code") == "xnorflow sweep x.toml"
    assert f"{len(rows)} points: {len(rows) - 1} done, 1 failed." in header
    assert "found mismatches in 1 point." in header
    assert "data setdigits" in header.replace("\n", "")


def test_every_point_is_there_with_its_accuracy(page, rows):
    texts = [data for path, data in page.texts if "details" in path]
    for row in rows:
        at = next(n for n, text in enumerate(texts) if text.removesuffix(" ✗") == row["point"])
        if row["status"] == "done":
            assert f"{row['accuracy_percent']:.2f}" in texts[at : at + 6]


def test_every_network_is_a_line(page, rows):
    summaries = summarise(rows)
    assert [line["data-row"] for line in lines(page)] == [str(n) for n in range(len(summaries))]
    data = json.loads(page.text("script").partition('"use strict"')[0])
    assert [one["points"] for one in data] == [list(one.points) for one in summaries]
    for summary in summaries:
        assert summary.label in page.text("table", "tbody")
        if summary.accuracy and summary.accuracy.stdev:
            text = f"{summary.accuracy.mean:.2f} ± {summary.accuracy.stdev:.2f}"
            assert text in page.cells("td")


def test_networks_on_a_front_are_marked(page, rows):
    costs = ("luts", "memory_bits", "size_bits", "frames_per_second")
    summaries = summarise(rows)
    expected = {number for cost in costs for number in pareto(summaries, cost)}
    marked = {int(line["data-row"]) for line in lines(page) if "front" in line["class"]}
    assert marked == expected


def test_mismatches_stand_out(page, rows):
    (wrong,) = (n for n, one in enumerate(summarise(rows)) if one.number("mismatches"))
    assert [int(line["data-row"]) for line in lines(page) if "wrong" in line["class"]] == [wrong]
    classes = [attrs.get("class", "") for tag, attrs in page.elements if tag == "tr"]
    assert sum("wrong" in one.split() for one in classes) == 2, "the network and the point"
    assert "--wrong" in page.text("style")


def test_without_mismatches_the_page_says_so(tmp_path):
    page = page_of([make_row()], tmp_path)
    assert "found no mismatch in 1 point." in page.text("header")
    assert not any("wrong" in line["class"] for line in lines(page))
    assert "Verification" not in page_of([make_row(verified_images=None)], tmp_path).text("header")


def test_failed_points_are_listed_with_their_error(page):
    at = page.cells("td").index("ToolError: no")
    assert at > 0
    assert "broken" in page.cells("th")


def test_gains_are_told(page):
    text = page.text("main")
    assert re.search(r"distillation.*?(gain|no gain|loss): [+-]\d\.\d\d ± \d", text, re.DOTALL)
    assert "unknown: +" in text


def test_points_of_the_figures_belong_to_lines(page, rows):
    numbers = {int(number) for number in page.attributes("data-point")}
    assert numbers == {n for n, one in enumerate(summarise(rows)) if one.accuracy}
    assert len([tag for tag, _ in page.elements if tag == "svg"]) == 6


def test_no_two_elements_have_the_same_id(page):
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page.source)
    assert {one or other for one, other in used} <= set(ids)
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def test_the_page_needs_nothing_from_outside(page):
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", page.source))
    assert addresses <= NAMESPACES
    assert "default-src 'none'" in page.source
    for name in ("src", "href", "xlink:href", "action"):
        assert all(value.startswith(("#", "data:,")) for value in page.attributes(name))
    assert "@import" not in page.text("style")


def test_every_control_has_a_name(page):
    form = page.source[page.source.index("<form") : page.source.index("</form>")]
    controls = re.findall(r"<(?:input|select)\b", form)
    assert len(controls) == len(re.findall(r"<label>[^<]+<(?:input|select)\b", form)) > 8
    names = [attrs["name"] for tag, attrs in page.elements if tag == "select"]
    assert names == [
        "study", "weight_bits", "activation_bits", "method", "pattern", "teachers", "device",
        "front",
    ]  # fmt: skip


def test_options_are_in_order(page):
    form = page.source[page.source.index('<select name="weight_bits"') :]
    options = re.findall(r"<option[^>]*>([^<]+)", form.partition("</select>")[0])
    assert options == ["all", "1", "t", "2", "4", "8", "float"]


def test_widths_sort_by_their_levels(tmp_path):
    page = page_of([make_row(weight_bits=bits) for bits in ("float", "t", "1")], tmp_path)
    cells = [attrs for tag, attrs in page.elements if tag == "td"]
    keys = [float(c["data-key"]) for c in cells if c.get("class") == "text" and "data-key" in c]
    assert len(keys) == 3
    assert keys == sorted(keys)


def test_the_bytes_are_the_same_for_rows_in_any_order(tmp_path):
    rows = [make_row(point=str(seed), seed=seed, accuracy_percent=90.0 + seed) for seed in (0, 1)]
    first = page_of(rows, tmp_path).source
    assert page_of(rows[::-1], tmp_path).source == first


def test_hostile_text_stays_text(tmp_path):
    names = ("study", "dataset", "architecture", "pattern", "teachers", "device", "point")
    hostile = {name: f"{name} {ATTACK}" for name in names}
    rows = [
        make_row(**hostile, seed=0),
        make_row(**{**hostile, "weight_bits": ATTACK}),
        make_row(study="plain"),
        failed_row(**{**hostile, "point": ATTACK}, error=f"error {ATTACK}"),
    ]
    page = page_of(rows, tmp_path, f"title {ATTACK}", f"command {ATTACK}")
    tags = {tag for tag, _ in page.elements}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert page.text("h1") == f"title {ATTACK}"
    assert page.text("pre", "code") == f"command {ATTACK}"
    assert f"error {ATTACK}" in page.cells("td")
    assert ATTACK in page.cells("th")
    data = json.loads(page.text("script").partition('"use strict"')[0])
    assert {point for one in data for point in one["points"]} == {row["point"] for row in rows}


def test_numbers_that_are_none_or_not_finite_leave_a_gap(tmp_path):
    rows = [make_row(luts=float("nan"), frames_per_second=float("inf")), make_row(study="b")]
    page = page_of(rows, tmp_path)
    assert "nan" not in page.text("main")
    assert "inf" not in page.text("table")


def test_nothing_at_all_is_a_page_too(tmp_path):
    assert "0 points: 0 done, 0 failed." in page_of([], tmp_path).text("header")
    page = page_of([failed_row()], tmp_path, command="")
    assert "1 point: 0 done, 1 failed." in page.text("header")
    assert page.text("pre") == ""


def test_without_matplotlib_the_page_says_how_to_get_figures(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    page = page_of([make_row()], tmp_path)
    assert "pip install 'xnorflow[plot]'" in page.text("main")
    assert "svg" not in {tag for tag, _ in page.elements}
