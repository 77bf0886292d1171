# SPDX-License-Identifier: Apache-2.0
"""Which chunk of weights is sent when, with a device that takes them in order alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.bitstreams.link.loading import MOST_SENDINGS, Loading
from xnorflow.errors import DeviceError


class Device:
    """Takes chunks in order, and forgets all at a reset."""

    def __init__(self, chunks: int) -> None:
        self.chunks = chunks
        self.taken: list[int] = []

    def take(self, chunk: int) -> int:
        if chunk == len(self.taken) < self.chunks:
            self.taken.append(chunk)
        return len(self.taken)


def test_a_good_line_needs_each_chunk_once() -> None:
    loading, device = Loading(10, 4), Device(10)
    sent = []
    while not loading.done:
        requests = []
        while (request := loading.next()) is not None:
            requests.append(request)
        assert 1 <= len(requests) <= loading.under_way <= 4
        sent += [chunk for _, chunk in requests]
        for sequence, chunk in requests:
            loading.expects(sequence, device.take(chunk))
    assert sent == list(range(10))


def test_a_device_that_has_all_is_asked_once() -> None:
    loading = Loading(10, 1)
    request = loading.next()
    assert request is not None
    assert loading.next() is None
    loading.expects(request[0], 10)
    assert loading.done
    assert loading.next() is None


def test_after_a_lost_chunk_sending_goes_on_with_it_once() -> None:
    loading = Loading(9, 4)
    requests = [loading.next() for _ in range(4)]
    numbers = [request[0] for request in requests if request is not None]
    loading.expects(numbers[0], 1)
    loading.expects(numbers[2], 1)  # chunk 1 was lost on the way
    loading.expects(numbers[3], 1)  # the same news again
    assert loading.next() == (4, 1)
    assert loading.next() == (5, 2)


def test_answers_that_are_not_waited_for_change_nothing() -> None:
    loading = Loading(9, 2)
    assert loading.next() == (0, 0)
    loading.expects(77, 9)
    loading.lost(77)
    assert (loading.there, loading.under_way, loading.done) == (0, 1, False)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 300), st.integers(1, 8), st.floats(0, 0.2), st.integers(0, 10**6))
def test_whatever_is_lost_all_chunks_come_in_order(
    chunks: int, window: int, rate: float, seed: int
) -> None:
    """Requests and answers are lost, some are damaged, and the device is reset now and then."""
    rng = np.random.default_rng(seed)
    loading, device = Loading(chunks, window), Device(chunks)
    queue: list[tuple[int, int]] = []
    while not loading.done:
        try:
            while (request := loading.next()) is not None:
                queue.append(request)
        except DeviceError:
            return
        if not queue:
            loading.all_lost()
            continue
        sequence, chunk = queue.pop(0)
        if rng.random() < rate / 50:
            device.taken.clear()
        event = rng.random()
        if event < rate / 2:
            loading.lost(sequence)
        elif event < rate:
            continue
        else:
            expected = device.take(chunk)
            if rng.random() >= rate:
                loading.expects(sequence, expected)
    assert device.taken == list(range(chunks))


def test_a_line_that_is_too_bad_is_given_up() -> None:
    loading = Loading(3, 1)
    for _ in range(MOST_SENDINGS):
        request = loading.next()
        assert request is not None
        loading.lost(request[0])
    with pytest.raises(
        DeviceError,
        match=r"^weights \(chunk 0\) were sent 100 times and not taken: the line is too bad$",
    ):
        loading.next()
