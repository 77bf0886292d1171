# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from itertools import product

import numpy as np
import pytest
from sweep_rows import failed_row, make_row, sweep_rows

from xnorflow.sweep.figures import draw_cost, draw_figures, draw_loss, write_figures
from xnorflow.sweep.labels import Label, place_labels
from xnorflow.sweep.results import pareto, summarise
from xnorflow.sweep.scales import accuracy_ticks, compression, cost_ticks

matplotlib = pytest.importorskip("matplotlib")

COSTS = ("luts", "memory_bits", "size_bits", "frames_per_second")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def summaries():
    return summarise(sweep_rows())


@pytest.fixture(scope="module")
def drawings(summaries):
    return {one.name: one.svg() for one in draw_figures(summaries)}


def gids(drawing, kind="point"):
    ids = [group.get("id", "") for group in ET.fromstring(drawing).iter(f"{SVG}g")]
    return sorted(int(i.removeprefix(f"{kind}-")) for i in ids if i.startswith(f"{kind}-"))


def where(summaries, condition):
    return [at for at, one in enumerate(summaries) if one.accuracy and condition(one)]


def test_there_is_a_figure_for_everything(drawings):
    costs = [f"accuracy-{cost.replace('_', '-')}" for cost in COSTS]
    assert list(drawings) == ["loss", *costs, "sparsity"]


def test_the_loss_figure_has_every_plain_network(drawings, summaries):
    plain = where(
        summaries,
        lambda one: one.widths != "float" and not one.text("pattern") and not one.text("teachers"),
    )
    assert gids(drawings["loss"]) == plain


@pytest.mark.parametrize("cost", COSTS)
def test_a_cost_figure_has_every_network_with_that_cost(drawings, summaries, cost):
    priced = where(summaries, lambda one: one.number(cost) is not None)
    assert len(priced) > 10
    assert gids(drawings[f"accuracy-{cost.replace('_', '-')}"]) == priced


def test_the_sparsity_figure_has_the_pruned_networks_and_their_dense_one(drawings, summaries):
    def belongs(one):
        dense = one.label == "2x2, trained"
        return dense or one.text("pattern")

    assert gids(drawings["sparsity"]) == where(summaries, belongs)


def test_a_pruned_network_has_a_dense_one_of_another_training():
    rows = [
        make_row(point="long"),
        make_row(point="short", epochs=2, accuracy_percent=80.0),
        make_row(
            point="pruned", method="fine-tuned", epochs=6, pattern="fan-in", sparsity_percent=80.0
        ),
        make_row(point="wider", weight_bits="2"),
    ]
    summaries = summarise(rows)
    drawn = {one.name: one.svg() for one in draw_figures(summaries)}["sparsity"]
    points = {summaries[number].values["epochs"] for number in gids(drawn)}
    assert points == {6, 10}
    assert len(gids(drawn)) == 2


def test_spreads_are_those_of_several_seeds(drawings, summaries):
    several = where(summaries, lambda one: one.accuracy.seeds > 1)
    assert gids(drawings["accuracy-size-bits"], "spread") == several


def test_heights_are_losses_against_the_baseline(summaries):
    (axes,) = draw_loss(summaries).axes
    drawn = {
        int(line.get_gid().removeprefix("point-")): line.get_ydata()[0]
        for line in axes.lines
        if (line.get_gid() or "").startswith("point-")
    }
    (baseline,) = (one for one in summaries if one.label == "float")
    for number, height in drawn.items():
        assert height == baseline.accuracy.mean - summaries[number].accuracy.mean
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert labels == ["8x8", "4x1", "2x2", "t x t", "1x1"]


def test_the_front_joins_the_networks_of_the_front(summaries):
    for cost in COSTS:
        (axes,) = draw_cost(summaries, cost).axes
        (line,) = (line for line in axes.lines if line.get_gid() == "front")
        expected = sorted(
            (summaries[at].number(cost), summaries[at].accuracy.mean)
            for at in pareto(summaries, cost)
        )
        assert [tuple(place) for place in line.get_xydata()] == expected
        later = cost == "frames_per_second"  # at that rate or less, this accuracy can be had
        assert line.get_drawstyle() == ("steps-pre" if later else "steps-post")


