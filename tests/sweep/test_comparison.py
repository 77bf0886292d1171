# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sweep_rows import failed_row, make_row, sweep_rows

from xnorflow.sweep.comparison import Gain, compare, gain, student_quantile
from xnorflow.sweep.results import SETTINGS, spread_of, summarise


@pytest.mark.parametrize("freedom", [1.0, 1.3, 2.0, 3.7, 9.0, 40.5, 1e4])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.995])
def test_quantiles_are_those_of_scipy(probability, freedom):
    expected = stats.t.ppf(probability, freedom)
    assert student_quantile(probability, freedom) == pytest.approx(expected, rel=1e-6)


seeds = st.lists(st.integers(0, 1000).map(lambda n: 80 + n / 100), min_size=2, max_size=8)


@given(seeds, seeds)
def test_the_interval_is_that_of_scipy(base, other):
    found = gain(spread_of(base), spread_of(other))
    assert found.difference == pytest.approx(np.mean(other) - np.mean(base))
    if min(len({*base}), len({*other})) == 1:  # of which scipy warns
        assert (found.half_width == 0) == (len({*base}) == len({*other}))
        return
    test = stats.ttest_ind(other, base, equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert found.half_width == pytest.approx((high - low) / 2, rel=1e-6)
    variances = [np.var(side, ddof=1) / len(side) for side in (base, other)]
    assert found.standard_error == pytest.approx(math.sqrt(sum(variances)))
    if not math.isclose(abs(found.difference), found.half_width, rel_tol=1e-4):
        assert (found.verdict == "no gain") == (test.pvalue > 0.05)


def test_verdicts_say_what_the_seeds_allow():
    assert Gain(0.05, 0.1, 0.2, (3, 3)).sentence == "no gain: +0.05 ± 0.20 points"
    assert Gain(0.5, 0.1, 0.2, (3, 3)).sentence == "gain: +0.50 ± 0.20 points"
    assert Gain(-0.5, 0.1, 0.2, (3, 3)).sentence == "loss: -0.50 ± 0.20 points"
    assert Gain(0.0, 0.0, 0.0, (3, 3)).verdict == "no gain"


def test_a_single_seed_proves_nothing():
    found = gain(spread_of([90.0]), spread_of([95.0, 95.1, 95.2]))
    assert found.standard_error is None
    assert found.sentence == "unknown: +5.10 points, of 1 seed and 3"


def pairs(rows):
    summaries = summarise(rows)
    return {
        (one.aspect, summaries[one.base].points, summaries[one.other].points)
        for one in compare(summaries)
    }


def test_distilled_is_compared_with_the_same_network_without_teachers():
    taught = {"teachers": "big", "teacher_weight": 0.5, "temperature": 2.0}
    rows = [
        make_row(point="base"),
        make_row(point="taught", study="distillation", **taught),
        make_row(point="longer", epochs=20, **taught),
        make_row(point="other widths", weight_bits="2", **taught),
        make_row(point="few labels", labelled_percent=10.0, **taught),
        make_row(point="pruned too", pattern="tiles", sparsity_percent=50.0, **taught),
    ]
    assert pairs(rows) == {
        ("distillation", ("base",), ("taught",)),
        ("compression", ("taught",), ("pruned too",)),
    }


def test_methods_are_compared_with_those_of_less_training():
    rows = [
        make_row(point="trained"),
        make_row(point="tuned", method="fine-tuned", epochs=5),
        make_row(point="reduced", method="after training", epochs=0),
    ]
    assert pairs(rows) == {
        ("training", ("reduced",), ("tuned",)),
        ("training", ("reduced",), ("trained",)),
        ("training", ("tuned",), ("trained",)),
    }


def test_the_base_of_the_own_study_comes_first():
    rows = [
        make_row(point="far", study="a"),
        make_row(point="near", study="b"),
        make_row(point="pruned", study="b", pattern="tiles", sparsity_percent=50.0),
    ]
    assert pairs(rows) == {("compression", ("near",), ("pruned",))}


def test_failed_networks_are_not_compared():
    assert pairs([failed_row(), make_row(point="taught", teachers="big")]) == set()


def test_the_sides_of_a_comparison_differ_in_one_aspect():
    summaries = summarise(sweep_rows())
    found = compare(summaries)
    assert {one.aspect for one in found} == {"distillation", "compression", "training"}
    for one in found:
        base, other = summaries[one.base].values, summaries[one.other].values
        differing = {name for name in SETTINGS if base[name] != other[name]} - {"study"}
        allowed = {
            "distillation": {"teachers", "teacher_weight", "temperature"},
            "compression": {"pattern", "sparsity_percent"},
            "training": {"method", "epochs"},
        }
        assert differing <= allowed[one.aspect]
