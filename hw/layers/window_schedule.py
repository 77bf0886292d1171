# SPDX-License-Identifier: Apache-2.0
"""Which beats of an image the windows over it are made of, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.layers.line_buffer import WRITE_CYCLES
from xnorflow.hw.layers.loop_nest import Loop, LoopNest
from xnorflow.ir import SlidingWindow, StreamType, Window

__all__ = ["WindowSchedule"]

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WindowSchedule:
    """Positions of beats in a frame, counted from its first beat.

    Parameters
    ----------
    shape
        ``(height, width)`` of the image.
    window
        Where the windows lie, without padding.
    beats_per_pixel
        Beats of a pixel: its channel groups.
    taps_per_beat
        Pixels of a window that go out together.
    depthwise
        Whether the groups of taps go faster than the channel groups.
    """

    shape: tuple[int, int]
    window: Window
    beats_per_pixel: int = 1
    taps_per_beat: int = 1
    depthwise: bool = False

    @classmethod
    def of(cls, node: SlidingWindow, source: StreamType) -> WindowSchedule:
        """The schedule of ``node`` for a stream of type ``source``."""
        return cls(
            node.shape[:2],
            node.window,
            source.beats_per_vector,
            node.taps_per_beat,
            node.depthwise,
        )

    @property
    def groups(self) -> int:
        """Groups of taps."""
        return self.window.taps // self.taps_per_beat

    @property
    def beats_per_window(self) -> int:
        """Beats that go out for a window."""
        return self.groups * self.beats_per_pixel

    @property
    def input_beats(self) -> int:
        """Beats of an image."""
        return self.shape[0] * self.shape[1] * self.beats_per_pixel

    @property
    def output_beats(self) -> int:
        """Beats of all windows over an image."""
        return len(self.bases) * self.beats_per_window

    @property
    def tap_offsets(self) -> Positions:
        """From the first beat of a window's first pixel to that of each one: ``(taps,)``."""
        return self._positions(self.window.kernel, self.window.dilation).ravel()

    @property
    def bases(self) -> Positions:
        """First beat of each window, row by row: shape ``(windows,)``."""
        return self._positions(self.window.output_shape(self.shape), self.window.stride).ravel()

    def _positions(self, count: tuple[int, int], step: tuple[int, int]) -> Positions:
        """First beats of ``count`` pixels in height and width, ``step`` apart."""
        rows = np.arange(count[0])[:, None] * step[0] * self.shape[1]
        return (rows + np.arange(count[1]) * step[1]) * self.beats_per_pixel

    @property
    def needs(self) -> Positions:
        """Last beat, from a window's first, that each of its output beats is made of."""
        last_taps = self.tap_offsets[self.taps_per_beat - 1 :: self.taps_per_beat]
        channels = np.arange(self.beats_per_pixel)
        needs = last_taps[:, None] + channels
        return (needs.T if self.depthwise else needs).ravel()

    @property
    def span_beats(self) -> int:
        """Beats from the first to the last one of a window."""
        return int(self.needs.max()) + 1

    @property
    def gapless_depth_pixels(self) -> int:
        """Fewest pixels of a line buffer that gives frames every ``max(input, output beats)``."""
        return self.paced_depth_pixels(self.beats_per_window)

    def paced_depth_pixels(self, window_cycles: int) -> int:
        """Pixels of a line buffer that gives a window every ``window_cycles``, without a gap.

        Parameters
        ----------
        window_cycles
            Cycles in which the reader takes a window, at least :attr:`beats_per_window`; the
            pixels are the fewest where it is that.

        Notes
        -----
        Let ``n(r)`` be the last beat that read ``r`` needs and ``b(r)`` the first beat that is
        kept for it. The buffer of ``D`` beats takes beat ``b(r) + D`` a cycle after the window of
        read ``r`` has been read, and a read comes :data:`WRITE_CYCLES` after the beat that it
        needs. With a read in every cycle no read waits if for all reads ``q`` after ``r``::

            D >= (n(q) - q) - (b(r) - r) + 1 + WRITE_CYCLES

        With a beat taken in every cycle, none waits if this holds for all ``q`` up to ``r``.

        A window that is read more slowly is read, and kept, ``window_cycles`` long. All taps at
        once need no more than a window spans.
        """
        if self.groups == 1:
            return -(-self.span_beats // self.beats_per_pixel)
        bases = np.concatenate([self.bases, self.bases + self.input_beats])
        lead = bases - window_cycles * np.arange(len(bases))
        if len(self.bases) * window_cycles >= self.input_beats:
            swing = (lead[1:] - np.minimum.accumulate(lead)[:-1]).max()
        else:
            swing = (np.maximum.accumulate(lead) - lead).max()
        ahead = (self.needs - np.arange(self.beats_per_window)).max()
        depth = int(swing + ahead) + window_cycles + WRITE_CYCLES
        return -(-max(depth, self.span_beats) // self.beats_per_pixel)

    def frame_interval(self, depth_pixels: int) -> int:
        """Cycles between two frames out of a line buffer of ``depth_pixels`` that never waits.

        It is the same from the first two frames on.
        """
        if self.groups == 1:
            return self.input_beats
        if depth_pixels >= self.gapless_depth_pixels:
            return max(self.input_beats, self.output_beats)
        first, second = self._frame_ends(depth_pixels * self.beats_per_pixel)
        return second - first

    def _frame_ends(self, depth: int) -> tuple[int, int]:
        """Cycles of the last reads of the first two frames."""
        writes = np.zeros(3 * self.input_beats + depth, np.int64)
        order = np.arange(self.beats_per_window)
        ends, written, last_read = [], 0, -1
        for frame_base in (0, self.input_beats):
            for base in self.bases + frame_base:
                free = slice(written, base + depth)
                start = max(last_read, writes[written - 1] if written else -1) + 1
                writes[free] = start + np.arange(base + depth - written)
                written = base + depth
                come = writes[base + self.needs] + WRITE_CYCLES - order
                reads = np.maximum(np.maximum.accumulate(come), last_read + 1) + order
                last_read = int(reads[-1])
            ends.append(last_read)
        return ends[0], ends[1]

    def loops(self) -> LoopNest:
        """Loops over all reads of a frame.

        They follow a position for each tap of a group, and last the first beat that is needed.
        """
        (rows, columns), taps = self.window.output_shape(self.shape), self.taps_per_beat
        windows = self._positions((rows, columns), self.window.stride)
        groups = self.tap_offsets.reshape(self.groups, taps)
        channels = np.repeat(np.arange(self.beats_per_pixel)[:, None], taps, axis=1)
        inner = [
            Loop("group", np.pad(groups, ((0, 0), (0, 1)))),
            Loop("channel", np.pad(channels, ((0, 0), (0, 1)))),
        ]
        return LoopNest(
            [
                Loop("row", np.repeat(windows[:, :1], taps + 1, axis=1)),
                Loop("column", np.repeat(windows[:1].T, taps + 1, axis=1)),
                *(reversed(inner) if self.depthwise else inner),
            ],
            self.input_beats,
        )
