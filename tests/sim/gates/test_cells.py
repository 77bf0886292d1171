# SPDX-License-Identifier: Apache-2.0
"""Gates, flip-flops and memories as netlists, against Python, one history a lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xnorflow.hw.families import Device
from xnorflow.sim.stalls import Stalls

Array = np.ndarray[Any, Any]
Model = Callable[[Array, Array], tuple[Array, Array]]
"""State and beat of all lanes to the next state and what is shown in the beat's cycle."""

LANES = 64
BEATS = 40
ALL = [None, *Device]
IN_CI = [
    pytest.param(device, marks=[] if device in (None, Device.ECP5) else pytest.mark.slow)
    for device in ALL
]


def draws(beats: int, width: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**width, (beats, LANES), dtype=np.uint64).astype(np.int64)


GATES = """
  wire [3:0] a = s_axis_tdata[3:0], b = s_axis_tdata[7:4];
  wire [4:0] sum = a + b;
  wire [7:0] product = ({4{a[0]}} & b) + (({4{a[1]}} & b) << 1) + (({4{a[2]}} & b) << 2)
                       + (({4{a[3]}} & b) << 3);
  assign m_axis_tdata = {a < b, ^s_axis_tdata[7:0], s_axis_tdata[0] ? a : ~b, a & b, a | ~b,
                         product, sum, {4{a == b}} ^ (a >> b[1:0])};
"""


@pytest.mark.parametrize("device", IN_CI)
def test_gates(bench: Any, device: Device | None) -> None:
    """Adders, comparators, multiplexers and their like, on all pairs of 4-bit numbers."""
    pairs = np.arange(256).reshape(4, LANES)
    a, b = pairs & 15, pairs >> 4
    parity = np.array([[bin(value).count("1") & 1 for value in row] for row in pairs])
    want = (np.where(a == b, 15, 0) ^ (a >> (b & 3))) | (a + b) << 4 | (a * b) << 9
    want |= (a | (~b & 15)) << 17 | (a & b) << 21 | np.where(a & 1, a, ~b & 15) << 25
    want |= parity << 29 | (a < b).astype(int) << 30
    np.testing.assert_array_equal(bench(GATES, pairs, 32, device), want)


FLIP_FLOPS = """
  wire d = s_axis_tdata[0], en = s_axis_tdata[1], rst = s_axis_tdata[2];
  reg plain = 0, enabled = 1, reset = 0, set = 1, reset_enabled = 1, enabled_reset = 0, low = 1;
  reg [4:0] chain = 5'b10110;
  always @(posedge aclk) if (go) begin
    plain <= d;
    if (en) enabled <= d;
    reset <= rst ? 0 : d;
    set <= rst ? 1 : d;
    if (rst) reset_enabled <= 0; else if (en) reset_enabled <= d;
    if (en) enabled_reset <= rst ? 1 : d;
    if (!en) low <= !rst ? 1 : d;
    chain <= {chain[3:0], d};
  end
  reg async_set = 1;
  always @(posedge aclk, posedge rst) if (rst) async_set <= 1; else if (go) async_set <= d;
  assign m_axis_tdata = {async_set, chain, low, enabled_reset, reset_enabled, set, reset, enabled,
                         plain};
"""


def flip_flops(beats: Array) -> Array:
    """What the flip-flops show in each beat's cycle."""
    names = "plain enabled reset set reset_enabled enabled_reset low"
    state = {name: np.zeros(LANES, int) for name in names.split()}
    for name in ("enabled", "set", "reset_enabled", "low"):
        state[name][:] = 1
    chain, async_set = np.full(LANES, 0b10110), np.ones(LANES, int)
    shown = []
    for beat in beats:
        d, en, rst = beat & 1, beat >> 1 & 1, beat >> 2 & 1
        bits = [*state.values()]
        now = sum(bit << k for k, bit in enumerate(bits))
        shown.append(now | chain << 7 | (async_set | rst) << 12)
        state = {
            "plain": d,
            "enabled": np.where(en, d, state["enabled"]),
            "reset": np.where(rst, 0, d),
            "set": np.where(rst, 1, d),
            "reset_enabled": np.where(rst, 0, np.where(en, d, state["reset_enabled"])),
            "enabled_reset": np.where(en, np.where(rst, 1, d), state["enabled_reset"]),
            "low": np.where(en, state["low"], np.where(rst, d, 1)),
        }
        chain, async_set = (chain << 1 | d) & 31, np.where(rst, 1, d)
    return np.array(shown)


@pytest.mark.parametrize("device", IN_CI)
def test_flip_flops(bench: Any, device: Device | None) -> None:
    """Enable, set, reset, their order, first values, asynchronous set, and a chain."""
    beats = draws(BEATS, 3, 1)
    np.testing.assert_array_equal(bench(FLIP_FLOPS, beats, 16, device), flip_flops(beats))


def test_pauses_change_no_value(bench: Any) -> None:
    """The asynchronous set looks at its input all the time, so it is left out here."""
    beats = draws(BEATS, 2, 1)
    values = bench(FLIP_FLOPS, beats, 16, None, Stalls(3, 100, 100))
    np.testing.assert_array_equal(values & 0xFFF, flip_flops(beats) & 0xFFF)


SHIFT = """
  reg [19:0] line = 20'hA5C3F;
  always @(posedge aclk) if (go) line <= {line[18:0], s_axis_tdata[0]};
  assign m_axis_tdata = line[19];
"""


@pytest.mark.slow
def test_shift_registers(bench: Any) -> None:
    """xc7 makes SRL16E or SRLC32E of it."""
    beats = draws(BEATS, 1, 2)
    first = [0xA5C3F >> 19 - k & 1 for k in range(20)]
    want = [np.full(LANES, bit) for bit in first] + [*beats[: BEATS - 20]]
    np.testing.assert_array_equal(bench(SHIFT, beats, 8, Device.XC7), want)
