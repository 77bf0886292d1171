# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from xnorflow.errors import SimulationError
from xnorflow.sim.compare import compare_edge


def test_the_first_difference_is_in_the_order_of_frames_and_elements() -> None:
    want = np.arange(12).reshape(3, 2, 2)
    have = want.copy()
    have[1, 1, 0], have[2, 0, 0] = 90, 91
    result = compare_edge("act", ("reference", want), ("rtl", have), first_frame=10)
    assert (result.values, result.mismatches) == (12, 2)
    assert str(result.first) == "layer 'act', frame 11, element 2: expected 6, got 90"


@pytest.mark.parametrize(("index", "channel"), [(0, 3), (1, None), (2, 7)])
def test_the_channel_of_the_network_is_named(index: int, channel: int | None) -> None:
    have = np.zeros((1, 3), int)
    have[0, index] = 1
    first = compare_edge(
        "act",
        ("reference", np.zeros((1, 3), int)),
        ("rtl", have),
        lanes=1,
        cycles=np.array([[5, 6, 7]]),
        channels=np.array([3, -1, 7]),
    ).first
    assert first is not None
    assert first.channel == channel
    named = "" if channel is None else f" (channel {channel} of the network)"
    assert str(first) == (
        f"layer 'act', frame 0, element {index}{named}, beat {index}, cycle {5 + index}: "
        "expected 0, got 1"
    )


@pytest.mark.parametrize("size", [1, 3, 8])
def test_other_numbers_of_values_are_no_comparison(size: int) -> None:
    """Not even one value, which would be compared with all."""
    want, have = np.zeros((2, 4), int), np.zeros((2, size), int)
    with pytest.raises(
        SimulationError,
        match=rf"^reference and rtl must give as many values, not 8 and {2 * size} \(edge 'act'\)$",
    ):
        compare_edge("act", ("reference", want), ("rtl", have))
