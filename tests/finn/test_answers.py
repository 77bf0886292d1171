# SPDX-License-Identifier: Apache-2.0
"""When scores of FINN and ours count as equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorflow.finn.answers import Answers, compared


def answers(scores: Any, labels: Any) -> Answers:
    return Answers(np.array(scores, float), np.array(labels, float))


def test_scores_are_equal_up_to_one_scale_and_offset() -> None:
    want = answers([[-4, 2, 0], [6, 6, -2], [0, 0, 0]], [[1], [0], [0]])
    half = answers((want.scores + 10) / 2, want.labels)
    assert compared("x", want, half, 0.0).equal == 3
    own = answers([[1, 4, 3], [6, 6, 2], [8, 8, 8]], want.labels)  # an offset of its own
    assert compared("x", want, own, 0.0).equal == 2
    turned = answers(-want.scores, want.labels)
    assert compared("x", want, turned, 0.0).equal == 1
    other = answers(want.scores, [[1], [0], [1]])
    result = compared("x", want, other, 0.0)
    assert (result.equal, result.labels_equal, result.first) == (2, 2, 2)


def test_outputs_without_labels_are_equal_as_they_are() -> None:
    want = answers([[1, 2], [3, 4]], np.zeros((2, 0)))
    assert compared("x", want, want, 0.0).equal == 2
    assert compared("x", want, answers([[2, 4], [6, 8]], want.labels), 0.0).equal == 0
    assert compared("x", want, answers([[1], [3]], want.labels), 0.0).equal == 0
