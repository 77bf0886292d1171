# SPDX-License-Identifier: Apache-2.0
"""The options of a simplification, and what it says."""

from __future__ import annotations

from xnorflow.cli.simplification import PASSES, arguments, removal_lines
from xnorflow.hw.passes import Removal, Simplification

TRIM, CONSTANT = Simplification.TRIM_THRESHOLDS, Simplification.REMOVE_CONSTANT


def test_names_are_those_of_the_passes() -> None:
    assert list(PASSES) == [step.value for step in Simplification]


def test_options_are_given_on() -> None:
    chosen = Simplification.named(["merge-equal", "remove-unread"])
    assert arguments(chosen) == " --without remove-unread --without merge-equal"


def test_a_line_for_each_pass() -> None:
    removed = [
        Removal(TRIM, "act1", "levels", 2, 3),
        Removal(TRIM, "act1", "rows", 63, 64),
        Removal(CONSTANT, "fc1", "channels", 3, 256),
        Removal(CONSTANT, "fc2", "channels", 1, 1024),
    ]
    assert removal_lines(removed) == [
        "trim-thresholds: 2 of 3 levels of act1, 63 of 64 rows of act1",
        "remove-constant: 3 of 256 channels of fc1, 1 of 1,024 channels of fc2",
    ]
    assert removal_lines([]) == []


def test_many_nodes_are_summed_up() -> None:
    removed = [Removal(TRIM, f"act{n}", "levels", 2, 3) for n in range(5)]
    removed.append(Removal(TRIM, "act4", "rows", 7, 8))
    assert removal_lines(removed) == [
        "trim-thresholds: 10 of 15 levels of 5 nodes, 7 of 8 rows of 1 nodes"
    ]
