# SPDX-License-Identifier: Apache-2.0
"""Which image is sent when, and to which one an answer belongs."""

from __future__ import annotations

import pytest

from xnorflow.bitstreams.link.requests import (
    MAX_WINDOW,
    SEQUENCE_NUMBERS,
    LinkStatistics,
    Requests,
    most_attempts,
)
from xnorflow.errors import DeviceError


def requests_for(count: int, window: int = 2, first: int = 0) -> tuple[Requests, LinkStatistics]:
    statistics = LinkStatistics()
    return Requests(count, first, window, statistics), statistics


def sendings(requests: Requests) -> list[tuple[int, int]]:
    sent = []
    while (request := requests.next()) is not None:
        sent.append(request)
    return sent


def test_no_more_than_the_window_are_under_way() -> None:
    requests, statistics = requests_for(5, first=254)
    assert sendings(requests) == [(254, 0), (255, 1)]
    assert requests.answered(254) == 0
    assert sendings(requests) == [(0, 2)]
    assert (requests.under_way, requests.unanswered) == (2, 4)
    assert (statistics.sent, statistics.resent) == (3, 0)


def test_an_answer_says_that_requests_before_it_are_lost() -> None:
    requests, statistics = requests_for(4, window=3)
    sendings(requests)
    assert requests.answered(1) == 1
    assert sendings(requests) == [(3, 0), (4, 3)]
    assert statistics.resent == 1
    assert requests.answered(0) is None


def test_an_answer_that_is_not_waited_for_is_none() -> None:
    requests, _ = requests_for(1)
    sendings(requests)
    assert [requests.answered(number) for number in (7, 0, 0)] == [None, 0, None]
    assert requests.unanswered == 0


def test_what_was_lost_goes_first_with_a_new_number() -> None:
    requests, _ = requests_for(4)
    sendings(requests)
    requests.lost(0)
    requests.lost(77)
    assert sendings(requests) == [(2, 0)]
    requests.all_lost()
    assert sendings(requests) == [(3, 0), (4, 1)]


def test_a_device_that_is_busy_gets_fewer_at_once_and_later() -> None:
    requests, _ = requests_for(5, window=3)
    sendings(requests)
    requests.refused(2)
    assert requests.window == 2
    assert sendings(requests) == []
    assert requests.answered(0) == 0
    assert sendings(requests) == [(3, 2)]
    for number in (1, 3, 3):
        requests.refused(number)
    assert requests.window == 1


@pytest.mark.parametrize("window", range(1, MAX_WINDOW + 1))
def test_numbers_are_not_used_again_while_an_answer_can_come(window: int) -> None:
    """Requests after one that is watched get lost; those before it are answered, but late."""
    requests, _ = requests_for(100, window)
    first = [number for number, _ in sendings(requests)]
    watched = first[-1]
    lost, used = [watched], 0
    for used in range(SEQUENCE_NUMBERS):
        requests.lost(lost.pop())
        if used == 10:
            for number in first[:-1]:
                requests.answered(number)
        try:
            lost += [number for number, _ in sendings(requests)]
        except DeviceError:
            break
        assert watched not in lost
    assert most_attempts(window) - 1 <= used < SEQUENCE_NUMBERS - 1


def test_an_image_is_not_sent_for_ever() -> None:
    requests, _ = requests_for(1, window=8)
    for _ in range(most_attempts(8)):
        (sent,) = sendings(requests)
        requests.lost(sent[0])
    with pytest.raises(
        DeviceError, match=r"^image 0 was sent 17 times and got no answer: the line is too bad$"
    ):
        requests.next()
