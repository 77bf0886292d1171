# SPDX-License-Identifier: Apache-2.0
"""Windows against plain indexing, and the cycle of every beat against an event list."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.hw.layers import SlidingWindow
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.ir import BIPOLAR, DataType, StreamType, Window, divisors, int_type, uint_type
from xnorflow.ir import SlidingWindow as SlidingWindowNode

FRAMES = 3
MOST_BEATS = 80
"""Of a drawn frame, in or out one tap a beat: Amaranth's simulator takes its time."""


@dataclass(frozen=True)
class Case:
    """A unit and the stream that it reads."""

    shape: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    lanes: int = 1
    beats_per_pixel: int = 1
    taps_per_beat: int = 1
    depthwise: bool = False
    depth_pixels: int | None = None
    element: DataType = field(default_factory=lambda: uint_type(4))
    zero_flags: int = 0

    @property
    def channels(self) -> int:
        return self.lanes * self.beats_per_pixel

    @property
    def source(self) -> StreamType:
        vectors = self.shape[0] * self.shape[1]
        return StreamType(self.element, self.channels, self.lanes, vectors, self.zero_flags)

    @property
    def schedule(self) -> WindowSchedule:
        window = Window(self.kernel, self.stride, self.dilation)
        return WindowSchedule(
            self.shape, window, self.beats_per_pixel, self.taps_per_beat, self.depthwise
        )

    @property
    def node(self) -> SlidingWindowNode:
        return SlidingWindowNode(
            name="swu",
            inputs=("x",),
            edge="x",
            shape=(*self.shape, self.channels),
            window=self.schedule.window,
            depthwise=self.depthwise,
            taps_per_beat=self.taps_per_beat,
            depth_pixels=self.depth_pixels or self.schedule.gapless_depth_pixels,
        )

    def places(self) -> list[list[tuple[int, int]]]:
        """Row and column of every tap, window by window."""
        (height, width), (rows, columns) = self.shape, self.kernel
        (down, across), (dy, dx) = self.stride, self.dilation
        return [
            [(y + ky * dy, x + kx * dx) for ky in range(rows) for kx in range(columns)]
            for y in range(0, height - (rows - 1) * dy, down)
            for x in range(0, width - (columns - 1) * dx, across)
        ]

    def beats(self) -> list[list[tuple[int, list[tuple[int, int]]]]]:
        """For each window, beat by beat: channel group, places of the taps."""
        windows = []
        for places in self.places():
            groups = [
                places[i : i + self.taps_per_beat]
                for i in range(0, len(places), self.taps_per_beat)
            ]
            channels = range(self.beats_per_pixel)
            windows.append(
                [(c, group) for c in channels for group in groups]
                if self.depthwise
                else [(c, group) for group in groups for c in channels]
            )
        return windows

    def expected(self, x: Any) -> Any:
        """What comes for ``FRAMES`` images ``x``, in order."""
        images = x.reshape(FRAMES, *self.shape, self.beats_per_pixel, self.lanes)
        return np.array(
            [
                image[row, column, channel]
                for image in images
                for window in self.beats()
                for channel, group in window
                for row, column in group
            ]
        )

    def image(self, random_values: Any, seed: int) -> Any:
        """Random images; groups of lanes with a flag are 0."""
        rng = np.random.default_rng(seed)
        x = random_values(rng, self.element, (FRAMES * self.source.vectors, self.channels))
        if self.zero_flags:
            groups = x.reshape(-1, self.lanes // self.zero_flags)
            groups[rng.random(len(groups)) < 0.4] = 0
        return x

    def beat_number(self, channel: int, place: tuple[int, int]) -> int:
        return (place[0] * self.shape[1] + place[1]) * self.beats_per_pixel + channel


def events(case: Case) -> tuple[list[int], list[int]]:
    """Cycles of all input and output beats of a line buffer that nothing else holds up.

    A beat is read from the cycle after its arrival on. A place is free from the cycle after the
    last read of the last window that starts before the beat in it ends.
    """
    frame_beats = case.source.beats_per_frame
    depth = case.node.depth_pixels * case.beats_per_pixel
    taken: list[int] = []
    given: list[int] = []

    def take(until: int) -> None:
        released = given[-1] + 1 if given else 0
        while len(taken) < until:
            taken.append(max(released, taken[-1] + 1 if taken else 0))

    for frame in range(FRAMES):
        for window in case.beats():
            take(frame * frame_beats + case.beat_number(0, window[0][1][0]) + depth)
            for channel, group in window:
                newest = frame * frame_beats + case.beat_number(channel, group[-1])
                given.append(max(taken[newest] + 1, given[-1] + 1 if given else 0))
    take(FRAMES * frame_beats)
    return taken[: FRAMES * frame_beats], [cycle + 2 for cycle in given]


@st.composite
def cases(draw: Any, *, min_taps: int = 1) -> Case:
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride = draw(pairs), draw(pairs)
    taps = kernel[0] * kernel[1]
    assume(taps >= min_taps)
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (2, 2)]))
    more = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    height, width = ((k - 1) * d + 1 + m for k, d, m in zip(kernel, dilation, more, strict=True))
    windows = (more[0] // stride[0] + 1) * (more[1] // stride[1] + 1)
    beats = draw(st.integers(1, 3))
    assume(max(height * width, windows * taps) * beats <= MOST_BEATS)
    legal = [t for t in divisors(taps) if t < taps or min_taps == 1]
    element, lanes, zero_flags = draw(
        st.sampled_from([(uint_type(4), 1, 0), (int_type(2), 3, 0), (BIPOLAR, 2, 0)])
        | st.sampled_from([(BIPOLAR, 2, 1), (BIPOLAR, 3, 1), (BIPOLAR, 4, 2)])
    )
    return Case(
        (height, width),
        kernel,
        stride,
        dilation,
        lanes=lanes,
        beats_per_pixel=beats,
        taps_per_beat=draw(st.sampled_from(legal)),
        depthwise=draw(st.booleans()),
        element=element,
        zero_flags=zero_flags,
    )


def check(bench: Any, random_values: Any, case: Case, seed: int) -> Any:
    x = case.image(random_values, seed)
    return bench.check(case.node, case.source, x, case.expected(x), stalls=seed, waits=True)


@settings(max_examples=40)
@given(case=cases(), seed=st.integers(0, 2**20))
def test_any_windows(bench: Any, random_values: Any, case: Case, seed: int) -> None:
    trace = check(bench, random_values, case, seed)
    out_beats = len(case.places()) * len(case.beats()[0])
    if case.taps_per_beat == case.kernel[0] * case.kernel[1]:
        out_beats = 0  # a chain takes a beat a cycle, whatever it gives
    ends = np.reshape(trace.cycles, (FRAMES, -1))[:, -1]
    assert set(np.diff(ends)) == {max(case.source.beats_per_frame, out_beats)}


@settings(max_examples=30)
@given(case=cases(min_taps=2), fewer=st.integers(0, 6), seed=st.integers(0, 2**20))
def test_cycle_of_every_beat_of_any_line_buffer(
    bench: Any, random_values: Any, case: Case, fewer: int, seed: int
) -> None:
    shallow = max(case.schedule.gapless_depth_pixels - fewer, case.node.span_pixels)
    case = Case(**{**vars(case), "depth_pixels": shallow})
    trace = check(bench, random_values, case, seed)
    taken, given = events(case)
    assert trace.accepted == taken[: len(trace.accepted)]
    assert trace.cycles == given


@settings(max_examples=15)
@given(case=cases(), seed=st.integers(0, 2**20))
def test_cycle_of_every_beat_of_any_chain(
    bench: Any, random_values: Any, case: Case, seed: int
) -> None:
    case = Case(**{**vars(case), "taps_per_beat": case.kernel[0] * case.kernel[1]})
    trace = check(bench, random_values, case, seed)
    beats = case.source.beats_per_frame
    assert trace.accepted == list(range(len(trace.accepted)))
    assert trace.cycles == [
        frame * beats + case.beat_number(channel, taps[-1]) + 2
        for frame in range(FRAMES)
        for window in case.beats()
        for channel, taps in window
    ]


LINE = {"shape": (1, 9), "kernel": (1, 3), "lanes": 2, "beats_per_pixel": 2}

KNOWN = {
    "signal": Case(**LINE),
    "signal_dilated": Case(**LINE, dilation=(1, 3)),
    "signal_strided": Case(**LINE, stride=(1, 2), depthwise=True),
    "signal_chain": Case(**LINE, taps_per_beat=3),
    "pool": Case((4, 6), (2, 2), (2, 2), lanes=2, depthwise=True),
    "pool_of_two_taps": Case((4, 6), (2, 2), (2, 2), lanes=2, depthwise=True, taps_per_beat=2),
    "pool_chain": Case((4, 6), (2, 2), (2, 2), lanes=2, depthwise=True, taps_per_beat=4),
    "overlapping_pool": Case((5, 7), (3, 3), (2, 2), depthwise=True, beats_per_pixel=3),
    "stride_beyond_kernel": Case((7, 8), (2, 1), (3, 3), beats_per_pixel=2),
    "leftover_rows": Case((8, 7), (3, 3), (4, 3)),
    "downsampling": Case((5, 6), (1, 1), (2, 2), lanes=2, beats_per_pixel=2),
    "whole_image": Case((3, 2), (3, 2), beats_per_pixel=2),
    "long_delays": Case((3, 9), (3, 3), taps_per_beat=9, beats_per_pixel=4),
    "flags": Case((3, 4), (2, 2), lanes=6, element=BIPOLAR, zero_flags=1, taps_per_beat=2),
}


@pytest.mark.usefixtures("whatever_a_memory_gives")
@pytest.mark.parametrize("name", KNOWN)
def test_known_windows(bench: Any, random_values: Any, name: str) -> None:
    check(bench, random_values, KNOWN[name], seed=1)


@pytest.mark.parametrize("name", KNOWN)
def test_latency_of_lone_frames(bench: Any, random_values: Any, name: str) -> None:
    case = KNOWN[name]
    bench.check_alone(case.node, case.source, case.image(random_values, 0), frames=True)


@pytest.mark.parametrize("name", KNOWN)
def test_memory_is_that_of_the_hardware(memory_bits: Any, name: str) -> None:
    node, source = KNOWN[name].node, KNOWN[name].source
    counted = layer_memory(node, (source,))
    assert counted.total_bits == counted.buffer_bits == memory_bits(SlidingWindow(node, source))


@pytest.mark.parametrize("taps_per_beat", [1, 3])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 3)])
def test_a_pixel_less_is_slower(
    bench: Any, random_values: Any, taps_per_beat: int, stride: tuple[int, int]
) -> None:
    case = Case((6, 5), (3, 3), stride, beats_per_pixel=2, taps_per_beat=taps_per_beat)
    slower = Case(**{**vars(case), "depth_pixels": case.schedule.gapless_depth_pixels - 1})
    check(bench, random_values, slower, seed=0)
    intervals = [layer_timing(c.node, (c.source,)).ii_frame for c in (case, slower)]
    assert intervals[0] < intervals[1]


