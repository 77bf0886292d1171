# SPDX-License-Identifier: Apache-2.0
"""Chunks of weights that are under way to the device: which comes next, and which comes again."""

from __future__ import annotations

from xnorflow.bitstreams.link.requests import SEQUENCE_NUMBERS
from xnorflow.errors import DeviceError

__all__ = ["MOST_SENDINGS", "Loading"]

MOST_SENDINGS = 100
"""How often one chunk may be sent before the line is given up."""


class Loading:
    """One loading of all chunks.

    The device takes chunks in order alone, and after each request says which one it expects; it
    answers in the order in which requests came to it. What it says is what counts: where it is not
    what follows from the request, everything sent after that was in vain, and sending goes on with
    the chunk that it expects.

    Parameters
    ----------
    chunks
        Number of chunks.
    window
        Most requests under way.

    Attributes
    ----------
    there
        Chunks that the device has, as it said last.
    """

    def __init__(self, chunks: int, window: int) -> None:
        self.there = 0
        self._chunks = chunks
        self._window = window
        self._next = 0
        self._sequence = 0
        self._under_way: dict[int, int] = {}
        self._sendings = [0] * chunks

    @property
    def done(self) -> bool:
        """Whether the device has said that it has all."""
        return self.there == self._chunks

    @property
    def under_way(self) -> int:
        """Requests under way."""
        return len(self._under_way)

    def next(self) -> tuple[int, int] | None:
        """Sequence number and chunk of the request to send now; None if there is none.

        Raises
        ------
        DeviceError
            If it was sent as often as it may be.
        """
        if self._next >= self._chunks or len(self._under_way) >= self._window:
            return None
        chunk, sequence = self._next, self._sequence
        if self._sendings[chunk] == MOST_SENDINGS:
            raise DeviceError(
                f"weights (chunk {chunk}) were sent {MOST_SENDINGS} times and not taken: "
                "the line is too bad"
            )
        self._sendings[chunk] += 1
        self._next += 1
        self._sequence = (sequence + 1) % SEQUENCE_NUMBERS
        self._under_way[sequence] = chunk
        return sequence, chunk

    def expects(self, sequence: int, chunk: int) -> None:
        """In answer to request ``sequence`` the device says that it expects ``chunk``."""
        if sequence not in self._under_way:
            return
        sent = self._under_way[sequence]
        for earlier in list(self._under_way):
            del self._under_way[earlier]
            if earlier == sequence:
                break
        self.there = min(chunk, self._chunks)
        if chunk != sent + 1:
            self.all_lost()

    def lost(self, sequence: int) -> None:
        """Request ``sequence``, if it is under way, did not get through."""
        if sequence in self._under_way:
            self.all_lost()

    def all_lost(self) -> None:
        """Nothing under way counts; go on with what the device expected last."""
        self._under_way.clear()
        self._next = self.there
