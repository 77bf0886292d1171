# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import random
import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_rows import failed_row, make_row, sweep_rows

from xnorflow.sweep.results import (
    COLUMNS,
    Kind,
    Role,
    float_baseline,
    ordered,
    pareto,
    summarise,
    width_rank,
    write_tables,
)


def of_seeds(*accuracies, **changes):
    return [
        make_row(point=f"{changes} {seed}", seed=seed, accuracy_percent=accuracy, **changes)
        for seed, accuracy in enumerate(accuracies)
    ]


def test_a_row_has_exactly_the_columns():
    names = [column.name for column in COLUMNS]
    assert sorted(names) == sorted(make_row())
    assert len({column.head for column in COLUMNS}) == len(COLUMNS)
    assert all(column.description for column in COLUMNS)


def test_widths_are_sorted_by_their_levels():
    assert sorted(["float", "16", "8", "t", "2", "1"], key=width_rank) == [
        "1", "t", "2", "8", "16", "float"
    ]  # fmt: skip
    assert width_rank("²") == width_rank("") == 0


def test_rows_are_ordered_by_study_settings_and_seed():
    rows = [
        make_row(study="b", seed=0),
        make_row(study="a", weight_bits="float", seed=0),
        make_row(study="a", weight_bits="t", seed=10),
        make_row(study="a", weight_bits="t", seed=9),
        make_row(study="a", weight_bits="1", device="ice40"),
        make_row(study="a", weight_bits="1", device=None),
    ]
    random.Random(1).shuffle(rows)
    keys = [(r["study"], r["weight_bits"], r["device"], r["seed"]) for r in ordered(rows)]
    assert keys == [
        ("a", "1", None, 0),
        ("a", "1", "ice40", 0),
        ("a", "t", "ecp5", 9),
        ("a", "t", "ecp5", 10),
        ("a", "float", "ecp5", 0),
        ("b", "1", "ecp5", 0),
    ]


def test_the_tables_read_back_equal(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [*sweep_rows(), make_row(point='a "b", c\nd', study="µ")]
    paths = write_tables(rows, tmp_path)
    assert [path.name for path in paths] == ["sweep.csv", "sweep.parquet"]
    table = parquet.read_table(paths[1])
    assert table.to_pylist() == [{c.name: r[c.name] for c in COLUMNS} for r in ordered(rows)]
    units = {f.name: f.metadata[b"unit"].decode() for f in table.schema}
    assert units == {c.name: c.unit for c in COLUMNS}
    readers = {Kind.TEXT: str, Kind.WHOLE: int, Kind.NUMBER: float}
    with paths[0].open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for line, row in zip(lines, ordered(rows), strict=True):
        for column in COLUMNS:
            text, value = line[column.name], row[column.name]
            assert (readers[column.kind](text) if text else None) == (
                None if value == "" else value
            )


def test_the_tables_have_the_same_bytes_for_the_same_rows_in_any_order(tmp_path):
    rows, contents = sweep_rows(), []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        contents.append([path.read_bytes() for path in write_tables(rows, tmp_path / name)])
        random.Random(2).shuffle(rows)
    assert contents[0] == contents[1]


def test_without_pyarrow_there_is_a_csv_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert [path.name for path in write_tables(sweep_rows(), tmp_path)] == ["sweep.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.csv"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_seeds_become_one_summary(accuracies):
    (summary,) = summarise(of_seeds(*accuracies))
    spread = summary.accuracy
    assert spread.seeds == len(accuracies)
    assert spread.mean == pytest.approx(statistics.mean(accuracies))
    assert (spread.least, spread.most) == (min(accuracies), max(accuracies))
    if len(accuracies) == 1:
        assert spread.stdev is None
    else:
        assert spread.stdev == pytest.approx(statistics.stdev(accuracies), abs=1e-9)


def test_costs_are_means_and_verification_is_a_total():
    rows = of_seeds(90.0, 91.0, 92.0)
    for row, luts, mismatches in zip(rows, (100, 200, None), (0, 3, 4), strict=True):
        row |= {"luts": luts, "mismatches": mismatches}
    (summary,) = summarise(rows)
    assert summary.number("luts") == 150
    assert summary.number("mismatches") == 7
    assert summary.number("verified_images") == 300
    assert summary.values["synthesised_luts"] is None
    assert summary.text("weight_bits") == "1"


def test_failed_rows_are_counted_and_not_averaged():
    rows = [*of_seeds(90.0, 92.0), failed_row(point="x", seed=7, accuracy_percent=5.0, luts=1)]
    (summary,) = summarise(rows)
    assert summary.accuracy.mean == 91
    assert summary.number("luts") == 4000
    assert summary.failed == 1
    assert summary.points[-1] == "x"
    (summary,) = summarise([failed_row(mismatches=2)])
    assert summary.accuracy is None
    assert summary.number("mismatches") == 2, "whatever fails, a mismatch is not forgotten"


@pytest.mark.parametrize("name", [c.name for c in COLUMNS if c.role is Role.SETTING])
def test_every_setting_tells_networks_apart(name):
    other = 12345 if isinstance(make_row()[name], int | float | None) else "other"
    assert len(summarise([make_row(seed=0), make_row(seed=1, **{name: other})])) == 2


def test_sparsity_that_differs_by_less_than_a_tenth_is_the_same():
    rows = of_seeds(90.0, 91.0, pattern="tiles")
    rows[0]["sparsity_percent"], rows[1]["sparsity_percent"] = 49.98, 50.02
    (summary,) = summarise(rows)
    assert summary.number("sparsity_percent") == 50.0


def test_a_seed_is_never_counted_twice():
    first, second = summarise([make_row(point="a"), make_row(point="b")])
    assert (first.points, second.points) == (("a",), ("b",))


def test_every_row_is_in_one_summary_and_order_does_not_matter():
    rows = sweep_rows()
    summaries = summarise(rows)
    points = [point for summary in summaries for point in summary.points]
    assert sorted(points) == sorted(row["point"] for row in rows)
    random.Random(4).shuffle(rows)
    assert summarise(rows) == summaries


def test_labels_tell_what_a_network_is():
    def label(**changes):
        (summary,) = summarise([make_row(**changes)])
        return summary.label

    assert label() == "1x2, trained"
    assert label(method="float") == "float"
    assert label(weight_bits="t", activation_bits="t") == "t x t, trained"
    assert label(pattern="tiles", sparsity_percent=87.5) == "1x2, trained, tiles 87.5 %"
    assert label(teachers="big") == "1x2, trained, taught by big"
    assert label(labelled_percent=10.0) == "1x2, trained, 10 % labelled"


def dominated(accuracy, cost, others, sign):
    return any(
        a >= accuracy and sign * c <= sign * cost and (a > accuracy or sign * c < sign * cost)
        for a, c in others
    )


grid = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), max_size=12)


