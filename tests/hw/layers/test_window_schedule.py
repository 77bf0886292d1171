# SPDX-License-Identifier: Apache-2.0
"""Numbers worked out by hand; the tests of the sliding-window unit compare them with RTL."""

from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.ir import Window

WINDOW = Window(kernel=(2, 2), stride=(1, 2), dilation=(2, 1))
"""Over four columns: two windows a row, each of two rows with one between."""


def test_positions() -> None:
    schedule = WindowSchedule((4, 4), WINDOW, beats_per_pixel=3)
    assert schedule.tap_offsets.tolist() == [0, 3, 24, 27]
    assert schedule.bases.tolist() == [0, 6, 12, 18]
    assert schedule.input_beats == 4 * 4 * 3
    assert schedule.output_beats == 4 * 4 * 3
    assert schedule.span_beats == 27 + 3


def test_needs_follow_the_order_of_beats() -> None:
    dense = WindowSchedule((4, 4), WINDOW, beats_per_pixel=3, taps_per_beat=2)
    assert dense.needs.tolist() == [3, 4, 5, 27, 28, 29]
    depthwise = WindowSchedule((4, 4), WINDOW, beats_per_pixel=3, taps_per_beat=2, depthwise=True)
    assert depthwise.needs.tolist() == [3, 27, 4, 28, 5, 29]


def test_depth_of_a_convolution() -> None:
    """A frame's last window, and the next one's first, but for what comes while they are read.

    Window by window nine beats are read and one is freed. The last window is at 957; the next
    frame starts 1024 - 957 = 67 further on, where 9 beats later its last pixel, 66, is read.
    """
    schedule = WindowSchedule((32, 32), Window(kernel=(3, 3)))
    assert schedule.span_beats == 2 * 32 + 3
    assert schedule.gapless_depth_pixels == (67 - 9) + (66 - 8) + 9 + 1


def test_a_chain_holds_a_window() -> None:
    schedule = WindowSchedule((32, 32), Window(kernel=(3, 3)), 4, taps_per_beat=9)
    assert schedule.gapless_depth_pixels == 67
    assert schedule.frame_interval(67) == 32 * 32 * 4
