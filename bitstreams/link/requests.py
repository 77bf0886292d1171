# SPDX-License-Identifier: Apache-2.0
"""Requests that are under way: which image each carries, and which must be sent again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from xnorflow.errors import DeviceError

__all__ = ["MAX_WINDOW", "SEQUENCE_NUMBERS", "LinkStatistics", "Requests", "most_attempts"]

SEQUENCE_NUMBERS = 256

MAX_WINDOW = 8
"""Most requests under way."""


def most_attempts(window: int) -> int:
    """How often one image may be sent, with so many requests under way at most.

    A number must not be used again while an answer to its earlier use can still come: until a
    later request has been answered. The requests before that carry at most ``2 * window - 1``
    images: those under way with it, and those that took their places.

    Examples
    --------
    >>> [most_attempts(window) for window in (1, 4, 8)]
    [255, 36, 17]
    """
    return (SEQUENCE_NUMBERS - 1) // (2 * window - 1)


@dataclass(slots=True)
class LinkStatistics:
    """What happened on the link.

    Parameters
    ----------
    sent
        Images sent, each as often as it was.
    resent
        Those among them that had been sent before.
    damaged_answers
        Broken frames that came from the device.
    damaged_requests
        Broken frames that the device says it got.
    refused
        Images that came while the device's buffer was in use.
    silences
        Times that nothing came for too long.
    reloads
        Times that the device had lost its weights, by a reset, and got them again.
    """

    sent: int = 0
    resent: int = 0
    damaged_answers: int = 0
    damaged_requests: int = 0
    refused: int = 0
    silences: int = 0
    reloads: int = 0

    @property
    def errors(self) -> int:
        """All that went wrong, but for images sent too early."""
        return self.damaged_answers + self.damaged_requests + self.silences


class Requests:
    """The images of one call: waiting, under way, or answered.

    Every request has a new sequence number, also one that carries an image again. The device
    answers in the order in which requests came to it, so an answer says that all requests before
    it that are still under way are lost.

    Parameters
    ----------
    count
        Number of images.
    first_sequence
        Number of the first request.
    window
        Most requests under way, at the start.
    statistics
        Where sendings are counted.

    Attributes
    ----------
    next_sequence
        Number of the next request.
    unanswered
        Images without an answer.
    window
        Most requests under way; falls when the device says that it is busy.
    """

    def __init__(
        self, count: int, first_sequence: int, window: int, statistics: LinkStatistics
    ) -> None:
        self.next_sequence = first_sequence
        self.window = window
        self._waiting = deque(range(count))
        self._under_way: dict[int, int] = {}
        self._attempts = [0] * count
        self._most_attempts = most_attempts(window)
        self.unanswered = count
        self._held = False
        self._statistics = statistics

    @property
    def under_way(self) -> int:
        """Requests under way."""
        return len(self._under_way)

    def next(self) -> tuple[int, int] | None:
        """Sequence number and image of the request to send now; None if there is none.

        Raises
        ------
        DeviceError
            If its image was sent as often as it may be.
        """
        if not self._waiting or self._held or len(self._under_way) >= self.window:
            return None
        image = self._waiting.popleft()
        if self._attempts[image] == self._most_attempts:
            raise DeviceError(
                f"image {image} was sent {self._most_attempts} times and got no answer: "
                "the line is too bad"
            )
        self._statistics.sent += 1
        self._statistics.resent += self._attempts[image] > 0
        self._attempts[image] += 1
        sequence = self.next_sequence
        self.next_sequence = (sequence + 1) % SEQUENCE_NUMBERS
        self._under_way[sequence] = image
        return sequence, image

    def answered(self, sequence: int) -> int | None:
        """The image to which an answer belongs; None if it was not waited for."""
        if sequence not in self._under_way:
            return None
        self._held = False
        for earlier in list(self._under_way):
            if earlier == sequence:
                break
            self.lost(earlier)
        self.unanswered -= 1
        return self._under_way.pop(sequence)

    def lost(self, sequence: int) -> None:
        """Request ``sequence``, if it is under way, did not get through: its image waits again."""
        if sequence in self._under_way:
            self._waiting.appendleft(self._under_way.pop(sequence))

    def refused(self, sequence: int) -> None:
        """Request ``sequence`` came too early: from now on, send later."""
        if sequence in self._under_way:
            self.lost(sequence)
            self.window = max(1, self.window - 1)
            self._held = True

    def all_lost(self) -> None:
        """Nothing under way will be answered."""
        self._held = False
        for sequence in list(self._under_way):
            self.lost(sequence)