@settings(max_examples=60)
@given(case=cases(min_taps=2))
def test_depth_is_the_least_that_is_gapless(case: Case) -> None:
    def interval(depth_pixels: int) -> int:
        _, given = events(Case(**{**vars(case), "depth_pixels": depth_pixels}))
        ends = given[:: -len(given) // FRAMES]
        return ends[0] - ends[1]

    best = max(case.source.beats_per_frame, len(case.places()) * len(case.beats()[0]))
    depth = case.node.span_pixels
    while interval(depth) > best:
        depth += 1
    assert case.schedule.gapless_depth_pixels == depth


def test_order_of_a_window(bench: Any) -> None:
    """Two pixels of four channels in two beats, with one tap and with both a beat."""
    x = np.arange(8).reshape(2, 4)
    orders = {
        (False, 1): [0, 1, 2, 3, 4, 5, 6, 7],
        (True, 1): [0, 1, 4, 5, 2, 3, 6, 7],
        (False, 2): [0, 1, 4, 5, 2, 3, 6, 7],
        (True, 2): [0, 1, 4, 5, 2, 3, 6, 7],
    }
    for (depthwise, taps), expected in orders.items():
        case = Case(
            (1, 2), (1, 2), lanes=2, beats_per_pixel=2, depthwise=depthwise, taps_per_beat=taps
        )
        bench.check(case.node, case.source, x, np.array(expected), waits=True)


def test_refuses_another_stream() -> None:
    node = Case((4, 4), (3, 3), lanes=2).node
    with pytest.raises(
        GraphError, match=r"^swu takes images of \(4, 4, 2\), not stream<UINT4 x 2>\[9 x 2\].*'swu'"
    ):
        SlidingWindow(node, StreamType(uint_type(4), 2, 2, 9))
