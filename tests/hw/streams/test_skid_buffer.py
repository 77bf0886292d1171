# SPDX-License-Identifier: Apache-2.0
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.streams import SKID_CYCLES, SkidBuffer


def test_a_beat_a_cycle(rtl_run: Any) -> None:
    trace = rtl_run(SkidBuffer(8), list(range(20)), count=20)
    assert trace.beats == list(range(20))
    assert trace.accepted == list(range(20))
    assert trace.cycles == [cycle + SKID_CYCLES for cycle in range(20)]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**20))
def test_order_under_any_traffic(rtl_run: Any, seed: int) -> None:
    assert rtl_run(SkidBuffer(8), list(range(30)), count=30, stalls=seed).beats == list(range(30))
