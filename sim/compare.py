# SPDX-License-Identifier: Apache-2.0
"""Comparing two engines edge by edge, and locating the first difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import SimulationError

__all__ = ["Difference", "EdgeResult", "compare_edge"]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place, in frame and element order, where two engines differ on an edge.

    Parameters
    ----------
    edge
        Edge or layer whose output differs.
    frame
        Index of the frame.
    index
        Index of the element in the frame, channels fastest.
    expected, got
        The two values.
    beat, cycle
        Where the element was on the stream; None for engines without streams.
    origin
        Path of the PyTorch module, if there is one.
    channel
        Channel of the network, where the engine that differs has not all channels of the edge;
        None for padding, too.
    """

    edge: str
    frame: int
    index: int
    expected: int
    got: int
    beat: int | None = None
    cycle: int | None = None
    origin: str = ""
    channel: int | None = None

    def __str__(self) -> str:
        stream = "" if self.beat is None else f", beat {self.beat}, cycle {self.cycle}"
        channel = "" if self.channel is None else f" (channel {self.channel} of the network)"
        module = f" (module {self.origin})" if self.origin else ""
        return (
            f"layer {self.edge!r}{module}, frame {self.frame}, element {self.index}"
            f"{channel}{stream}: expected {self.expected}, got {self.got}"
        )


@dataclass(frozen=True, slots=True)
class EdgeResult:
    """Outcome of one comparison of one edge.

    Parameters
    ----------
    edge
        Edge or layer that was compared.
    expected, got
        Names of the two engines.
    values
        Number of values compared.
    mismatches
        Number of values that differ.
    first
        The first difference, or None.
    """

    edge: str
    expected: str
    got: str
    values: int
    mismatches: int
    first: Difference | None


def compare_edge(
    edge: str,
    expected: tuple[str, NDArray[Any]],
    got: tuple[str, NDArray[Any]],
    *,
    first_frame: int = 0,
    origin: str = "",
    lanes: int | None = None,
    cycles: NDArray[np.int64] | None = None,
    channels: NDArray[np.int64] | None = None,
) -> EdgeResult:
    """Compare what two engines give on ``edge``.

    Parameters
    ----------
    expected, got
        Name of the engine and its values, shape ``(frames, ...)`` with equal numbers of elements.
    first_frame
        Number of the first frame, for messages.
    lanes, cycles
        Elements of a beat, and the cycle of each beat, shape ``(frames, beats)``, of ``got``.
    channels
        Channel in the network of each element of a frame, below 0 where it is none; None if ``got``
        has all of them.

    Raises
    ------
    SimulationError
        If one engine gives more values than the other.
    """
    if expected[1].size != got[1].size:
        raise SimulationError(
            f"{expected[0]} and {got[0]} must give as many values, not {expected[1].size} and "
            f"{got[1].size} (edge {edge!r})"
        )
    frames = expected[1].shape[0]
    want = np.asarray(expected[1]).reshape(frames, -1)
    have = np.asarray(got[1]).reshape(frames, -1)
    wrong = want != have
    first = None
    if wrong.any():
        frame, index = (int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
        beat = None if lanes is None else index // lanes
        channel = None if channels is None or channels[index] < 0 else int(channels[index])
        first = Difference(
            edge=edge,
            frame=first_frame + frame,
            index=index,
            expected=int(want[frame, index]),
            got=int(have[frame, index]),
            beat=beat,
            cycle=None if cycles is None or beat is None else int(cycles[frame, beat]),
            origin=origin,
            channel=channel,
        )
    return EdgeResult(edge, expected[0], got[0], want.size, int(wrong.sum()), first)