def test_a_mismatch_has_a_red_edge(drawings, summaries):
    (wrong,) = where(summaries, lambda one: one.number("mismatches"))
    groups = {g.get("id"): g for g in ET.fromstring(drawings["loss"]).iter(f"{SVG}g")}
    for name, group in groups.items():
        if (name or "").startswith("point-"):
            text = ET.tostring(group, encoding="unicode")
            assert ("#e00020" in text) == (name == f"point-{wrong}")


def test_the_bytes_are_always_the_same(summaries, tmp_path):
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths = write_figures(summaries, tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in paths})
        matplotlib.rcParams["axes.linewidth"] = 5  # somebody else's settings
    matplotlib.rcdefaults()
    assert contents[0] == contents[1]
    assert {name.partition(".")[2] for name in contents[0]} == {"svg", "pdf"}
    for name, data in contents[0].items():
        assert data.startswith(b"%PDF" if name.endswith("pdf") else b"<?xml")
        assert b"Date" not in data
        assert not re.search(rb"20\d\d-\d\d-\d\d", data)


def test_other_settings_come_back(summaries):
    with matplotlib.rc_context({"font.size": 33}):
        draw_figures(summaries)
        assert matplotlib.rcParams["font.size"] == 33
    assert "matplotlib.pyplot" not in sys.modules


def test_panels_part_data_sets_devices_and_architectures():
    rows = []
    for dataset, network in product("ab", ("mlp", "cnn")):
        place = {"dataset": dataset, "architecture": network}
        rows.append(make_row(method="float", **place))
        rows += [make_row(device=device, **place) for device in ("ecp5", "ice40")]
    summaries = summarise(rows)
    assert len(draw_loss(summaries).axes) == 4
    assert len(draw_cost(summaries, "luts").axes) == 4
    assert len(draw_cost(summaries, "memory_bits").axes) == 2


def test_nothing_to_show_gives_no_figure():
    assert draw_figures(()) == ()
    assert draw_figures(summarise([failed_row()])) == ()
    only_float = draw_figures(summarise([make_row(method="float")]))
    assert [one.name for one in only_float] == ["accuracy-size-bits"]


def test_one_network_is_enough_for_a_figure():
    names = [one.name for one in draw_figures(summarise([make_row()]))]
    assert names == [f"accuracy-{cost.replace('_', '-')}" for cost in COSTS]


def test_without_matplotlib_there_are_none(summaries, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert draw_figures(summaries) == ()
    assert write_figures(summaries, tmp_path) == ()


def test_text_of_any_kind_can_be_drawn():
    hostile = {"architecture": "$\\frac{$ <b> & --> _x", "dataset": "_%s", "pattern": "_a$"}
    rows = [make_row(**hostile), make_row(method="float", **hostile | {"pattern": ""})]
    for one in draw_figures(summarise(rows)):
        ET.fromstring(one.svg())


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_cover_neither_points_nor_each_other(scale):
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform(1, 2, (12, 2))]
    axes.set(xlim=(0.8, 2.2), ylim=(0.8, 2.2), xscale=scale)
    place_labels(axes, [Label(f"label {n}", *place) for n, place in enumerate(points)], points, -1)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    assert len(boxes) == 12
    for at, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:at] + boxes[at + 1 :]) == 0
        assert not any(box.contains(*pixel) for pixel in axes.transData.transform(points))


def test_a_label_without_room_is_left_out():
    from matplotlib.figure import Figure

    axes = Figure(figsize=(1, 1)).subplots()
    place_labels(axes, [Label("a label that is much too long", 0.5, 0.5)], [(0.5, 0.5)], 1)
    assert len(axes.texts) == 0


def test_compression_can_be_undone():
    forward, inverse = compression(91.3)
    accuracies = np.array([10.0, 50.0, 90.0, 91.3, 92.0])
    heights = forward(accuracies)
    assert np.all(np.diff(heights) > 0)
    np.testing.assert_allclose(inverse(heights), accuracies)


def test_ticks_are_round_and_inside():
    for low, high in ((10.0, 91.5), (70.2, 99.0), (0.0, 100.0)):
        ticks = accuracy_ticks(low, high, lambda y: y)
        assert all(low <= tick <= high for tick in ticks)
        assert len(ticks) > 3
    for low, high in ((3, 4e6), (900, 1406), (1234, 1500), (0.01, 0.3)):
        ticks = cost_ticks(low, high)
        assert all(low <= tick <= high for tick in ticks)
        assert 3 <= len(ticks) <= 12