@given(grid, st.sampled_from([("luts", 1), ("frames_per_second", -1)]))
def test_pareto_is_what_no_other_dominates(places, cost):
    name, sign = cost
    rows = [
        make_row(study=str(at).zfill(2), accuracy_percent=float(a), **{name: c})
        for at, (a, c) in enumerate(places)
    ]
    expected = [at for at, (a, c) in enumerate(places) if not dominated(a, c, places, sign)]
    assert list(pareto(summarise(rows), name)) == expected


def test_networks_that_are_equal_in_both_stay():
    rows = [make_row(study="a"), make_row(study="b"), make_row(study="c", luts=4001)]
    assert pareto(summarise(rows), "luts") == (0, 1)


def test_other_data_sets_are_no_rivals_and_other_devices_only_for_the_same_memory():
    rows = [
        make_row(dataset="a", accuracy_percent=99.0, luts=1, memory_bits=1),
        make_row(dataset="b", accuracy_percent=90.0, device="ecp5"),
        make_row(dataset="b", accuracy_percent=91.0, device="ice40"),
    ]
    assert pareto(summarise(rows), "luts") == (0, 1, 2)
    assert pareto(summarise(rows), "memory_bits") == (0, 2)


def test_networks_without_cost_or_accuracy_are_not_on_the_front():
    rows = [make_row(luts=None), failed_row(study="x", luts=1), make_row(study="y")]
    summaries = summarise(rows)
    assert [summaries[at].text("study") for at in pareto(summaries, "luts")] == ["y"]


def test_the_baseline_is_the_dense_float_network_of_the_architecture():
    rows = [
        make_row(method="float", point="pruned", pattern="tiles"),
        make_row(method="float", point="other", architecture="cnn"),
        make_row(method="float", point="taught", teachers="x"),
        make_row(method="float", point="elsewhere", study="b"),
        make_row(method="float", point="here", study="widths"),
        make_row(point="mine"),
    ]
    summaries = summarise(rows)
    (mine,) = (summary for summary in summaries if summary.points == ("mine",))
    assert float_baseline(mine, summaries).points == ("here",)
    rest = [summary for summary in summaries if summary.points != ("here",)]
    assert float_baseline(mine, rest).points == ("elsewhere",)
    assert float_baseline(mine, [mine]) is None
