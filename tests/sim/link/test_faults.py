# SPDX-License-Identifier: Apache-2.0
"""The faults that tests put on the line."""

from __future__ import annotations

import pytest

from xnorflow.errors import ConfigError
from xnorflow.sim.link import Faults
from xnorflow.sim.link.faults import FaultyLine

OCTETS = bytes(range(256)) * 4


def test_a_line_without_faults_carries_bytes_as_they_are() -> None:
    line = FaultyLine(Faults(), 0)
    assert line.carry(OCTETS) == OCTETS
    assert line.count == 0
    assert line.resets_after(OCTETS) is None


@pytest.mark.parametrize(
    ("faults", "length"),
    [(Faults(drop=1), 0), (Faults(flip=1), 1), (Faults(repeat=1), 2), (Faults(insert=1), 2)],
)
def test_each_fault_does_what_it_says(faults: Faults, length: int) -> None:
    line = FaultyLine(faults, 0)
    carried = line.carry(OCTETS)
    assert len(carried) == length * len(OCTETS)
    assert line.count == len(OCTETS)
    if faults.flip:
        assert {(a ^ b).bit_count() for a, b in zip(carried, OCTETS, strict=True)} == {1}
    if faults.repeat:
        assert carried[::2] == carried[1::2] == OCTETS
    if faults.insert:
        assert carried[::2] == OCTETS


def test_faults_come_as_often_as_asked_and_again_by_the_same_seed() -> None:
    lines = [FaultyLine(Faults(drop=0.1), 5) for _ in range(2)]
    assert lines[0].carry(OCTETS) == lines[1].carry(OCTETS)
    assert 60 < lines[0].count < 150


def test_a_reset_comes_within_the_bytes() -> None:
    assert FaultyLine(Faults(reset=1), 0).resets_after(OCTETS) == 0


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_probabilities(value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^flip must be a probability, not {value:g}$"):
        Faults(flip=value)
